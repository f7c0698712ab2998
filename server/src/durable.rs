//! What the server's stores and the bank's ledger have in common: their errors and their commit counters.

use serde::Serialize;

/// The reason why a store did not run a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A newer program wrote the database.
    #[error("the database has schema version {found}, this program knows {known}: use a newer program")]
    NewerSchema {
        /// The version found.
        found: usize,
        /// The newest version known.
        known: usize,
    },
    /// Another program wrote the database.
    #[error("the database belongs to another program: name this program's own")]
    OtherProgram,
    /// There is no database at this place.
    #[error("there is no database at {0:?}: name the one that the server uses")]
    Missing(std::path::PathBuf),
    /// Too many commands wait.
    #[error("the store is overloaded")]
    Overloaded,
    /// The disk is full; nothing was written.
    #[error("the store's disk is full")]
    Full,
    /// The redo log cannot be used.
    #[error("redo log: {0}")]
    Redo(String),
    /// The disk failed, or the thread that writes has ended; the process must end and recover.
    #[error("the store has failed: restart to recover from the disk")]
    Failed,
    /// A statement failed; nothing was written.
    #[error("the store refused: {0}")]
    Sql(String),
    /// The database cannot be reached; nothing was sent to it.
    #[error("the database cannot be reached")]
    Unreachable,
    /// The database did not answer: what it was asked may be done or not.
    #[error("the database did not answer")]
    Unanswered,
}

impl StoreError {
    /// Returns whether the command may have been carried out all the same.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::Failed | Self::Unanswered => true,
            Self::NewerSchema { .. }
            | Self::OtherProgram
            | Self::Missing(_)
            | Self::Overloaded
            | Self::Full
            | Self::Redo(_)
            | Self::Sql(_)
            | Self::Unreachable => false,
        }
    }
}

/// The commands and commits of a store; their ratio is the number of commands that share an fsync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commits {
    /// Commands that were answered.
    pub commands: u64,
    /// Commits that they shared.
    pub commits: u64,
}
