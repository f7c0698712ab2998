//! Two runs side by side: for every figure its change, the interval of that change, and a test that fits the figure.
//!
//! | figure | test | interval of the change |
//! |---|---|---|
//! | rates | Fisher's exact test at the number of trials that the clustered variance is worth | MOVER of both rates' intervals |
//! | FMR and FNMR of runs with one seed, which compare the same samples | McNemar's exact test, likewise | that of the share of errors that only one has |
//! | percentiles | bootstrap of both quantiles, at the independent latencies that blocks of time are worth | the bootstrap's percentiles |
//! | means of latencies | Welch's | normal |
//! | everything else | none: it is one number of each run | none |
//!
//! With several runs on each side, rates are pooled and every other figure is tested over the runs: Student's test of the
//! differences where both sides have the same seeds, else Welch's.
//!
//! Latencies of one handset are alike where handsets have different links, so that the share of each link decides the
//! whole: an operation over all links then counts each handset as one latency, which is the safe side. Operations of one
//! link (`charge@4g`) count all.
//!
//! Tests within one comparison are held to a family-wise error of 5 % together (Holm 1979).

mod comparable;
mod difference;
mod fail_on;
mod page;
mod pairs;
mod replications;
mod text;

pub mod statistics;

pub use comparable::differences as reasons_not_to_compare;
pub use difference::{Comparison, Difference, Finding, Side, compare};
pub use fail_on::{FailOn, Regression};
pub use page::page;
pub use pairs::ErrorCells;
pub use replications::compare_replicated;
pub use text::{markdown, terminal};
