//! The other half of the books: what is given back, what is put right with the bank's statement, what is paid out.

use super::payment::{Payment, PaymentState, Settlement};
use super::{Change, Stored};
use crate::bank::Decline;
use biopay_protocol::{Currency, IdempotencyKey, Merchant, MinorUnits, PaymentId};

/// A page of a list, in rows.
pub(super) const PAGE_ROWS: usize = 1_000;

/// The commands on refunds, suspense and settlement.
pub trait Books: Send + Sync {
    /// Records the intent to give something back, and takes it from what the charge leaves, before the first byte goes to
    /// the bank.
    fn open_refund(&self, intent: RefundIntent) -> Stored<OpenedRefund>;

    /// Records what became of a refund, and returns it as it then is. A settlement that its state does not allow changes
    /// nothing.
    fn settle_refund(&self, reference: String, settlement: Settlement) -> Stored<Refund>;

    /// Lists the refunds whose outcome is open, oldest first.
    fn unresolved_refunds(&self) -> Stored<Vec<Refund>>;

    /// Lists the payments with an approval in suspense.
    fn suspended(&self) -> Stored<Vec<Payment>>;

    /// Takes a payment's approval out of suspense, because the bank has given the money back; refused when none is there.
    fn clear_suspense(&self, payment: PaymentId) -> Stored<Change>;

    /// Lists payments above an identifier, in order, a page at a time; none when there are no more.
    fn payments_above(&self, payment: PaymentId) -> Stored<Vec<Payment>>;

    /// Lists refunds above a reference, in order, a page at a time; none when there are no more.
    fn refunds_above(&self, reference: String) -> Stored<Vec<Refund>>;

    /// Puts every posted payment and refund that is in no batch yet into a new one; returns its number, and how many rows
    /// it has.
    fn close_batch(&self) -> Stored<(i64, u64)>;

    /// Lists what is in a batch, by merchant, currency and reference.
    fn batch_lines(&self, batch: i64) -> Stored<Vec<SettlementLine>>;
}

/// An intent to give something back.
#[derive(Clone, Debug)]
pub struct RefundIntent {
    /// The payment that it is given back of.
    pub payment: PaymentId,
    /// The key that makes a retry recognisable.
    pub key: IdempotencyKey,
    /// How much.
    pub amount: MinorUnits,
    /// The reference that server and bank share.
    pub reference: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A refund as it stands; its states are those of a payment that nobody cancels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The reference that server and bank share.
    pub reference: String,
    /// The reference of the charge.
    pub original: String,
    /// The payment.
    pub payment: PaymentId,
    /// Who gives it back.
    pub merchant: Merchant,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// Its state.
    pub state: PaymentState,
    /// Why the bank declined.
    pub decline: Option<Decline>,
    /// When it was opened, in milliseconds since 1970.
    pub at_ms: u64,
}

/// The outcome of an intent to give something back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenedRefund {
    /// It is the first with its key, and durable: ask the bank.
    New(Refund),
    /// The key was used for the same refund; this is what became of it.
    Existing(Refund),
    /// The key was used for another refund of this payment.
    Conflict,
    /// The payment is not posted, or has less left.
    TooLarge,
}

/// One row of a settlement file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SettlementLine {
    /// The batch.
    pub batch: i64,
    /// Who is paid out.
    pub merchant: String,
    /// In which currency.
    pub currency: String,
    /// `charge` or `refund`.
    pub kind: String,
    /// The reference at the bank.
    pub reference: String,
    /// What is added to the payout, in minor units; less than nothing for a refund.
    pub amount_minor: i64,
    /// When it was begun, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Decides what a settlement does to a refund; `None` when nothing.
pub(super) fn refund_transition(from: PaymentState, settlement: &Settlement) -> Option<PaymentState> {
    match (from, settlement) {
        (PaymentState::Pending | PaymentState::Unknown, Settlement::Approved { .. }) => Some(PaymentState::Posted),
        (PaymentState::Pending | PaymentState::Unknown, Settlement::Declined(_)) => Some(PaymentState::Voided),
        (PaymentState::Pending, Settlement::NotSent) => Some(PaymentState::Voided),
        (PaymentState::Pending, Settlement::Unknown) => Some(PaymentState::Unknown),
        (PaymentState::Pending | PaymentState::Unknown, Settlement::Cancelled | Settlement::Reversed)
        | (PaymentState::Unknown, Settlement::NotSent | Settlement::Unknown)
        | (PaymentState::Posted | PaymentState::Voided | PaymentState::Reversing | PaymentState::Reversed, _) => None,
    }
}

/// Returns the name of a refund's row in the ledger.
pub(super) fn entry_name(reference: &str) -> String {
    format!("refund/{reference}")
}

/// Reads refunds with what their payments say, under the condition that follows.
pub(super) const REFUNDS: &str = "SELECT refunds.reference, payments.reference, payment, merchant, refunds.amount_minor, \
    currency, refunds.state, refunds.decline, refunds.at_ms FROM refunds JOIN payments ON payments.id = payment ";

/// Reads the payments whose approval is in suspense and not taken out of it.
pub(super) const SUSPENDED: &str = "WHERE EXISTS (SELECT 1 FROM entries WHERE payment = payments.id AND kind = 'suspense') \
    AND NOT EXISTS (SELECT 1 FROM entries WHERE payment = payments.id AND kind = 'cleared') ORDER BY id";

/// Reads a batch, in the part of SQL that every store speaks; its parameter follows.
pub(super) const BATCH: &str = "SELECT merchant, currency, kind, reference, amount_minor, at_ms FROM (
        SELECT batch, merchant, currency, 'charge' AS kind, reference, amount_minor, at_ms FROM payments
        UNION ALL
        SELECT refunds.batch, merchant, currency, 'refund', refunds.reference, -refunds.amount_minor, refunds.at_ms
        FROM refunds JOIN payments ON payments.id = payment
    ) AS lines ";
