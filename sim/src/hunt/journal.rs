//! The journal of one hunted run: everything that a reader of its timeline wants to know, in order.

use crate::virtual_time::Timeline;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The part of the world that a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A handset and its user.
    Handset(u32),
    /// The server.
    Server,
    /// The second server on the same store.
    Standby,
    /// The bank.
    Bank,
    /// A disk, by its owner's name.
    Disk(&'static str),
    /// The operator of the server.
    Operator,
    /// The fault injector.
    Fault,
    /// A checker.
    Checker,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handset(number) => write!(f, "handset {number}"),
            Self::Server => f.write_str("server"),
            Self::Standby => f.write_str("standby"),
            Self::Bank => f.write_str("bank"),
            Self::Disk(owner) => write!(f, "{owner}'s disk"),
            Self::Operator => f.write_str("operator"),
            Self::Fault => f.write_str("FAULT"),
            Self::Checker => f.write_str("CHECKER"),
        }
    }
}

/// One line: when, who, what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The time since the start.
    pub at: Duration,
    /// The part of the world.
    pub who: Who,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.6} s  {:<14} {}", self.at.as_secs_f64(), self.who.to_string(), self.what)
    }
}

/// The journal, which all parts of a run share.
#[derive(Clone)]
pub(super) struct Journal {
    timeline: Arc<Timeline>,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Journal {
    /// Begins a journal on a timeline.
    pub(super) fn new(timeline: Arc<Timeline>) -> Self {
        Self { timeline, lines: Arc::default() }
    }

    /// Adds a line.
    pub(super) fn note(&self, who: Who, what: impl Into<String>) {
        let line = Line { at: self.timeline.elapsed(), who, what: what.into() };
        self.lines().push(line);
    }

    /// Returns the number of lines so far: the number of the next event.
    pub(super) fn events(&self) -> usize {
        self.lines().len()
    }

    /// Takes all lines.
    pub(super) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.lines())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the digest of lines, in hexadecimal digits: two runs of one case have the same.
pub(super) fn digest(lines: &[Line]) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.to_string().as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
