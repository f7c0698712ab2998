//! The crate's one error enum.

use std::path::PathBuf;

/// Everything that can go wrong when a run is written, read or reported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the run folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The folder holds no run.
    #[error("{0} is not a run folder: it has no manifest.json (a run folder is what `biopay run --out DIR` writes)")]
    NotARun(PathBuf),
    /// The run was written by a version whose schema this one does not read.
    #[error("{path} has schema {found}; this version reads {accepted:?}: use the biopay that wrote it")]
    Schema {
        /// The run folder.
        path: PathBuf,
        /// The version found in its manifest.
        found: u32,
        /// The versions that this program reads.
        accepted: [u32; 2],
    },
    /// A file of NumPy is not one of embeddings.
    #[error("{path}: {why}")]
    Numpy {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what it needs.
        why: String,
    },
    /// The run folder's target exists and is not an earlier run.
    #[error("{0} exists and is not a run folder: choose another --out")]
    Occupied(PathBuf),
    /// Another process writes the run folder.
    #[error("{0} is being written by another process: wait for its end, or choose another --out")]
    Written(PathBuf),
    /// An artefact is not the one that the run's manifest names.
    #[error("{path} {why}")]
    Altered {
        /// The artefact.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// A Parquet table is damaged or lacks a column.
    #[error("table {table}: {source}")]
    Table {
        /// The table's name.
        table: &'static str,
        /// What the reader said.
        source: polars::error::PolarsError,
    },
    /// A row of a file of embeddings cannot be used.
    #[error("{path}, row {row}: {why}")]
    Embedding {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: usize,
        /// What is wrong.
        why: String,
    },
    /// A column holds a null where the schema has none.
    #[error("table {table}: column {column} holds a null")]
    Null {
        /// The table's name.
        table: &'static str,
        /// The column's name.
        column: &'static str,
    },
    /// The manifest is not what this program writes.
    #[error("{path}: {source}")]
    Manifest {
        /// The manifest's path.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A threshold cannot be read.
    #[error("threshold {expression:?}: {why}")]
    Threshold {
        /// As it was written.
        expression: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// Several runs of one build are compared with a single one of the other.
    #[error(
        "name at least two runs of each build, with different seeds, to compare over runs: there are {first} and {second}"
    )]
    Replications {
        /// Runs of the first build.
        first: usize,
        /// Runs of the second.
        second: usize,
    },
    /// A picture could not be drawn.
    #[error("picture: {0}")]
    Picture(String),
    /// The latency file is damaged.
    #[error("{path}: damaged latency histogram: {why}")]
    Latency {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
