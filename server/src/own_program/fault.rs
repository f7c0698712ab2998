//! What goes wrong with a program, and how often.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The reason why a program gave no answer that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Fault {
    #[error("{program} cannot be started: {error}")]
    NotStarted { program: String, error: String },
    #[error("it ended: {0}")]
    EndedWith(String),
    #[error("it ended")]
    Ended,
    #[error("it gave no answer within {0:?}, and was killed")]
    Late(Duration),
    #[error("its answer has more than {0} bytes, and it was killed")]
    TooLong(u64),
    #[error("it failed {0} times at its first question: no more processes are started")]
    GivenUp(u32),
    #[error("its answer to {question:?} is not understood: {why}")]
    NotUnderstood { question: &'static str, why: String },
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
