//! The crate's one error enum, and the exit code of each error.

use std::path::PathBuf;

/// Everything that can go wrong in a simulation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario, or a `--set`, is invalid.
    #[error("{origin}: {message}")]
    Scenario {
        /// The file, built-in name or option.
        origin: String,
        /// The fault, and what is allowed.
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
        /// The operating system's error.
        source: std::io::Error,
    },
    /// An object store failed.
    #[error("{place}: {why}")]
    Store {
        /// The run folder's address.
        place: String,
        /// The store's or the network's answer.
        why: String,
    },
    /// The server or the bank did not start.
    #[error("the {component} did not start: {why}")]
    Start {
        /// The component.
        component: &'static str,
        /// The component's error.
        why: String,
    },
    /// The run is invalid, so that its figures do not count.
    #[error("invalid run: {0}")]
    InvalidRun(String),
    /// A threshold of the scenario failed; the verdicts have been shown.
    #[error("{0} of the scenario's thresholds failed")]
    ThresholdFailed(usize),
    /// A figure got worse than allowed; the comparison has been shown.
    #[error("regression: {0}")]
    Regression(String),
    /// A submission to a cluster has ended without a result.
    #[error("{0}")]
    Cluster(String),
    /// There is not enough evidence; the missing part has been shown.
    #[error("not enough evidence: {0}")]
    NotEnoughEvidence(String),
    /// Biometrics failed other than by a failure to acquire.
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
