//! A program of the user's own, in any language, which answers questions line by line: one line of JSON each.
//!
//! Several processes of it answer in no order. Each is limited in memory and in the time for an answer, and is killed when it
//! is late and when its asker goes.

mod bytes;
mod fault;
mod pool;
mod settings;

use fault::Faults;
use pool::Pool;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use bytes::Bytes;
pub use fault::Fault;
pub use settings::Settings;

/// A program, and what went wrong with it.
pub struct OwnProgram {
    pool: Pool,
    faults: Faults,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The program says why not.
    #[error("it says: {0}")]
    Refused(String),
    /// The program failed.
    #[error("{0}")]
    Fault(Fault),
}

impl OwnProgram {
    /// Takes a program, whose first process starts with the first question.
    pub fn new(settings: Settings) -> Self {
        Self { pool: Pool::new(settings), faults: Faults::default() }
    }

    /// Asks, and returns the answer. `name` is the question's, for messages.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub fn converse<A: DeserializeOwned>(
        &self,
        name: &'static str,
        question: &impl Serialize,
    ) -> Result<A, Unanswered> {
        let not_understood =
            |why: serde_json::Error| Unanswered::Fault(Fault::NotUnderstood { question: name, why: why.to_string() });
        let text = serde_json::to_string(question).map_err(not_understood)?;
        let line = self.pool.ask(&text).map_err(Unanswered::Fault)?;
        serde_json::from_str::<A>(&line).map_err(|error| match serde_json::from_str::<Refused>(&line) {
            Ok(refused) => Unanswered::Refused(refused.failed),
            Err(_) => not_understood(error),
        })
    }

    /// Asks, and counts it where the program fails; `None` where it fails or says no.
    pub fn ask<A: DeserializeOwned>(&self, name: &'static str, question: &impl Serialize) -> Option<A> {
        match self.converse(name, question) {
            Ok(answer) => Some(answer),
            Err(Unanswered::Refused(_)) => None,
            Err(Unanswered::Fault(fault)) => {
                self.faults.count(&fault);
                None
            }
        }
    }

    /// Counts an answer that cannot be used.
    pub fn misunderstood(&self, name: &'static str, why: String) {
        self.faults.count(&Fault::NotUnderstood { question: name, why });
    }

    /// Lists what went wrong, with how often.
    pub fn faults(&self) -> Vec<(String, u64)> {
        self.faults.list()
    }
}

/// An answer that says no: the sample does not do.
#[derive(serde::Deserialize)]
struct Refused {
    failed: String,
}
