//! Two runs side by side: for every figure its change, the interval of that change, and a test that fits the figure.
//!
//! | figure | test | interval of the change |
//! |---|---|---|
//! | rates | Fisher's exact test at the number of trials that the clustered variance is worth | MOVER of both rates' intervals |
//! | percentiles | bootstrap of both quantiles from their histograms | the bootstrap's percentiles |
//! | means of latencies | Welch's | normal |
//! | everything else | none: it is one number of each run | none |
//!
//! Latencies of one handset are alike where handsets have different links, so that the share of each link decides the
//! whole: an operation over all links then counts each handset as one latency, which is the safe side. Operations of one
//! link (`charge@4g`) count all.
//!
//! Tests within one comparison are held to a family-wise error of 5 % together (Holm 1979).

mod comparable;
mod difference;
mod fail_on;
mod text;

pub mod statistics;

pub use comparable::differences as reasons_not_to_compare;
pub use difference::{Comparison, Difference, Finding, Side, compare};
pub use fail_on::{FailOn, Regression};
pub use text::{markdown, terminal};
