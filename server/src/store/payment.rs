//! A payment's states and what moves it from one to the next.
//!
//! ```text
//!                    ┌──approved──► posted
//! page ──► pending ──┼──declined──► voided
//!            │  ▲    └──not sent──► voided
//!     no answer │                          (a late approval of a reversed payment goes to suspense)
//!            ▼  │ asked again
//!         unknown ──approved──► posted, ──declined──► voided
//!            │
//!         cancelled ──► reversing ──the bank knows──► reversed
//! ```
//! Nothing here happens because time passed: an unknown outcome stays unknown until the bank says otherwise.

use super::account::AccountId;
use crate::bank::Decline;
use crate::planted::{PlantedBug, planted};
use biopay_protocol::{Currency, IdempotencyKey, Merchant, MinorUnits, OrderId, PaymentId};
use serde::Serialize;

/// The state of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// The intent and the hold are durable; the bank may have been asked.
    Pending,
    /// The bank was asked and did not answer; it is asked again.
    Unknown,
    /// The money has moved.
    Posted,
    /// No money has moved, and none will.
    Voided,
    /// The payment was given up, and the bank must be told.
    Reversing,
    /// The payment was given up, and the bank knows.
    Reversed,
}

impl PaymentState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Unknown, Self::Posted, Self::Voided, Self::Reversing, Self::Reversed];

    /// Returns the state's number in the store.
    pub fn code(self) -> i64 {
        match self {
            Self::Pending => 1,
            Self::Unknown => 2,
            Self::Posted => 3,
            Self::Voided => 4,
            Self::Reversing => 5,
            Self::Reversed => 6,
        }
    }

    /// Finds a state by its number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// An intent to charge.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The payment.
    pub payment: PaymentId,
    /// Who pays.
    pub account: AccountId,
    /// The key that makes a retry recognisable.
    pub key: IdempotencyKey,
    /// Who is paid.
    pub merchant: Merchant,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// The reference that server and bank share.
    pub reference: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The merchant's order, which is paid once.
    pub order: Option<OrderId>,
}

impl Intent {
    /// Returns whether a recorded payment came from the same request.
    pub fn is_same_request(&self, payment: &Payment) -> bool {
        (&self.merchant, self.amount, &self.currency) == (&payment.merchant, payment.amount, &payment.currency)
    }
}

/// A payment as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The payment's identifier.
    pub id: PaymentId,
    /// Who pays.
    pub account: AccountId,
    /// Who is paid.
    pub merchant: Merchant,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// The reference that server and bank share.
    pub reference: String,
    /// Its state.
    pub state: PaymentState,
    /// The bank's approval code, once posted.
    pub approval: Option<String>,
    /// Why the bank declined; `None` when it was never asked.
    pub decline: Option<Decline>,
}

/// The outcome of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is the first with its key, and durable: ask the bank.
    New(Payment),
    /// The key was used for the same request; this is what became of it.
    Existing(Payment),
    /// The key was used for another request.
    Conflict,
    /// The merchant's order is paid, or being paid.
    OrderTaken,
}

/// The outcome of a payment, as the bank or the payer decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The bank approved.
    Approved {
        /// Its approval code.
        approval: String,
    },
    /// The bank declined.
    Declined(Decline),
    /// The bank could not be reached, and nothing was sent.
    NotSent,
    /// The bank did not answer.
    Unknown,
    /// The payer gave up while the outcome was unknown.
    Cancelled,
    /// The bank knows that the payment is void.
    Reversed,
}

impl Settlement {
    /// Returns whether the payer may use the payment's idempotency key again: nothing was sent, so nothing can be charged
    /// twice. The store keeps the voided payment under a key that no request can have.
    pub fn frees_key(&self) -> bool {
        match self {
            Self::NotSent => !planted(PlantedBug::PoisonedKey),
            Self::Approved { .. } | Self::Declined(_) | Self::Unknown | Self::Cancelled | Self::Reversed => false,
        }
    }

    /// Returns the approval code and the decline code that it brings.
    pub fn codes(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Approved { approval } => (Some(approval), None),
            Self::Declined(why) => (None, Some(why.code())),
            Self::NotSent | Self::Unknown | Self::Cancelled | Self::Reversed => (None, None),
        }
    }
}

/// A row that a payment writes into the ledger, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A hold on the amount.
    Hold,
    /// The end of the hold.
    Release,
    /// A debt to the merchant, against what the bank owes us.
    Post,
    /// An approval that came after the reversal, for reconciliation.
    Suspense,
}

impl Entry {
    /// Returns the entry's name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Post => "post",
            Self::Suspense => "suspense",
        }
    }

    /// Returns the ledger accounts that the entry debits and credits.
    pub fn accounts(self, merchant: &Merchant) -> (String, String) {
        let (debit, credit) = match self {
            Self::Hold => ("held", "holds"),
            Self::Release => ("holds", "held"),
            Self::Post => return ("bank".into(), format!("merchant/{merchant}")),
            Self::Suspense => ("suspense", "suspended"),
        };
        (debit.into(), credit.into())
    }
}

/// Decides what a settlement does to a payment: the new state and the ledger's new rows; `None` when nothing.
pub fn transition(from: PaymentState, settlement: &Settlement) -> Option<(PaymentState, &'static [Entry])> {
    match (from, settlement) {
        (PaymentState::Pending, Settlement::NotSent) if planted(PlantedBug::HoldNotVoided) => {
            return Some((PaymentState::Voided, &[]));
        }
        (PaymentState::Unknown, Settlement::NotSent) if planted(PlantedBug::RepeatNotSent) => {
            return Some((PaymentState::Voided, &[Entry::Release]));
        }
        (PaymentState::Reversing | PaymentState::Reversed, Settlement::Approved { .. })
            if planted(PlantedBug::ReversedPosted) =>
        {
            return Some((PaymentState::Posted, &[Entry::Release, Entry::Post]));
        }
        (_, _) => {}
    }
    match (from, settlement) {
        (PaymentState::Pending | PaymentState::Unknown, Settlement::Approved { .. }) => {
            Some((PaymentState::Posted, &[Entry::Release, Entry::Post]))
        }
        (PaymentState::Pending | PaymentState::Unknown, Settlement::Declined(_)) => {
            Some((PaymentState::Voided, &[Entry::Release]))
        }
        // Once it was unknown, a failure to send says nothing about what was sent before.
        (PaymentState::Pending, Settlement::NotSent) => Some((PaymentState::Voided, &[Entry::Release])),
        (PaymentState::Pending, Settlement::Unknown) => Some((PaymentState::Unknown, &[])),
        (PaymentState::Unknown, Settlement::Cancelled) => Some((PaymentState::Reversing, &[])),
        (PaymentState::Reversing, Settlement::Reversed) => Some((PaymentState::Reversed, &[Entry::Release])),
        (PaymentState::Reversing | PaymentState::Reversed, Settlement::Approved { .. }) => {
            Some((from, &[Entry::Suspense]))
        }
        (PaymentState::Pending, Settlement::Cancelled | Settlement::Reversed)
        | (PaymentState::Unknown, Settlement::NotSent | Settlement::Unknown | Settlement::Reversed)
        | (PaymentState::Posted | PaymentState::Voided, _)
        | (
            PaymentState::Reversing | PaymentState::Reversed,
            Settlement::Declined(_) | Settlement::NotSent | Settlement::Unknown | Settlement::Cancelled,
        )
        | (PaymentState::Reversed, Settlement::Reversed) => None,
    }
}

/// Reads everything that an audit needs at one moment, in the part of SQL that every store speaks; one row of
/// [`AUDIT_COLUMNS`] numbers. The imbalance is summed for each currency by itself; the wrong payments are the payments whose rows are not exactly those of their state, each of the
/// payment's amount.
pub(super) const AUDIT: &str = "
    SELECT (SELECT count(*) FROM payments),
           (SELECT count(*) FROM payments WHERE state = 3),
           (SELECT count(*) FROM payments WHERE state IN (1, 2, 5)),
           (SELECT count(*) FROM payments WHERE state = 6),
           (SELECT count(*) FROM entries WHERE kind = 'suspense')
               - (SELECT count(*) FROM entries WHERE kind = 'cleared'),
           CAST((SELECT coalesce(sum(amount_minor), 0) FROM entries WHERE debit = 'bank') AS bigint),
           CAST((SELECT coalesce(sum(CASE 'held' WHEN debit THEN amount_minor WHEN credit THEN -amount_minor END), 0)
                 FROM entries) AS bigint),
           CAST((SELECT coalesce(sum(abs(bank - posted) + abs(merchants - bank) + abs(held - pending)), 0) FROM (
               SELECT currency,
                      sum(CASE WHEN state = 3 THEN amount_minor ELSE 0 END) AS posted,
                      sum(CASE WHEN state IN (1, 2, 5) THEN amount_minor ELSE 0 END) AS pending
               FROM payments GROUP BY currency
           ) AS said LEFT JOIN (
               SELECT currency AS in_currency,
                      sum(CASE WHEN debit = 'bank' THEN entries.amount_minor ELSE 0 END) AS bank,
                      sum(CASE WHEN credit LIKE 'merchant/%' THEN entries.amount_minor ELSE 0 END) AS merchants,
                      sum(CASE 'held' WHEN debit THEN entries.amount_minor WHEN credit THEN -entries.amount_minor
                          ELSE 0 END) AS held
               FROM entries JOIN payments ON payment = payments.id GROUP BY currency
           ) AS booked ON in_currency = currency) AS bigint)
               + CAST((SELECT abs((SELECT coalesce(sum(amount_minor), 0) FROM entries WHERE credit = 'bank')
                                  - (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE state = 3))) AS bigint),
           (SELECT count(*) FROM (
               SELECT state,
                      count(CASE WHEN kind = 'hold' THEN 1 END) AS holds,
                      count(CASE WHEN kind = 'release' THEN 1 END) AS releases,
                      count(CASE WHEN kind = 'post' THEN 1 END) AS posts,
                      count(CASE WHEN entries.amount_minor != payments.amount_minor AND kind NOT LIKE 'refund/%'
                          THEN 1 END) AS amounts
               FROM payments LEFT JOIN entries ON payment = payments.id
               GROUP BY payments.id, state
           ) AS counted
           WHERE holds != 1 OR amounts != 0
              OR releases != CASE WHEN state IN (3, 4, 6) THEN 1 ELSE 0 END
              OR posts != CASE WHEN state = 3 THEN 1 ELSE 0 END)
           + (SELECT count(*) FROM payments
              LEFT JOIN (SELECT payment, sum(amount_minor) AS given_back FROM refunds WHERE state IN (1, 2, 3)
                         GROUP BY payment) AS refunded ON payment = payments.id
              WHERE refunded_minor != coalesce(given_back, 0) OR refunded_minor > amount_minor),
           CAST((SELECT coalesce(sum(amount_minor), 0) FROM entries WHERE credit = 'bank') AS bigint)";
/// How many numbers [`AUDIT`] returns.
pub(super) const AUDIT_COLUMNS: usize = 10;

/// Counts what an operator watches: open payments, when the oldest began, and approvals in suspense. Indexes answer all.
pub(super) const BACKLOG: &str = "
    SELECT (SELECT count(*) FROM payments WHERE state IN (1, 2, 5)),
           (SELECT min(at_ms) FROM payments WHERE state IN (1, 2, 5)),
           (SELECT count(*) FROM entries WHERE kind = 'suspense')";

/// What is open and what is in suspense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Payments whose outcome is open.
    pub open: u64,
    /// When the oldest of them began, in milliseconds since 1970.
    pub oldest_at_ms: Option<u64>,
    /// Approvals that came after the reversal.
    pub suspended: u64,
}

impl Backlog {
    /// Reads the row of [`BACKLOG`].
    pub(super) fn from_row((open, oldest, suspended): (i64, Option<i64>, i64)) -> Self {
        Self { open: open as u64, oldest_at_ms: oldest.map(|at_ms| at_ms as u64), suspended: suspended as u64 }
    }
}

/// The ledger's sums, for an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaymentAudit {
    /// Payments in every state.
    pub payments: u64,
    /// Payments that were posted.
    pub posted: u64,
    /// Payments whose outcome is open.
    pub open: u64,
    /// Payments that were reversed.
    pub reversed: u64,
    /// Approvals that came after the reversal, and are not cleared.
    pub suspended: u64,
    /// The money that was posted, in minor units.
    pub posted_minor: i64,
    /// The money that merchants gave back.
    pub refunded_minor: i64,
    /// The money that is held.
    pub held_minor: i64,
    /// Summed over the currencies, since nothing in one makes up for another: how far the ledger accounts are from what the payments say: what the bank owes and what merchants are owed from
    /// the posted payments, what is held from the open ones. Zero when everything is right.
    pub imbalance_minor: i64,
    /// Payments whose ledger rows are not those of their state, or not of their amount.
    pub wrong_payments: u64,
}

impl PaymentAudit {
    /// Reads the row of [`AUDIT`].
    pub(super) fn from_row(row: [i64; AUDIT_COLUMNS]) -> Self {
        let [payments, posted, open, reversed, suspended, bank, held, imbalance_minor, wrong, refunded_minor] = row;
        Self {
            payments: payments as u64,
            posted: posted as u64,
            open: open as u64,
            reversed: reversed as u64,
            suspended: suspended as u64,
            posted_minor: bank,
            refunded_minor,
            held_minor: held,
            imbalance_minor,
            wrong_payments: wrong as u64,
        }
    }

    /// Returns whether the ledger adds up.
    pub fn is_clean(&self) -> bool {
        self.imbalance_minor == 0 && self.wrong_payments == 0
    }
}
