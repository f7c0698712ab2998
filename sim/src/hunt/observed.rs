//! What handsets asked and heard: the outside view that the checkers hold the books against.

#![expect(clippy::wildcard_enum_match_arm, reason = "a witness looks at few of the wire's many messages")]

use super::journal::{Journal, Who};
use super::times::FAULTS_UNTIL;
use crate::people::Population;
use biopay_protocol::{Refusal, Request, Response, Secret};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// From here on a server has no reason to fail: the last process has started again.
const SETTLED: Duration = FAULTS_UNTIL.saturating_add(Duration::from_secs(30));

/// Who asks: a handset, or one of the second devices of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Caller {
    pub(super) account: u32,
    /// 0 for the handset itself.
    pub(super) device: u32,
}

/// A payment page as its handset saw it.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) account: u32,
    pub(super) key: String,
    pub(super) opened: Duration,
    /// When the right QR was sent.
    pub(super) right_qr: Option<Duration>,
    /// The code that was shown, and when.
    pub(super) code: Option<(Secret, Duration)>,
    /// When the right code was sent.
    pub(super) right_code: Option<Duration>,
    /// Refusals for good in answer to the code.
    pub(super) refused: Vec<String>,
}

/// An acknowledged charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) account: u32,
    pub(super) key: String,
    pub(super) payment: u128,
    pub(super) reference: String,
    pub(super) amount: u64,
}

/// Everything that was seen.
#[derive(Default)]
pub(super) struct Seen {
    asked: BTreeMap<Caller, Request>,
    pub(super) pages: BTreeMap<u128, Page>,
    pub(super) acks: Vec<Ack>,
    /// The last answer about each order.
    pub(super) last: BTreeMap<(u32, String), String>,
    /// Orders that have come to an end without a charge.
    pub(super) over: BTreeSet<(u32, String)>,
    pub(super) registered: BTreeSet<u32>,
    /// Orders about which the server said that something in it is wrong, when nothing outside of it was.
    pub(super) baffled: BTreeSet<(u32, String)>,
    /// The names of all answers.
    pub(super) answers: BTreeSet<&'static str>,
}

/// The shared record.
#[derive(Clone)]
pub(super) struct Observed {
    seen: Arc<Mutex<Seen>>,
    population: Arc<Population>,
    journal: Journal,
}

impl Observed {
    pub(super) fn new(population: Arc<Population>, journal: Journal) -> Self {
        Self { seen: Arc::default(), population, journal }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request that is sent now.
    pub(super) fn ask(&self, caller: Caller, request: &Request, at: Duration) {
        self.journal.note(Who::Handset(caller.account), format!("{}asks {}", device(caller), described(request)));
        let mut seen = self.seen();
        match request {
            Request::PresentQr { payment, payload, .. } if self.is_enrolled(caller.account, payload.as_bytes()) => {
                if let Some(page) = seen.pages.get_mut(&payment.0) {
                    page.right_qr = Some(at);
                }
            }
            Request::SubmitCode { payment, code } => {
                if let Some(page) = seen.pages.get_mut(&payment.0)
                    && page.code.as_ref().is_some_and(|(shown, _)| shown == code)
                {
                    page.right_code = Some(at);
                }
            }
            _ => {}
        }
        seen.asked.insert(caller, request.clone());
    }

    /// Notes an answer that is heard now.
    pub(super) fn hear(&self, caller: Caller, response: &Response, at: Duration) {
        self.journal.note(Who::Handset(caller.account), format!("{}hears {}", device(caller), heard(response)));
        let mut seen = self.seen();
        seen.answers.insert(response.name());
        let Some(request) = seen.asked.remove(&caller) else { return };
        let Some((payment, key)) = seen.order_of(&request, response) else {
            if matches!(response, Response::Registered | Response::AccountBound) {
                seen.registered.insert(caller.account);
            }
            return;
        };
        let order = (caller.account, key);
        seen.last.insert(order.clone(), response.name().to_owned());
        if matches!(response, Response::Refused(Refusal::Internal)) && at > SETTLED {
            seen.baffled.insert(order.clone());
        }
        match response {
            Response::PaymentOpened { payment, .. } => {
                let page = Page { account: caller.account, key: order.1, opened: at, ..Page::default() };
                seen.pages.insert(payment.0, page);
            }
            Response::CodeIssued { payment, shown, .. } => {
                if let Some(page) = seen.pages.get_mut(&payment.0) {
                    page.code = Some((shown.clone(), at));
                }
            }
            Response::Charged(receipt) => {
                let (reference, amount) = (receipt.reference.clone(), receipt.amount.value());
                let ack = Ack { account: order.0, key: order.1, payment: receipt.payment.0, reference, amount };
                seen.acks.push(ack);
            }
            Response::Reversed { .. } => drop(seen.over.insert(order)),
            Response::Refused(Refusal::Declined { .. }) => drop(seen.over.insert(order)),
            Response::Refused(refusal) if is_for_good(&request, refusal) => {
                if let Some(page) = payment.and_then(|payment| seen.pages.get_mut(&payment)) {
                    page.refused.push(refusal.name().to_owned());
                }
            }
            _ => {}
        }
    }

    /// Returns whether a payload is the one that the account enrolled.
    fn is_enrolled(&self, account: u32, payload: &[u8]) -> bool {
        let owner = self.population.owners.get(&account);
        owner.is_some_and(|owner| owner.enrolments.values().any(|enrolment| enrolment.payload.to_bytes() == payload))
    }
}

impl Seen {
    /// Returns the payment and the key of the order that a request is about.
    fn order_of(&self, request: &Request, response: &Response) -> Option<(Option<u128>, String)> {
        let known = |payment: u128| self.pages.get(&payment).map(|page| (Some(payment), page.key.clone()));
        match request {
            Request::BeginPayment { idempotency_key, .. } => {
                let payment = match response {
                    Response::PaymentOpened { payment, .. } => Some(payment.0),
                    _ => None,
                };
                Some((payment, idempotency_key.as_str().to_owned()))
            }
            Request::PresentQr { payment, .. } | Request::SubmitCode { payment, .. } => known(payment.0),
            Request::CancelPayment { payment } => {
                // A cancellation that is refused says nothing about the order.
                matches!(response, Response::Reversed { .. } | Response::Charged(_)).then(|| known(payment.0)).flatten()
            }
            _ => None,
        }
    }
}

/// Returns whether a refusal says that a code's payment has not been charged and will not be.
fn is_for_good(request: &Request, refusal: &Refusal) -> bool {
    matches!(request, Request::SubmitCode { .. })
        && !matches!(refusal, Refusal::UnknownOutcome { .. } | Refusal::InProgress { .. } | Refusal::WrongCode { .. })
}

fn device(caller: Caller) -> String {
    if caller.device == 0 { String::new() } else { format!("(device {}) ", caller.device) }
}

fn described(request: &Request) -> String {
    match request {
        Request::BeginPayment { amount, idempotency_key, .. } => {
            format!("begin-payment {} of {}", idempotency_key.as_str(), amount.value())
        }
        Request::PresentQr { payment, .. } => format!("present-qr for {}", short(payment.0)),
        Request::SubmitCode { payment, .. } => format!("submit-code for {}", short(payment.0)),
        Request::CancelPayment { payment } => format!("cancel-payment {}", short(payment.0)),
        _ => request.name().to_owned(),
    }
}

fn heard(response: &Response) -> String {
    match response {
        Response::PaymentOpened { payment, .. } => format!("that page {} is open", short(payment.0)),
        Response::CodeIssued { payment, .. } => format!("a code for {}", short(payment.0)),
        Response::Charged(receipt) => {
            format!("charged: {} by reference {}", short(receipt.payment.0), receipt.reference)
        }
        Response::Reversed { payment } => format!("reversed: {}", short(payment.0)),
        _ => response.name().to_owned(),
    }
}

/// Returns the last digits of a payment's name, which differ.
pub(super) fn short(payment: u128) -> String {
    format!("{:08x}", payment as u32)
}
