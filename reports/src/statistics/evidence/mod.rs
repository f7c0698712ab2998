//! The evidence behind each figure: what was counted, by which design, and what interval that allows.
//!
//! Every rate passes through [`rate::Rate`], which carries its count, its design effect, its interval and the method's
//! name; [`limit`] holds it against a limit and says what would be enough.

pub mod band;
pub(crate) mod blocks;
pub mod cluster;
pub mod curve;
pub(crate) mod kept;
pub mod limit;
pub(crate) mod method;
pub(crate) mod one_try;
pub mod prospect;
pub(crate) mod rate;
pub mod security;
pub mod selection;
pub(crate) mod sums;
