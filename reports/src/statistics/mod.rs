//! Counts, rates and intervals; scores and their distributions; what both are worth as evidence.

pub mod auc;
pub(crate) mod band;
pub(crate) mod beta;
pub mod cluster;
pub mod distribution;
pub(crate) mod gathered;
pub mod interval;
pub mod limit;
pub(crate) mod probit;
pub mod rates;
pub mod security;
pub mod unlinkability;
