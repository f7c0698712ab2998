//! Linear statistics that templates are learnt with: principal components and linear discriminants.
//!
//! Training uses `ndarray`'s matrix product, whose last bits depend on the processor's vector unit; what is learnt is
//! therefore stored, and nothing at template time goes through here.

mod affine;
mod binary;
mod discriminant;
mod eigen;
mod principal;
mod ridge;

pub(crate) use affine::Affine;
pub(crate) use binary::{binary_form, weighted_for_cosine};
pub(crate) use discriminant::discriminants;
pub(crate) use principal::principal_components;
pub(crate) use ridge::{Linear, ridge, solve_positive};
