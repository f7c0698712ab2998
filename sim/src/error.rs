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
    /// A hunt found broken promises; they have been shown.
    #[error("hunt.violations == 0 failed: {0} found, each with the command that plays it again")]
    Violations(usize),
    /// A figure got worse than allowed; the comparison has been shown.
    #[error("regression: {0}")]
    Regression(String),
    /// A submission to a cluster has ended without a result.
    #[error("{0}")]
    Cluster(String),
    /// A signal ended the run early; what was recorded until then is kept.
    #[error("interrupted: the run folder has what was recorded until then, marked as partial")]
    Interrupted(u8),
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

    /// Turns the error of a picture that could not be written.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
    pub(crate) fn picture(path: impl Into<PathBuf>) -> impl FnOnce(image::ImageError) -> Self {
        let path = path.into();
        move |error| match error {
            image::ImageError::IoError(source) => Self::File { path, source },
            other => Self::Usage(format!("{}: {other}", path.display())),
        }
    }

    /// Returns the process's exit code: 2 for usage and configuration, 3 for a failed threshold, 4 for a regression, 5
    /// for too little evidence, 6 for an invalid run, 128 and the signal's number for an interrupted one, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Scenario { .. } | Self::Usage(_) => 2,
            Self::ThresholdFailed(_) | Self::Violations(_) => 3,
            Self::Regression(_) => 4,
            Self::NotEnoughEvidence(_) => 5,
            Self::InvalidRun(_) => 6,
            Self::Interrupted(code) => *code,
            Self::Datasets(error) if is_wrong_sample(error) => 2,
            Self::Reports(error) if is_wrong_folder(error) => 2,
            Self::File { .. }
            | Self::Store { .. }
            | Self::Start { .. }
            | Self::Cluster(_)
            | Self::Biometrics(_)
            | Self::Datasets(_)
            | Self::Reports(_)
            | Self::Protocol(_) => match self.io().is_some_and(is_wrong_path) {
                true => 2,
                false => 1,
            },
        }
    }

    /// Returns the operating system's error behind this one.
    fn io(&self) -> Option<&std::io::Error> {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.filter_map(|cause| cause.downcast_ref()).next()
    }

    /// Returns the message in a user's words: who reads it knows files and folders, not the system's error numbers.
    pub fn in_words(&self) -> String {
        match (self, self.io()) {
            (Self::Reports(biopay_reports::Error::Manifest { path, source }), None) => {
                format!("{} is damaged, or was not written by biopay: {source}", path.display())
            }
            (_, Some(io)) => self.to_string().replace(&io.to_string(), &io_words(io)),
            (_, None) => self.to_string(),
        }
    }
}

/// Whether a path of the command line was wrong, rather than the machine.
fn is_wrong_path(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        AlreadyExists, InvalidData, InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied,
    };
    let wrong = [AlreadyExists, InvalidData, InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied];
    wrong.contains(&error.kind())
}

fn is_wrong_sample(error: &biopay_datasets::Error) -> bool {
    use biopay_datasets::Error;
    matches!(error, Error::Parameter { .. } | Error::NoSamples { .. } | Error::SameName { .. } | Error::Image { .. })
}

fn is_wrong_folder(error: &biopay_reports::Error) -> bool {
    use biopay_reports::Error;
    matches!(
        error,
        Error::Threshold { .. }
            | Error::NotARun(_)
            | Error::Schema { .. }
            | Error::Occupied(_)
            | Error::Written(_)
            | Error::Manifest { .. }
            | Error::Altered { .. }
            | Error::Embedding { .. }
            | Error::Numpy { .. }
    )
}

/// The operating system's error in words.
#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
fn io_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".into(),
        ErrorKind::IsADirectory => "it is a folder, but a file is needed".into(),
        ErrorKind::NotADirectory => "a part of it is a file, but a folder is needed".into(),
        ErrorKind::AlreadyExists => "a file with this name exists: choose another name".into(),
        ErrorKind::PermissionDenied => "this user may not read or write it".into(),
        ErrorKind::StorageFull => "the disk is full: free some space, or choose another disk".into(),
        ErrorKind::InvalidData => "it is not a text file (UTF-8)".into(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_path_is_a_mistake_of_usage_and_is_said_in_words() {
        let error = Error::file("runs/first")(std::io::Error::from_raw_os_error(2));
        assert_eq!((error.exit_code(), error.in_words().as_str()), (2, "runs/first: there is no such file or folder"));
        let full = Error::file("runs/first")(std::io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit_code(), 1);
    }
}
