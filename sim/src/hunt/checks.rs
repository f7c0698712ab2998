//! The checks at the end of a run: what handsets saw, the server's books, the bank's books, and what passed between them.

use super::books::{Books, PostedAt, StoredPayment};
use super::crowd::{is_open, key_of, plans};
use super::fault::{Case, FaultKind};
use super::findings::Checker;
use super::observed::{Observed, Page, short};
use super::process::Process;
use super::scene::Scene;
use super::times::{CODE_VALID_MS, PAGE_VALID_MS};
use crate::Error;
use crate::people::Population;
use biopay_server::iso8583::{Field, Mti};
use biopay_server::issuer::ledger::Ledger;
use biopay_server::store::{PaymentState, SqliteStore, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The process numbers of the two auditors; running processes count from 1.
const AUDITOR: u32 = u32::MAX;
const READER: u32 = u32::MAX - 1;
/// Nobody answers under these: they are no answer of the ledger.
const MALFUNCTION: &str = "96";
const APPROVED: &str = "00";

/// Returns what must not be in the log: passwords and account numbers.
pub(super) fn secrets(population: &Population) -> Vec<String> {
    let of = |owner: &crate::people::population::Owner| {
        [owner.credentials.password.expose().to_owned(), owner.bank_account.as_str().to_owned()]
    };
    population.owners.values().flat_map(of).collect()
}

/// Checks everything that can be checked when a run is over.
///
/// # Errors
///
/// [`Error::InvalidRun`] if the books cannot be read.
pub(super) fn check(scene: &Arc<Scene>, observed: &Observed, case: &Case) -> Result<(), Error> {
    audit(scene);
    let books = Books::read(scene, READER)?;
    let checks = Checks { scene, books: &books, pages: observed.seen().pages.clone() };
    checks.acknowledged(observed);
    checks.both_books();
    checks.orders(observed);
    checks.authority();
    checks.refusals();
    checks.nonces(case);
    checks.ledger();
    checks.liveness(observed, case)
}

/// Returns what a run has reached beside its faults.
pub(super) fn reached(scene: &Arc<Scene>, observed: &Observed) -> Result<BTreeSet<String>, Error> {
    let answers = observed.seen().answers.iter().map(|name| format!("answer {name}")).collect::<Vec<_>>();
    let books = Books::read(scene, READER)?;
    let states = books.payments.iter().map(|payment| format!("payment {:?}", payment.state));
    let suspended = (books.suspended > 0).then(|| "payment in suspense".to_owned());
    Ok(states.chain(suspended).chain(answers).collect())
}

/// Lets both programs audit their own books, as their operators would.
fn audit(scene: &Arc<Scene>) {
    let process = Process::start();
    scene.server_disk.admit(AUDITOR, process.alive());
    scene.bank_disk.admit(AUDITOR, process.alive());
    let audited = scene.clone();
    process.spawn(async move {
        let at = audited.timeline.elapsed();
        let add = |what: String| audited.findings.add(Checker::Audit, at, what);
        let store = SqliteStore::open(&audited.store(AUDITOR));
        match store {
            Ok(store) => match store.audit().await {
                Ok(audit) if audit.is_clean() => {}
                said => add(format!("the server's books at the end: {said:?}")),
            },
            Err(error) => add(format!("the server's books cannot be opened: {error}")),
        }
        match Ledger::open(&audited.ledger(AUDITOR), audited.env("hunt/auditor", AUDITOR), &audited.keys.pin) {
            Ok(ledger) => match ledger.audit().await {
                Ok(audit) if audit.is_clean() => {}
                said => add(format!("the bank's books at the end: {said:?}")),
            },
            Err(error) => add(format!("the bank's books cannot be opened: {error}")),
        }
    });
    process.run();
    process.kill();
}

struct Checks<'a> {
    scene: &'a Arc<Scene>,
    books: &'a Books,
    pages: BTreeMap<u128, Page>,
}

impl Checks<'_> {
    fn add(&self, checker: Checker, what: String) {
        self.scene.findings.add(checker, self.scene.timeline.elapsed(), what);
    }

    /// An acknowledged charge is one posting that stands, of its amount, from its payer.
    fn acknowledged(&self, observed: &Observed) {
        for ack in &observed.seen().acks {
            let posted = self.books.standing(&ack.reference);
            let owner = &self.scene.population.owners[&ack.account];
            let is_right = matches!(posted, [one] if one.amount == ack.amount);
            if !is_right {
                let what =
                    format!("{} heard charged by reference {}, and the bank has {posted:?}", ack.key, ack.reference);
                self.add(Checker::Acknowledged, what);
            }
            for PostedAt { account, .. } in posted.iter().filter(|one| one.account != owner.bank_account.as_str()) {
                let account = self.books.name_of(self.scene, account);
                self.add(Checker::Accounts, format!("{} was paid by {account}", ack.key));
            }
        }
    }

    fn both_books(&self) {
        let by_reference: BTreeMap<&str, &StoredPayment> =
            self.books.payments.iter().map(|payment| (payment.reference.as_str(), payment)).collect();
        for (reference, posted) in self.books.all_standing() {
            match by_reference.get(reference) {
                None => self.add(
                    Checker::Books,
                    format!("the bank took {} under {reference}, of which the server knows nothing", posted.amount),
                ),
                Some(payment) => {
                    let owner =
                        self.scene.population.owners.values().find(|o| o.bank_account.as_str() == posted.account);
                    if owner.is_none_or(|owner| owner.credentials.login.as_str() != payment.login) {
                        let what = format!("{} of {} was paid by another account", short(payment.id), payment.login);
                        self.add(Checker::Accounts, what);
                    }
                    if !matches!(
                        payment.state,
                        PaymentState::Posted | PaymentState::Pending | PaymentState::Unknown | PaymentState::Reversing
                    ) {
                        let what =
                            format!("the bank took the money of {}, which is {:?}", short(payment.id), payment.state);
                        self.add(Checker::Books, what);
                    }
                }
            }
        }
        for payment in self.books.payments.iter().filter(|payment| payment.state == PaymentState::Posted) {
            let posted = self.books.standing(&payment.reference);
            if !matches!(posted, [one] if one.amount == payment.amount) {
                let what = format!("{} is posted, and the bank has {posted:?}", short(payment.id));
                self.add(Checker::Books, what);
            }
        }
    }

    /// An order is charged once.
    fn orders(&self, observed: &Observed) {
        let mut charged: BTreeMap<(u32, String), BTreeSet<String>> = BTreeMap::new();
        for payment in self.books.payments.iter().filter(|payment| payment.state == PaymentState::Posted) {
            if let Some(page) = self.pages.get(&payment.id) {
                charged.entry((page.account, page.key.clone())).or_default().insert(payment.reference.clone());
            }
        }
        for ack in &observed.seen().acks {
            charged.entry((ack.account, ack.key.clone())).or_default().insert(ack.reference.clone());
        }
        for ((_, key), references) in charged.iter().filter(|(_, references)| references.len() > 1) {
            self.add(Checker::Idempotency, format!("{key} is charged {} times: {references:?}", references.len()));
        }
    }

    /// No charge without the right QR and the right code, each in its time.
    fn authority(&self) {
        let valid = |ms: u32| Duration::from_millis(u64::from(ms));
        for payment in self.books.payments.iter().filter(|payment| payment.state == PaymentState::Posted) {
            let Some(page) = self.pages.get(&payment.id) else {
                self.add(Checker::Authority, format!("{} is charged without a page", short(payment.id)));
                continue;
            };
            let (Some(qr), Some(code)) = (page.right_qr, page.right_code) else {
                let what = format!("{} is charged without the right QR and code: {page:?}", page.key);
                self.add(Checker::Authority, what);
                continue;
            };
            let shown = page.code.as_ref().map_or(Duration::ZERO, |(_, at)| *at);
            if qr > page.opened + valid(PAGE_VALID_MS) {
                self.add(Checker::Authority, format!("{}: the QR was taken when its page had ended", page.key));
            }
            if code > shown + valid(CODE_VALID_MS) {
                self.add(Checker::Authority, format!("{}: the code was taken when it had ended", page.key));
            }
        }
    }

    fn refusals(&self) {
        for payment in self.books.payments.iter().filter(|payment| payment.state == PaymentState::Posted) {
            if let Some(page) = self.pages.get(&payment.id).filter(|page| !page.refused.is_empty()) {
                let what = format!("{} heard {:?}, and is charged", page.key, page.refused);
                self.add(Checker::Refusal, what);
            }
        }
    }

    /// No nonce is used twice with one key. Where the machine's randomness repeats, no server can help it.
    fn nonces(&self, case: &Case) {
        if case.faults.iter().any(|entry| entry.kind == FaultKind::EntropyRepeats) {
            return;
        }
        let mut seen = BTreeSet::new();
        for nonce in &self.books.nonces {
            if !seen.insert(nonce) {
                self.add(Checker::Nonces, "two records are sealed with one nonce of one key".into());
            }
        }
    }

    /// The bank's answers against a ledger that forgets nothing.
    fn ledger(&self) {
        let mut answers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for message in self.scene.road.passed() {
            let text = |field| message.text(field).map(str::to_owned);
            if let (Mti::CHARGE_RESPONSE, Some(reference), Some(code)) =
                (message.mti(), text(Field::Reference), text(Field::ResponseCode))
                && code != MALFUNCTION
                && !reference.starts_with("ANOTHERS")
            {
                answers.entry(reference).or_default().insert(code);
            }
        }
        for (reference, codes) in &answers {
            let is_posted = self.books.was_charged(reference);
            if codes.len() > 1 {
                self.add(Checker::Ledger, format!("the bank answered {codes:?} to {reference}"));
            } else if codes.contains(APPROVED) != is_posted {
                let what = format!("the bank answered {codes:?} to {reference}; a posting is there: {is_posted}");
                self.add(Checker::Ledger, what);
            }
        }
    }

    fn liveness(&self, observed: &Observed, case: &Case) -> Result<(), Error> {
        for payment in &self.books.payments {
            if matches!(payment.state, PaymentState::Pending | PaymentState::Unknown | PaymentState::Reversing) {
                let what = format!("{} of {} is still {:?}", short(payment.id), payment.login, payment.state);
                self.add(Checker::Liveness, what);
            }
        }
        for (_, key) in &observed.seen().baffled {
            let what = format!("{key} is answered with `internal` when the faults are over");
            self.add(Checker::Liveness, what);
        }
        for (handset, plan) in plans(&self.scene.scenario, case)? {
            for planned in &plan.transactions {
                if is_open(observed, handset, planned) {
                    let key = key_of(handset, planned);
                    let last = observed.seen().last.get(&(handset, key.clone())).cloned();
                    let last = last.unwrap_or_else(|| "nothing".into());
                    self.add(Checker::Liveness, format!("{key} does not come to its end; its handset heard {last}"));
                }
            }
        }
        Ok(())
    }
}
