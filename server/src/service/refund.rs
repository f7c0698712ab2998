//! Refunds: a merchant gives a charge back, whole or in part, never more than it was, once a key.

use super::answer::settlement_of;
use super::limits::Source;
use super::state::{OrRefuse, Service};
use crate::bank::{RefundOrder, Sending};
use crate::store::{OpenedRefund, Payment, PaymentState, Refund, RefundIntent, Settlement};
use biopay_protocol::merchant::RefundRequest;
use biopay_protocol::{PaymentId, Refusal, Response};

impl Service {
    /// Gives a charge back. The merchant's signature is the login.
    pub(super) async fn refund(&self, source: Source, request: RefundRequest) -> Result<Response, Refusal> {
        self.throttle.begin_enquiry(source)?;
        if !self.merchants.have_signed_refund(&request) {
            return Err(Refusal::MerchantSignature);
        }
        let RefundRequest { merchant, reference, amount, currency, idempotency_key, .. } = request;
        let payment = self.store.find_payment_by_reference(reference.into()).await.or_refuse()?;
        let is_theirs = |payment: &Payment| payment.merchant == merchant && payment.currency == currency;
        let payment = payment.filter(is_theirs).ok_or(Refusal::NoSuchPayment)?;
        let (reference, at_ms) = (self.draw_reference(), self.env.clock.unix_ms());
        let intent = RefundIntent { payment: payment.id, key: idempotency_key, amount, reference, at_ms };
        let refund = match self.store.open_refund(intent).await.or_refuse()? {
            OpenedRefund::New(refund) => self.send_refund(refund, Sending::First).await?,
            OpenedRefund::Existing(refund) => refund,
            OpenedRefund::Conflict => return Err(Refusal::IdempotencyConflict),
            OpenedRefund::TooLarge => return Err(Refusal::RefundTooLarge),
        };
        self.answer_refund(payment.id, refund)
    }

    fn answer_refund(&self, payment: PaymentId, refund: Refund) -> Result<Response, Refusal> {
        match refund.state {
            PaymentState::Posted => {
                let Refund { reference, amount, currency, .. } = refund;
                Ok(Response::Refunded { reference, amount, currency })
            }
            PaymentState::Voided => {
                Err(refund.decline.as_ref().map_or(Refusal::BankUnreachable, super::answer::refusal_of))
            }
            PaymentState::Pending => Err(Refusal::InProgress { payment }),
            PaymentState::Unknown | PaymentState::Reversing | PaymentState::Reversed => {
                self.unresolved.notify_one();
                Err(Refusal::UnknownOutcome { payment })
            }
        }
    }

    /// Asks the bank, and records what it says.
    async fn send_refund(&self, refund: Refund, sending: Sending) -> Result<Refund, Refusal> {
        let Refund { reference, original, amount, currency, .. } = refund.clone();
        let order = RefundOrder { reference, original, amount, currency, sending };
        let settlement = match (settlement_of(self.bank.refund(order).await), sending) {
            // The first sending may have arrived, whatever became of this one.
            (Settlement::NotSent, Sending::Repeat) => Settlement::Unknown,
            (settlement, _) => settlement,
        };
        let is_open = settlement == Settlement::Unknown;
        let settled = self.store.settle_refund(refund.reference, settlement).await;
        if is_open || settled.is_err() {
            self.unresolved.notify_one();
        }
        settled.or_refuse()
    }

    /// Asks the bank again about every refund that is open; returns how many are settled now, and how many still open.
    pub(super) async fn resolve_refunds(&self) -> Result<(usize, usize), Refusal> {
        let (mut settled, mut left) = (0, 0);
        let sent_before = self.env.clock.unix_ms().saturating_sub(FRESH_MS);
        for refund in self.store.unresolved_refunds().await.or_refuse()? {
            if refund.state == PaymentState::Pending && refund.at_ms > sent_before {
                left += 1;
                continue;
            }
            // From here on "never sent" says nothing: another sending may have arrived.
            let refund = self.store.settle_refund(refund.reference, Settlement::Unknown).await.or_refuse()?;
            match self.send_refund(refund, Sending::Repeat).await?.state {
                PaymentState::Posted | PaymentState::Voided => settled += 1,
                PaymentState::Pending | PaymentState::Unknown | PaymentState::Reversing | PaymentState::Reversed => {
                    left += 1
                }
            }
        }
        Ok((settled, left))
    }
}

/// How long a pending refund is left to the request that sends it. Units: milliseconds.
const FRESH_MS: u64 = 60_000;
