//! What the checkers found.

use super::journal::{Journal, Who};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A checker: one promise that is held against every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checker {
    /// A charge that was acknowledged is one posting at the bank, of its amount, from its payer's account.
    Acknowledged,
    /// The bank took no money that the server does not know of, and the server posted none that the bank did not take.
    Books,
    /// The sums of the ledgers are right, at every start and at the end.
    Audit,
    /// No charge without a right QR and a right code, each in its time.
    Authority,
    /// No money moves between accounts that have nothing to do with each other.
    Accounts,
    /// An order is charged once, whoever asks how often.
    Idempotency,
    /// What was refused for good is not charged.
    Refusal,
    /// Every payment comes to its end when the faults are over, and nobody stays locked out.
    Liveness,
    /// The bank's answers are those of a ledger that forgets nothing: one answer a reference, and what it says is so.
    Ledger,
    /// No secret is in the log.
    Secrets,
    /// No nonce seals twice.
    Nonces,
    /// The server starts again on what its disk has.
    Restart,
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The promise that was broken.
    pub checker: Checker,
    /// What happened.
    pub what: String,
    /// When it was noticed.
    #[serde(skip)]
    pub at: Duration,
}

/// The violations of a run, which all checkers share.
#[derive(Clone)]
pub(super) struct Findings {
    journal: Journal,
    found: Arc<Mutex<Vec<Finding>>>,
}

/// The most violations that are kept: the first ones say what broke.
const FINDINGS_MAX: usize = 32;

impl Findings {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, found: Arc::default() }
    }

    /// Adds a violation.
    pub(super) fn add(&self, checker: Checker, at: Duration, what: impl Into<String>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = Finding { checker, what: what.into(), at };
        if found.len() < FINDINGS_MAX && !found.iter().any(|known| known.what == finding.what) {
            self.journal.note(Who::Checker, format!("{checker:?}: {}", finding.what));
            found.push(finding);
        }
    }

    pub(super) fn take(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
