//! Linear statistics that templates are learnt with: principal components and linear discriminants.
//!
//! Training uses `ndarray`'s matrix product, whose last bits depend on the processor's vector unit; what is learnt is
//! therefore stored, and nothing at template time goes through here.

mod discriminant;
mod eigen;
mod principal;

pub(crate) use discriminant::{Discriminants, discriminants};
pub(crate) use principal::principal_components;
