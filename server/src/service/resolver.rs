//! The resolver of open outcomes: it asks the bank again with the same reference until the bank answers. No timeout ever
//! decides an outcome.

use super::answer::settlement_of;
use super::state::{OrRefuse, Service};
use crate::bank::{BankError, ChargeOrder, Late, ReversalOrder, Sending};
use crate::env::Env;
use crate::planted::{PlantedBug, planted};
use crate::shutdown::Shutdown;
use crate::store::{AccountId, Payment, PaymentState, Settlement};
use biopay_protocol::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The first wait between two rounds of asking; each round that settles nothing doubles it.
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often to look for open payments when none is known.
const SWEEP: Duration = Duration::from_secs(30);
/// Payments asked about at the same time.
const TOGETHER_MAX: usize = 64;

impl Service {
    /// Settles open outcomes until the shutdown: first those that a crash left behind, then those that come.
    pub async fn resolve(self: Arc<Self>, mut shutdown: Shutdown) {
        let mut wait = WAIT_FIRST;
        if planted(PlantedBug::VoidedAtStart) {
            for pending in self.store.unresolved().await.unwrap_or_default() {
                drop(self.store.settle(pending.id, Settlement::NotSent).await);
            }
        }
        loop {
            let Round { settled, left } = self.clone().resolve_round().await;
            let settled_all = left == 0;
            if planted(PlantedBug::ResolverStops) && left > 0 && settled == 0 {
                return;
            }
            wait = if settled_all || settled > 0 { WAIT_FIRST } else { (wait * 2).min(WAIT_MAX) };
            let next = async {
                if settled_all && self.store.is_shared() {
                    // Another process that shares the store may have died over a payment of its own.
                    self.env.within(SWEEP, self.unresolved.notified()).await;
                } else if settled_all {
                    self.unresolved.notified().await;
                }
                self.env.clock.sleep(wait).await;
            };
            tokio::select! {
                biased;
                () = shutdown.begun() => return,
                () = next => {}
            }
        }
    }

    /// Takes in answers that came too late for whoever asked, until the shutdown: an open payment is settled by them, a
    /// reversed one is noted in suspense.
    pub async fn take_late_answers(self: Arc<Self>, mut shutdown: Shutdown) {
        loop {
            let late = tokio::select! {
                biased;
                () = shutdown.begun() => return,
                late = self.bank.next_late_answer() => late,
            };
            let Ok(Some(payment)) = self.store.find_payment_by_reference(late.reference).await else { continue };
            if (payment.amount.value(), payment.currency.as_str()) != (late.amount, late.currency.as_str()) {
                tracing::error!(payment = ?payment.id, "a late answer is about another amount or currency: not taken");
                continue;
            }
            tracing::info!(payment = ?payment.id, state = ?payment.state, "a late answer came");
            let settlement = match late.says {
                Late::Charge(answer) => settlement_of(Ok(answer)),
                Late::Reversal => Settlement::Reversed,
            };
            if let Err(error) = self.store.settle(payment.id, settlement).await {
                tracing::error!(%error, "cannot record a late answer; the bank will be asked again");
            }
        }
    }

    /// Asks once about every open payment.
    async fn resolve_round(self: Arc<Self>) -> Round {
        let Ok(open) = self.store.unresolved().await else { return Round { settled: 0, left: 1 } };
        let mut round = Round::default();
        for together in open.chunks(TOGETHER_MAX) {
            let mut asking = JoinSet::new();
            for payment in together.iter().filter(|payment| !self.charging_now().contains(&payment.id)) {
                let (service, payment) = (self.clone(), payment.clone());
                asking.spawn(async move { service.resolve_one(payment).await });
            }
            while let Some(asked) = asking.join_next().await {
                match asked {
                    Ok(Ok(Progress::Settled)) => round.settled += 1,
                    Ok(Ok(Progress::Open) | Err(_)) | Err(_) => round.left += 1,
                }
            }
        }
        match self.resolve_refunds().await {
            Ok((settled, left)) => (round.settled, round.left) = (round.settled + settled, round.left + left),
            Err(_) => round.left += 1,
        }
        round
    }

    async fn resolve_one(&self, payment: Payment) -> Result<Progress, Refusal> {
        let was_pending = payment.state == PaymentState::Pending;
        let payment = self.claim(payment).await?;
        if !is_open(payment.state) {
            return Ok(Progress::Settled);
        }
        if payment.state == PaymentState::Reversing {
            return self.resolve_reversal(payment).await;
        }
        let payer = if planted(PlantedBug::AccountsMixed) { AccountId(1) } else { payment.account };
        let login = self.store.login_of(payer).await.or_refuse()?;
        let binding = self.store.binding(payer).await.or_refuse()?.ok_or(Refusal::NotBound)?;
        let (account, authority) = self.open_binding(&login, &binding)?;
        let Payment { merchant, amount, currency, mut reference, .. } = payment.clone();
        if was_pending && planted(PlantedBug::SettledTwice) {
            reference.replace_range(..1, "Z");
        }
        let (sending, begun_ms) = (Sending::Repeat, Env::drawn_ms(payment.id));
        let order = ChargeOrder { account, authority, amount, currency, merchant, reference, begun_ms, sending };
        let settlement = settlement_of(self.bank.charge(order).await);
        // The first sending may have arrived, whatever became of this one.
        let is_unsent = matches!(settlement, Settlement::NotSent) && !planted(PlantedBug::RepeatNotSent);
        let settlement = if is_unsent { Settlement::Unknown } else { settlement };
        let settled = self.store.settle(payment.id, settlement).await.or_refuse()?;
        tracing::info!(payment = ?settled.id, state = ?settled.state, "an open payment was asked about");
        Ok(if is_open(settled.state) { Progress::Open } else { Progress::Settled })
    }

    async fn resolve_reversal(&self, payment: Payment) -> Result<Progress, Refusal> {
        let Payment { id, amount, currency, reference, .. } = payment;
        // Only whoever began a reversal knows that the bank has not heard of it; after a restart nobody does.
        let is_unheard = self.unadvised().remove(&id);
        let sending = if is_unheard { Sending::First } else { Sending::Repeat };
        let order = ReversalOrder { amount, currency, reference, begun_ms: Env::drawn_ms(id), sending };
        let told = if planted(PlantedBug::ReversalUntold) { Ok(()) } else { self.bank.reverse(order).await };
        match told {
            Ok(()) => {}
            Err(BankError::NotSent) if is_unheard => {
                self.unadvised().insert(id);
                return Ok(Progress::Open);
            }
            Err(BankError::NotSent | BankError::Unknown) => return Ok(Progress::Open),
        }
        let settled = self.store.settle(id, Settlement::Reversed).await.or_refuse()?;
        Ok(if is_open(settled.state) { Progress::Open } else { Progress::Settled })
    }

    /// Makes it durable that somebody other than the first sender may send a payment. Another server that shares the
    /// store may be about to send a pending one, and if it cannot reach the bank, "never sent" must not void what this
    /// server has sent.
    async fn claim(&self, payment: Payment) -> Result<Payment, Refusal> {
        match payment.state {
            PaymentState::Pending if planted(PlantedBug::LiveChargeResolved) => Ok(payment),
            PaymentState::Pending => self.store.settle(payment.id, Settlement::Unknown).await.or_refuse(),
            PaymentState::Unknown
            | PaymentState::Posted
            | PaymentState::Voided
            | PaymentState::Reversing
            | PaymentState::Reversed => Ok(payment),
        }
    }
}

/// The counts of one round of asking the bank.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    settled: usize,
    left: usize,
}

fn is_open(state: PaymentState) -> bool {
    matches!(state, PaymentState::Pending | PaymentState::Unknown | PaymentState::Reversing)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Settled,
    Open,
}
