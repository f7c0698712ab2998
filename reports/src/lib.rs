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

pub mod attack;
pub mod auc;
pub mod band;
pub mod beta;
pub mod cases;
pub mod cluster;
pub mod compare;
pub mod distribution;
pub mod embeddings;
pub mod error;
pub mod export;
mod gathered;
pub mod history;
pub mod html;
pub mod interval;
pub mod knee;
pub mod latency;
pub mod manifest;
pub mod metric;
pub mod money;
pub mod network;
pub mod plot;
pub mod rates;
pub mod records;
pub mod requirement;
pub mod run_folder;
pub mod scheme_tally;
pub mod security;
pub mod summary;
pub mod sweep;
pub mod symbol;
pub mod tables;
pub mod terminal;
pub mod threshold;
pub mod timeline;
pub mod transaction_tally;
pub mod unlinkability;

pub use error::Error;
pub use interval::{Interval, Rate};
pub use latency::LatencyRecorder;
pub use manifest::Manifest;
pub use run_folder::{RunReader, RunWriter};
pub use summary::Summary;
