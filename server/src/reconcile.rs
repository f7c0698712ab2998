//! Reconciliation: our books held against the bank's statement, payment by payment, and suspense worked off.

use crate::bank::{Bank, ReversalOrder, Sending};
use crate::env::Env;
use crate::error::Error;
use crate::statement::{PostingKind, StatementLine};
use crate::store::{Payment, PaymentState, Refund, Store};
use biopay_protocol::PaymentId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The outcome of a reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// Payments and refunds of ours that were looked at.
    pub looked_at: u64,
    /// Those whose outcome is open: the server asks the bank about them by itself.
    pub open: u64,
    /// Approvals that were taken out of suspense: the bank has given the money back, or never took it.
    pub suspense_cleared: u64,
    /// Approvals in suspense whose money the bank still has; it was told again, and its next statement will say.
    pub suspense_left: u64,
    /// Everything on which the two disagree.
    pub differences: Vec<Difference>,
}

/// A payment or refund on which we and the bank disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its reference.
    pub reference: String,
    /// What is different.
    pub why: &'static str,
}

impl Reconciliation {
    /// Returns whether both books say the same, apart from what is still open.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.suspense_left == 0
    }

    fn differ(&mut self, reference: &str, why: &'static str) {
        self.differences.push(Difference { reference: reference.to_owned(), why });
    }
}

/// What the bank says about one reference.
#[derive(Default)]
struct BankSays {
    charged: Option<(i64, String)>,
    refunded: Option<(i64, String, String)>,
    is_reversed: bool,
    is_doubled: bool,
}

/// Compares our books with the bank's statement, clears what it settles, and tells the bank again about charges that it
/// should have reversed. The statement must be younger than the last payment that is not open.
///
/// # Errors
///
/// When the store fails; what was cleared until then stays cleared.
pub async fn reconcile(
    store: &dyn Store,
    bank: &dyn Bank,
    institution: &str,
    statement: &[StatementLine],
) -> Result<Reconciliation, Error> {
    let mut bank_says = by_reference(statement.iter().filter(|line| line.acquirer == institution));
    let mut found = Reconciliation::default();
    for payment in store.suspended().await? {
        work_off(store, bank, &bank_says, &payment, &mut found).await?;
    }
    let mut ours = BTreeSet::new();
    let mut above = PaymentId(0);
    while let Some(last) = compare_page(store, above, &bank_says, &mut ours, &mut found).await? {
        above = last;
    }
    let mut above = String::new();
    loop {
        let page = store.refunds_above(above).await?;
        let Some(last) = page.last() else { break };
        above = last.reference.clone();
        for refund in page {
            found.looked_at += 1;
            compare_refund(&refund, bank_says.get(&refund.reference), &mut found);
            ours.insert(refund.reference);
        }
    }
    bank_says.retain(|reference, _| !ours.contains(reference));
    bank_says.keys().for_each(|reference| found.differ(reference, "the bank has it, and our books do not"));
    Ok(found)
}

async fn compare_page(
    store: &dyn Store,
    above: PaymentId,
    bank_says: &BTreeMap<String, BankSays>,
    ours: &mut BTreeSet<String>,
    found: &mut Reconciliation,
) -> Result<Option<PaymentId>, Error> {
    let page = store.payments_above(above).await?;
    let last = page.last().map(|payment| payment.id);
    for payment in page {
        found.looked_at += 1;
        compare_payment(&payment, bank_says.get(&payment.reference), found);
        ours.insert(payment.reference);
    }
    Ok(last)
}

fn by_reference<'a>(lines: impl Iterator<Item = &'a StatementLine>) -> BTreeMap<String, BankSays> {
    let mut says = BTreeMap::<String, BankSays>::new();
    for StatementLine { reference, kind, original, amount_minor, currency, .. } in lines {
        let said = says.entry(reference.clone()).or_default();
        match kind {
            PostingKind::Charge => {
                said.is_doubled |= said.charged.replace((*amount_minor, currency.clone())).is_some();
            }
            PostingKind::Reversal => said.is_doubled |= std::mem::replace(&mut said.is_reversed, true),
            PostingKind::Refund => {
                let refunded = (*amount_minor, currency.clone(), original.clone());
                said.is_doubled |= said.refunded.replace(refunded).is_some();
            }
        }
    }
    says
}

/// Takes an approval out of suspense when the bank has nothing of it, and else tells the bank again.
async fn work_off(
    store: &dyn Store,
    bank: &dyn Bank,
    bank_says: &BTreeMap<String, BankSays>,
    payment: &Payment,
    found: &mut Reconciliation,
) -> Result<(), Error> {
    let stands = bank_says.get(&payment.reference).is_some_and(|said| said.charged.is_some() && !said.is_reversed);
    if !stands {
        store.clear_suspense(payment.id).await?;
        found.suspense_cleared += 1;
        return Ok(());
    }
    found.suspense_left += 1;
    let Payment { amount, currency, reference, .. } = payment.clone();
    let begun_ms = Env::drawn_ms(payment.id);
    let order = ReversalOrder { amount, currency, reference, begun_ms, sending: Sending::Repeat };
    if let Err(error) = bank.reverse(order).await {
        tracing::warn!(%error, payment = ?payment.id, "the bank could not be told of a reversal again");
    }
    Ok(())
}

fn compare_payment(payment: &Payment, said: Option<&BankSays>, found: &mut Reconciliation) {
    let charged = said.and_then(|said| said.charged.as_ref());
    let is_reversed = said.is_some_and(|said| said.is_reversed);
    if said.is_some_and(|said| said.is_doubled) {
        found.differ(&payment.reference, "the bank has it twice");
    }
    match (payment.state, charged) {
        (PaymentState::Pending | PaymentState::Unknown | PaymentState::Reversing, _) => found.open += 1,
        (PaymentState::Posted, None) => found.differ(&payment.reference, "we have posted it, and the bank has not"),
        (PaymentState::Posted, Some(_)) if is_reversed => {
            found.differ(&payment.reference, "we have posted it, and the bank has reversed it");
        }
        (PaymentState::Posted, Some((amount, currency))) => {
            if (*amount, currency.as_str()) != (payment.amount.value() as i64, payment.currency.as_str()) {
                found.differ(&payment.reference, "the bank has another amount or currency");
            }
        }
        (PaymentState::Voided | PaymentState::Reversed, Some(_)) if !is_reversed => {
            found.differ(&payment.reference, "we have not posted it, and the bank has");
        }
        (PaymentState::Voided | PaymentState::Reversed, _) => {}
    }
}

fn compare_refund(refund: &Refund, said: Option<&BankSays>, found: &mut Reconciliation) {
    let refunded = said.and_then(|said| said.refunded.as_ref());
    match (refund.state, refunded) {
        (PaymentState::Pending | PaymentState::Unknown, _) => found.open += 1,
        (PaymentState::Posted, None) => found.differ(&refund.reference, "we have given it back, and the bank has not"),
        (PaymentState::Posted, Some((amount, currency, original))) => {
            let ours = (refund.amount.value() as i64, refund.currency.as_str(), refund.original.as_str());
            if (*amount, currency.as_str(), original.as_str()) != ours {
                found.differ(&refund.reference, "the bank has given back something else");
            }
        }
        (_, Some(_)) => found.differ(&refund.reference, "we have not given it back, and the bank has"),
        (PaymentState::Voided | PaymentState::Reversing | PaymentState::Reversed, None) => {}
    }
}
