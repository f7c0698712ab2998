//! A program of the user's own, in any language, which answers questions line by line: one line of JSON each.
//!
//! Several processes of it answer in no order. Each is limited in memory and in the time for an answer, and is killed when it
//! is late and when its asker goes.

mod bytes;
mod fault;
mod pool;

use fault::Faults;
use pool::Pool;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

pub use bytes::Bytes;
pub use fault::Fault;

/// The most processes of one program.
const PROCESSES_MAX: usize = 64;

/// How a program is run.
#[derive(Clone, Debug)]
pub struct Settings {
    command: Vec<String>,
    answer: Duration,
    memory_bytes: u64,
    processes: usize,
}

impl Settings {
    /// Checks what a user set under `key`: the longest answer in seconds, MiB of address space, and a number of processes, 0
    /// for one on each processor.
    ///
    /// # Errors
    ///
    /// A text that says what is allowed.
    pub fn new(
        key: &str,
        command: &[String],
        answer_s: f64,
        memory_mib: u64,
        processes: usize,
    ) -> Result<Self, String> {
        if !(answer_s > 0.0 && answer_s <= 3_600.0) {
            return Err(format!("{key}.answer-s is {answer_s}: use more than 0 and at most 3,600 seconds"));
        }
        if !(16..=1 << 20).contains(&memory_mib) {
            return Err(format!("{key}.memory-mib is {memory_mib}: use 16 to 1,048,576"));
        }
        if processes > PROCESSES_MAX {
            return Err(format!("{key}.processes is {processes}: use 0 to {PROCESSES_MAX}"));
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from).min(PROCESSES_MAX);
        Ok(Self {
            command: command.to_vec(),
            answer: Duration::from_secs_f64(answer_s),
            memory_bytes: memory_mib << 20,
            processes: if processes == 0 { processors } else { processes },
        })
    }
}

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
