//! A payment page: what it is for, where it stands, and how many tries it has left.

use super::answer::answer_of;
use super::code::IssuedCode;
use crate::store::Payment;
use biopay_protocol::{Currency, IdempotencyKey, Merchant, MinorUnits, OrderId, PaymentId, Refusal, Response};

/// One payment page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(super) purchase: Purchase,
    pub(super) qr_tries_left: u8,
    pub(super) codes_issued: u8,
    pub(super) phase: Phase,
}

/// What a page waits for.
#[derive(Debug)]
pub(super) enum Phase {
    AwaitQr,
    AwaitCode(IssuedCode),
    /// A request is working on the page: another one must not get a try beside it.
    Busy,
}

impl Page {
    /// Begins a page.
    pub(crate) fn new(purchase: Purchase, qr_tries: u8) -> Self {
        Self { purchase, qr_tries_left: qr_tries, codes_issued: 0, phase: Phase::AwaitQr }
    }

    /// Returns whether a request works on the page.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Busy)
    }

    /// Takes the page for a presented payload.
    pub(super) fn begin_verification(&mut self, payment: PaymentId) -> Result<(), Refusal> {
        match self.phase {
            Phase::AwaitQr => self.phase = Phase::Busy,
            Phase::AwaitCode(_) => return Err(Refusal::WrongStep),
            Phase::Busy => return Err(Refusal::InProgress { payment }),
        }
        Ok(())
    }

    /// Counts a wrong presentation.
    pub(super) fn count_wrong(&mut self, name: impl FnOnce(u8) -> Refusal) -> Refusal {
        self.phase = Phase::AwaitQr;
        self.qr_tries_left = self.qr_tries_left.saturating_sub(1);
        match self.qr_tries_left {
            0 => Refusal::PaymentPageLeft,
            tries_left => name(tries_left),
        }
    }
}

/// What a page is for.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    /// Who is paid.
    pub merchant: Merchant,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// The key that makes a retry recognisable.
    pub key: IdempotencyKey,
    /// The merchant's order, once its signature is checked.
    pub order: Option<OrderId>,
}

impl Purchase {
    /// Answers a request whose key was used before.
    pub(crate) fn answer_again(&self, existing: &Payment) -> Result<Response, Refusal> {
        let same =
            (&self.merchant, self.amount, &self.currency) == (&existing.merchant, existing.amount, &existing.currency);
        if same { answer_of(existing) } else { Err(Refusal::IdempotencyConflict) }
    }
}
