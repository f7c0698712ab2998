//! What a run leaves behind, and what is read out of it.
//!
//! ```text
//! records ──RunWriter──► run folder ──RunReader──► Summary ──► metrics ──► thresholds, comparison of runs
//!                                        │          │           │
//!                                        │          │           └─ JSON, CSV, JUnit, Markdown
//!                                        │          └─ terminal, HTML
//!                                        └─ rates: FMR, FNMR, EER, FAR, FRR, each with count and interval
//! ```
//!
//! Nothing here knows the simulator or the server: a report is rebuilt from the folder alone.

#![warn(clippy::wildcard_enum_match_arm, unreachable_pub)]

// What a run records, and where it is kept.
pub mod embeddings;
mod error;
mod numpy;
pub mod records;
pub mod run_folder;

// What the records show: counts and intervals, the figures of a run, and what these are held against.
mod figures;
mod judgement;
mod statistics;
pub mod summary;

// What people and other programs read.
pub mod compare;
pub mod export;
pub mod history;
pub mod html;
pub mod plot;
pub mod sweep;
pub mod terminal;
mod text;

pub use error::Error;
pub use figures::metric;
pub use judgement::{requirement, threshold};
pub use run_folder::latency::LatencyRecorder;
pub use run_folder::manifest::Manifest;
pub use run_folder::{RunReader, RunWriter, cases, knee, latency, manifest};
pub use statistics::evidence::{band, cluster, curve, limit, prospect, security, selection};
pub use statistics::{auc, distribution, rates, unlinkability};

/// Rates and their intervals.
pub mod interval {
    pub use crate::statistics::evidence::method::Method;
    pub use crate::statistics::evidence::one_try::OneTry;
    pub use crate::statistics::evidence::rate::{Dependence, Rate, Unit};
    pub use crate::statistics::interval::Interval;
}
pub use summary::security::SecurityRow;
pub use summary::{Summary, attack, money, symbol};
