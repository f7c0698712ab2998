//! The methods by which intervals are computed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The method of an interval, named beside each figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Clopper and Pearson's interval of independent trials.
    #[default]
    IndependentTrials,
    /// The variance of the rate over subjects.
    SubjectVariance,
    /// The variance of the rate over both subjects of each comparison.
    TwoWayVariance,
    /// The correlation within a subject, measured at a threshold with more errors.
    MeasuredCorrelation,
    /// A stated correlation within a subject, where errors are too few to measure it.
    StatedCorrelation,
    /// The interval over all thresholds that the selecting rate allows: the threshold is profiled out.
    ThresholdInterval,
    /// Order statistics of independent latencies.
    OrderStatistics,
    /// Order statistics at the number of independent latencies that blocks of time are worth.
    Blocks,
    /// Order statistics at one latency a handset, where handsets have different links.
    Handsets,
    /// The normal interval of a mean of independent latencies.
    IndependentLatencies,
    /// Student's interval over runs with different seeds.
    Replications,
}

impl Method {
    /// Returns a short name, for a line of a terminal.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::IndependentTrials => "independent",
            Self::SubjectVariance => "by subject",
            Self::TwoWayVariance => "two-way",
            Self::MeasuredCorrelation => "correlation measured",
            Self::StatedCorrelation => "correlation stated",
            Self::ThresholdInterval => "threshold profiled",
            Self::OrderStatistics => "order statistics",
            Self::Blocks => "blocks of time",
            Self::Handsets => "one a handset",
            Self::IndependentLatencies => "independent latencies",
            Self::Replications => "over runs",
        }
    }

    /// Returns the words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::IndependentTrials => "independent trials",
            Self::SubjectVariance => "variance over subjects",
            Self::TwoWayVariance => "two-way variance over subjects",
            Self::MeasuredCorrelation => "correlation measured at another threshold",
            Self::StatedCorrelation => "stated correlation within a subject",
            Self::ThresholdInterval => "interval over the thresholds that the data allow",
            Self::OrderStatistics => "order statistics",
            Self::Blocks => "independent latencies by blocks of time",
            Self::Handsets => "one latency a handset because links differ",
            Self::IndependentLatencies => "independent latencies",
            Self::Replications => "Student's interval over runs with different seeds",
        }
    }
}
