//! The crate's one error enum.

use std::path::PathBuf;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not an image that can be read within the limits.
    #[error("cannot use {} as an image: {why}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A folder holds nothing to read.
    #[error("{} holds no {wanted} named SUBJECT_IMPRESSION; not taken: {not_taken}", path.display())]
    NoSamples {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// How many files were not taken, and why.
        not_taken: String,
    },
    /// Two files give one sample.
    #[error("{} and {} are both the sample {stem}: keep one of them", first.display(), second.display())]
    SameName {
        /// The sample's name.
        stem: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A parameter is outside its range.
    #[error("invalid parameter {name}: {why}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// What is allowed.
        why: &'static str,
    },
    /// A manifest or truth file could not be encoded.
    #[error("cannot encode {}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: serde_json::Error,
    },
}

impl Error {
    /// Wraps an I/O error together with what was being done to which path.
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
