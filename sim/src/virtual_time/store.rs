//! A store in virtual time: SQLite in memory, whose answers are delayed as long as on a disk.

use super::timeline::{Timeline, Timer};
use crate::time::Nanos;
use biopay_protocol::{IdempotencyKey, LoginName, PaymentId};
use biopay_server::crypto::credential::Credential;
use biopay_server::env::BoxFuture;
use biopay_server::store::{
    Account, AccountId, Backlog, Binding, Books, BoundAccount, Change, Creation, Intent, KeyStore, LimitStore, Opened,
    OpenedRefund, Payment, PaymentAudit, Refund, RefundIntent, Settlement, SettlementLine, SqliteStore, Standing,
    Store, StoreError, Stored,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The times that a store's commands take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoreTimes {
    /// The time of a command that only reads.
    pub read: Duration,
    /// The time of a command that writes, without the commit.
    pub write: Duration,
    /// The time of a commit, which waiting commands share.
    pub commit: Duration,
}

/// A store whose answers are delayed until they would be durable.
pub struct TimedStore {
    inner: SqliteStore,
    timeline: Arc<Timeline>,
    read: Duration,
    commits: Mutex<GroupCommit>,
    fates: Option<Fates>,
}

/// What becomes of a command's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes.
    Answered,
    /// It comes so much later.
    Late(Duration),
    /// The command is done, and after so long nobody has heard of it.
    Lost(Duration),
}

/// A store that others share over a network, whose answers a function decides about: a model of a database server.
pub type Fates = Arc<dyn Fn() -> Fate + Send + Sync>;

impl TimedStore {
    /// Wraps a store that answers at once.
    pub fn new(inner: SqliteStore, timeline: Arc<Timeline>, times: StoreTimes) -> Self {
        let commits = Mutex::new(GroupCommit::new(times.write, times.commit));
        Self { inner, timeline, read: times.read, commits, fates: None }
    }

    /// Makes it a store that servers share over a network.
    pub fn shared(self, fates: Fates) -> Self {
        Self { fates: Some(fates), ..self }
    }

    fn reading<T: Send + 'static>(&self, answer: Stored<T>) -> Stored<T> {
        self.after(self.read, answer)
    }

    fn writing<T: Send + 'static>(&self, answer: Stored<T>) -> Stored<T> {
        let now = self.timeline.elapsed().as_nanos() as Nanos;
        let durable = self.commits.lock().unwrap_or_else(PoisonError::into_inner).take(now);
        self.after(Duration::from_nanos(durable - now), answer)
    }

    /// Delays the answer of a command that has run already, in the order of arrival.
    fn after<T: Send + 'static>(&self, delay: Duration, answer: Stored<T>) -> Stored<T> {
        let fate = self.fates.as_ref().map_or(Fate::Answered, |fates| fates());
        let late = match fate {
            Fate::Answered => Duration::ZERO,
            Fate::Late(late) | Fate::Lost(late) => late,
        };
        let due = Timer::after(&self.timeline, delay + late);
        Box::pin(async move {
            due.await;
            let answer = answer.await;
            if let Fate::Lost(_) = fate { Err(StoreError::Unanswered) } else { answer }
        })
    }
}

/// A writer with group commit: commands that arrive during a commit wait together for the next.
#[derive(Clone, Debug)]
struct GroupCommit {
    write: Nanos,
    commit: Nanos,
    /// The end of the current commit.
    ends: Nanos,
    /// The number of commands that wait for the next commit.
    waiting: u64,
}

impl GroupCommit {
    fn new(write: Duration, commit: Duration) -> Self {
        Self { write: write.as_nanos() as Nanos, commit: commit.as_nanos() as Nanos, ends: 0, waiting: 0 }
    }

    /// Takes a command that arrives at `now`; returns the instant at which it is durable.
    fn take(&mut self, now: Nanos) -> Nanos {
        while self.waiting > 0 && now >= self.ends {
            self.ends += self.commit + self.waiting * self.write;
            self.waiting = 0;
        }
        if now >= self.ends {
            self.ends = now + self.commit + self.write;
            return self.ends;
        }
        self.waiting += 1;
        self.ends + self.commit + self.waiting * self.write
    }
}

impl KeyStore for TimedStore {
    fn check_values(&self) -> Stored<Vec<(String, Vec<u8>)>> {
        self.reading(self.inner.check_values())
    }

    fn add_check_value(&self, name: String, value: Vec<u8>) -> Stored<()> {
        self.writing(self.inner.add_check_value(name, value))
    }

    fn remove_check_value(&self, name: String) -> Stored<()> {
        self.writing(self.inner.remove_check_value(name))
    }

    fn credentials_above(&self, account: AccountId) -> Stored<Vec<Account>> {
        self.reading(self.inner.credentials_above(account))
    }

    fn replace_credential(&self, account: AccountId, before: Credential, after: Credential) -> Stored<Change> {
        self.writing(self.inner.replace_credential(account, before, after))
    }
}

impl Books for TimedStore {
    fn open_refund(&self, intent: RefundIntent) -> Stored<OpenedRefund> {
        self.writing(self.inner.open_refund(intent))
    }

    fn settle_refund(&self, reference: String, settlement: Settlement) -> Stored<Refund> {
        self.writing(self.inner.settle_refund(reference, settlement))
    }

    fn unresolved_refunds(&self) -> Stored<Vec<Refund>> {
        self.reading(self.inner.unresolved_refunds())
    }

    fn suspended(&self) -> Stored<Vec<Payment>> {
        self.reading(self.inner.suspended())
    }

    fn clear_suspense(&self, payment: PaymentId) -> Stored<Change> {
        self.writing(self.inner.clear_suspense(payment))
    }

    fn payments_above(&self, payment: PaymentId) -> Stored<Vec<Payment>> {
        self.reading(self.inner.payments_above(payment))
    }

    fn refunds_above(&self, reference: String) -> Stored<Vec<Refund>> {
        self.reading(self.inner.refunds_above(reference))
    }

    fn close_batch(&self) -> Stored<(i64, u64)> {
        self.writing(self.inner.close_batch())
    }

    fn batch_lines(&self, batch: i64) -> Stored<Vec<SettlementLine>> {
        self.reading(self.inner.batch_lines(batch))
    }
}

impl Store for TimedStore {
    fn create_account(&self, login: LoginName, credential: Credential, binding: Option<Binding>) -> Stored<Creation> {
        self.writing(self.inner.create_account(login, credential, binding))
    }

    fn find_account(&self, login: LoginName) -> Stored<Option<Account>> {
        self.reading(self.inner.find_account(login))
    }

    fn login_of(&self, account: AccountId) -> Stored<LoginName> {
        self.reading(self.inner.login_of(account))
    }

    fn bind(&self, account: AccountId, binding: Binding) -> Stored<Change> {
        self.writing(self.inner.bind(account, binding))
    }

    fn binding(&self, account: AccountId) -> Stored<Option<Binding>> {
        self.reading(self.inner.binding(account))
    }

    fn standing(&self, account: AccountId) -> Stored<Option<Standing>> {
        self.reading(self.inner.standing(account))
    }

    fn change_credential(&self, account: AccountId, credential: Credential) -> Stored<i64> {
        self.writing(self.inner.change_credential(account, credential))
    }

    fn end_logins(&self, account: AccountId) -> Stored<i64> {
        self.writing(self.inner.end_logins(account))
    }

    fn has_open_payments(&self, account: AccountId) -> Stored<bool> {
        self.reading(self.inner.has_open_payments(account))
    }

    fn unbind(&self, account: AccountId) -> Stored<Change> {
        self.writing(self.inner.unbind(account))
    }

    fn erase_account(&self, account: AccountId) -> Stored<Change> {
        self.writing(self.inner.erase_account(account))
    }

    fn replace_record(&self, account: AccountId, record: Option<Vec<u8>>, helper: Option<Vec<u8>>) -> Stored<Change> {
        self.writing(self.inner.replace_record(account, record, helper))
    }

    fn bindings_above(&self, account: AccountId) -> Stored<Vec<BoundAccount>> {
        self.reading(self.inner.bindings_above(account))
    }

    fn replace_binding(&self, account: AccountId, before: Binding, after: Binding) -> Stored<Change> {
        self.writing(self.inner.replace_binding(account, before, after))
    }

    fn find_payment_by_key(&self, account: AccountId, key: IdempotencyKey) -> Stored<Option<Payment>> {
        self.reading(self.inner.find_payment_by_key(account, key))
    }

    fn find_payment(&self, account: AccountId, payment: PaymentId) -> Stored<Option<Payment>> {
        self.reading(self.inner.find_payment(account, payment))
    }

    fn find_payment_by_reference(&self, reference: String) -> Stored<Option<Payment>> {
        self.reading(self.inner.find_payment_by_reference(reference))
    }

    fn open_payment(&self, intent: Intent) -> Stored<Opened> {
        self.writing(self.inner.open_payment(intent))
    }

    fn settle(&self, payment: PaymentId, settlement: Settlement) -> Stored<Payment> {
        self.writing(self.inner.settle(payment, settlement))
    }

    fn unresolved(&self) -> Stored<Vec<Payment>> {
        self.reading(self.inner.unresolved())
    }

    fn backlog(&self) -> Stored<Backlog> {
        self.reading(self.inner.backlog())
    }

    fn audit(&self) -> Stored<PaymentAudit> {
        self.reading(self.inner.audit())
    }

    fn limits(&self) -> Option<Arc<dyn LimitStore>> {
        self.inner.limits()
    }

    fn is_shared(&self) -> bool {
        self.fates.is_some()
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        self.inner.failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_come_during_a_commit_share_the_next_one() {
        let mut commits = GroupCommit { write: 1, commit: 100, ends: 0, waiting: 0 };
        assert_eq!([0, 10, 20, 90].map(|now| commits.take(now)), [101, 202, 203, 204]);
        // The second commit is under way until 204.
        assert_eq!(commits.take(150), 305);
        assert_eq!(commits.take(1_000), 1_101);
    }
}
