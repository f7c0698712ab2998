//! Counts, rates and intervals; scores and their distributions; what both are worth as evidence.

pub mod auc;
pub(crate) mod beta;
pub mod distribution;
pub(crate) mod evidence;
pub(crate) mod gathered;
pub(crate) mod interval;
pub(crate) mod probit;
pub mod rates;
pub mod unlinkability;
