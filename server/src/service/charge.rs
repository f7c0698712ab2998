//! The charge: first the intent and the hold become durable, then the server asks the bank, then it records the outcome.

use super::answer::{answer_of, settlement_of};
use super::page::Purchase;
use super::session::{Login, Session};
use super::state::{OrRefuse, Service};
use crate::bank::{Authority, ChargeOrder, Sending};
use crate::config::OrderRule;
use crate::env::Env;
use crate::planted::{PlantedBug, count, planted};
use crate::store::{Binding, Intent, Opened, PaymentState, Settlement};
use biopay_protocol::merchant::{OrderTerms, SignedOrder};
use biopay_protocol::{BankAccount, PaymentId, Refusal, Response};
use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

impl Service {
    /// Charges a purchase whose QR, and code, were right.
    pub(super) async fn charge(
        &self,
        login: &Login,
        payment: PaymentId,
        purchase: Purchase,
        binding: &Binding,
    ) -> Result<Response, Refusal> {
        let (account, authority) = self.open_binding(&login.name, binding)?;
        // A PIN that is kept may be a guess: it is counted before the bank is asked, as at a registration.
        let is_guess = matches!(authority, Authority::Pin(_)) && !self.throttle.is_pin_proven(&login.name);
        let guessed = is_guess.then(|| account.clone());
        guessed.as_ref().map_or(Ok(()), |account| self.throttle.begin_pin(account))?;
        let charged = self.charge_authorised(login, payment, purchase, account, authority).await;
        if let Some(account) = guessed
            && charged != Err(Refusal::BankCredentials)
        {
            self.throttle.forgive_pin(&account);
            if charged.is_ok() {
                self.throttle.remember_pin(&login.name);
            }
        }
        charged
    }

    async fn charge_authorised(
        &self,
        login: &Login,
        payment: PaymentId,
        purchase: Purchase,
        account: BankAccount,
        authority: Authority,
    ) -> Result<Response, Refusal> {
        let _charging = self.mark_charging(payment);
        let intent = self.intent(login, payment, &purchase);
        if planted(PlantedBug::IntentAfterSend) {
            let order = order_of(payment, &purchase, intent.reference.clone(), account.clone(), authority.clone());
            drop(self.bank.charge(order).await);
        }
        let opened = match self.telemetry.call("store/open-payment", None, self.store.open_payment(intent)).await {
            Ok(Opened::New(opened)) => opened,
            Ok(Opened::Existing(existing)) => return answer_of(&existing),
            Ok(Opened::Conflict) => return Err(Refusal::IdempotencyConflict),
            Ok(Opened::OrderTaken) => return Err(Refusal::OrderTaken),
            // The intent may be durable, and then the resolver charges it: the payer must ask, and not pay again.
            Err(error) if error.may_be_done() && !planted(PlantedBug::LostCommitRefused) => {
                tracing::error!(%error, ?payment, "the intent may be durable or not");
                self.unresolved.notify_one();
                return Err(Refusal::UnknownOutcome { payment });
            }
            Err(error) => return Err(error).or_refuse(),
        };
        let shown = planted(PlantedBug::SecretInLog).then(|| account.clone());
        let order = order_of(payment, &purchase, opened.reference, account, authority);
        let reference = order.reference.clone();
        let charged = self.telemetry.call("bank/charge", Some(&reference), self.bank.charge(order)).await;
        let settlement = settlement_of(charged);
        if let (Some(account), Settlement::Unknown) = (shown, &settlement) {
            tracing::warn!(account = account.as_str(), "the bank did not answer");
        }
        self.record(payment, settlement).await
    }

    /// Records what became of a payment. Where that fails, the intent is still there, and the resolver asks the bank
    /// what it said: to the payer the outcome is unknown, never refused.
    async fn record(&self, payment: PaymentId, settlement: Settlement) -> Result<Response, Refusal> {
        let is_open = settlement == Settlement::Unknown;
        let settled = self.telemetry.call("store/settle", None, self.store.settle(payment, settlement)).await;
        if (is_open || settled.is_err()) && !planted(PlantedBug::ResolverUntold) {
            self.unresolved.notify_one();
        }
        match settled {
            Ok(settled) => answer_of(&settled),
            Err(error) => {
                tracing::error!(%error, ?payment, "an outcome could not be recorded");
                Err(Refusal::UnknownOutcome { payment })
            }
        }
    }

    pub(super) async fn payment_status(&self, session: &Session, payment: PaymentId) -> Result<Response, Refusal> {
        let login = session.login()?;
        let found = self.store.find_payment(login.account, payment).await.or_refuse()?;
        answer_of(&found.ok_or(Refusal::NoSuchPayment)?)
    }

    pub(super) async fn cancel_payment(&self, session: &Session, payment: PaymentId) -> Result<Response, Refusal> {
        let login = session.login()?;
        let found = self.store.find_payment(login.account, payment).await.or_refuse()?;
        found.ok_or(Refusal::NoSuchPayment)?;
        let settled = self.store.settle(payment, Settlement::Cancelled).await.or_refuse()?;
        if settled.state == PaymentState::Reversing {
            self.unadvised().insert(payment);
        }
        self.unresolved.notify_one();
        answer_of(&settled)
    }

    /// Checks a merchant's order, where there is one or the rules ask for one.
    pub(super) fn check_order(&self, purchase: Purchase, order: Option<SignedOrder>) -> Result<Purchase, Refusal> {
        let Some(signed) = order else {
            return match self.rules.orders {
                OrderRule::Free => Ok(purchase),
                OrderRule::Signed => Err(Refusal::MerchantSignature),
            };
        };
        let Purchase { merchant, amount, currency, .. } = &purchase;
        let (order, expires_ms) = (&signed.order, signed.expires_ms);
        let terms = OrderTerms { merchant, amount: *amount, currency, order, expires_ms };
        if !self.merchants.have_signed_order(&terms, &signed) {
            return Err(Refusal::MerchantSignature);
        }
        if self.env.clock.unix_ms() >= expires_ms {
            return Err(Refusal::OrderExpired);
        }
        Ok(Purchase { order: Some(signed.order), ..purchase })
    }

    fn intent(&self, login: &Login, payment: PaymentId, purchase: &Purchase) -> Intent {
        let Purchase { merchant, amount, currency, key, order } = purchase.clone();
        let (reference, at_ms) = (self.draw_reference(), self.env.clock.unix_ms());
        Intent { payment, account: login.account, key, merchant, amount, currency, reference, at_ms, order }
    }

    /// Draws a retrieval reference number: 60 random bits as twelve letters and digits. The store refuses a second
    /// payment with the same one.
    pub(super) fn draw_reference(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        if planted(PlantedBug::ReferenceReused) {
            return format!("{:012}", count());
        }
        let bytes: [u8; 12] = self.env.random();
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
    }

    fn mark_charging(&self, payment: PaymentId) -> Charging<'_> {
        self.charging_now().insert(payment);
        Charging { service: self, payment }
    }

    pub(super) fn charging_now(&self) -> MutexGuard<'_, BTreeSet<PaymentId>> {
        self.charging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Returns the reversals that this process has begun and not yet told the bank of.
    pub(super) fn unadvised(&self) -> MutexGuard<'_, BTreeSet<PaymentId>> {
        self.unadvised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the first order to charge a purchase.
fn order_of(
    payment: PaymentId,
    purchase: &Purchase,
    reference: String,
    account: BankAccount,
    authority: Authority,
) -> ChargeOrder {
    let Purchase { merchant, amount, currency, .. } = purchase.clone();
    let (sending, begun_ms) = (Sending::First, Env::drawn_ms(payment));
    ChargeOrder { account, authority, amount, currency, merchant, reference, begun_ms, sending }
}

/// A guard that keeps the resolver away from a payment while a request works on it.
struct Charging<'a> {
    service: &'a Service,
    payment: PaymentId,
}

impl Drop for Charging<'_> {
    fn drop(&mut self) {
        self.service.charging_now().remove(&self.payment);
    }
}
