//! The crate's one error enum, and the exit code of each error.

use std::path::PathBuf;

/// Everything that can go wrong in a simulation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario, or a `--set`, is not one.
    #[error("{origin}: {message}")]
    Scenario {
        /// The file, built-in name or option.
        origin: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// An option's value cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An object store failed.
    #[error("{place}: {why}")]
    Store {
        /// The run folder's address.
        place: String,
        /// What the store or the network said.
        why: String,
    },
    /// The server or the bank did not start.
    #[error("the {component} did not start: {why}")]
    Start {
        /// Which.
        component: &'static str,
        /// What it said.
        why: String,
    },
    /// The run cannot be trusted, so there are no figures.
    #[error("invalid run: {0}")]
    InvalidRun(String),
    /// A threshold of the scenario failed; the verdicts have been shown.
    #[error("{0} of the scenario's thresholds failed")]
    ThresholdFailed(usize),
    /// A figure got worse than allowed; the comparison has been shown.
    #[error("regression: {0}")]
    Regression(String),
    /// What was submitted to a cluster has ended without its result.
    #[error("{0}")]
    Cluster(String),
    /// The evidence does not decide; what is missing has been shown.
    #[error("not enough evidence: {0}")]
    NotEnoughEvidence(String),
    /// Biometrics failed in a way that is no failure to acquire.
    #[error(transparent)]
    Biometrics(#[from] biopay_biometrics::Error),
    /// Samples could not be made or read.
    #[error(transparent)]
    Datasets(#[from] biopay_datasets::Error),
    /// Records could not be written or read.
    #[error(transparent)]
    Reports(#[from] biopay_reports::Error),
    /// A message could not be built.
    #[error(transparent)]
    Protocol(#[from] biopay_protocol::Error),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// Returns the process's exit code: 2 for usage and configuration, 3 for a failed threshold, 4 for a regression, 5
    /// for too little evidence, 6 for an invalid run, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Scenario { .. } | Self::Usage(_) | Self::Datasets(biopay_datasets::Error::Parameter { .. }) => 2,
            Self::Reports(biopay_reports::Error::Threshold { .. }) => 2,
            Self::ThresholdFailed(_) => 3,
            Self::Regression(_) => 4,
            Self::NotEnoughEvidence(_) => 5,
            Self::InvalidRun(_) => 6,
            _ => 1,
        }
    }
}
