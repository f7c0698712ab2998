//! What goes wrong with a program, and how often.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The reason why a program gave no answer that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The program cannot be started; the error is the system's.
    #[error("{program} cannot be started: {error}")]
    NotStarted {
        /// The program.
        program: String,
        /// The system's error.
        error: String,
    },
    /// It ended, with this exit status.
    #[error("it ended: {0}")]
    EndedWith(String),
    /// It ended, with an unknown exit status.
    #[error("it ended")]
    Ended,
    /// It gave no answer within this time, and was killed.
    #[error("it gave no answer within {0:?}, and was killed")]
    Late(Duration),
    /// Its answer is longer than this. Units: bytes.
    #[error("its answer has more than {0} bytes, and it was killed")]
    TooLong(u64),
    /// It failed this many times at its first question.
    #[error("it failed {0} times at its first question: no more processes are started")]
    GivenUp(u32),
    /// Its answer cannot be used.
    #[error("its answer to {question:?} is not understood: {why}")]
    NotUnderstood {
        /// The question's name.
        question: &'static str,
        /// The reason.
        why: String,
    },
}

/// Faults by reason, with how often.
#[derive(Default)]
pub(super) struct Faults(Mutex<BTreeMap<String, u64>>);

impl Faults {
    /// Counts one; the first of a kind is written to the log as well.
    pub(super) fn count(&self, fault: &Fault) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = faults.entry(fault.to_string()).or_default();
        *count += 1;
        if *count == 1 {
            tracing::warn!(%fault, "the user's own program failed");
        }
    }

    pub(super) fn list(&self) -> Vec<(String, u64)> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().map(|(why, count)| (why.clone(), *count)).collect()
    }
}
