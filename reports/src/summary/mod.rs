//! The figures of a run, each kind with the tally that computes it from the records.

pub mod attack;
mod attack_verdict;
mod latency;
mod latency_interval;
pub mod money;
pub mod network;
mod run;
mod scheme;
pub mod security;
pub mod symbol;
mod timeline;
mod transaction;
mod transaction_row;

pub use attack_verdict::AttackVerdict;
pub(crate) use attack_verdict::verdict as attack_verdict;
pub use latency::{Intended, LatencySummary};
pub use latency_interval::{LatencyEstimate, QUANTILES};
pub(crate) use latency_interval::{MEAN, Weight};
pub use run::Summary;
pub use scheme::SchemeSummary;
pub(crate) use timeline::Timeline;
pub use transaction::{EnrolmentSummary, JourneySummary, OutcomeCount, Throughput};
