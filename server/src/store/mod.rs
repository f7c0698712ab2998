//! The server's durable store, behind a trait of domain commands: when a command returns, its effect is durable.

mod account;
mod books;
mod keys;
mod limit_tables;
mod limits;
pub mod payment;
mod postgres;
mod postgres_query;
mod sqlite;
mod sqlite_life;

pub use account::{Account, AccountId, Binding, BoundAccount, Change, Creation, Standing};
pub use books::{Books, OpenedRefund, Refund, RefundIntent, SettlementLine};
pub use keys::KeyStore;
pub use limits::{LimitChange, LimitRow, LimitStore};
pub use payment::{Backlog, Intent, Opened, Payment, PaymentAudit, PaymentState, Settlement};
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

use crate::crypto::credential::Credential;
pub use crate::durable::{Commits, StoreError};
use crate::env::BoxFuture;
use biopay_protocol::{IdempotencyKey, LoginName, PaymentId};
use std::sync::Arc;

/// The result of a store's command.
pub type Stored<T> = BoxFuture<'static, Result<T, StoreError>>;

/// A durable store of accounts, payments and the ledger.
pub trait Store: Books + KeyStore {
    /// Creates an account, with or without what it pays with.
    fn create_account(&self, login: LoginName, credential: Credential, binding: Option<Binding>) -> Stored<Creation>;

    /// Finds an account by its name.
    fn find_account(&self, login: LoginName) -> Stored<Option<Account>>;

    /// Returns an account's name.
    fn login_of(&self, account: AccountId) -> Stored<LoginName>;

    /// Binds what an account pays with; refused when something is bound.
    fn bind(&self, account: AccountId, binding: Binding) -> Stored<Change>;

    /// Finds what an account pays with.
    fn binding(&self, account: AccountId) -> Stored<Option<Binding>>;

    /// Finds an account's epoch and what it pays with, in one look.
    fn standing(&self, account: AccountId) -> Stored<Option<Standing>>;

    /// Replaces what logins of an account are checked against, and ends its logins; returns the new epoch.
    fn change_credential(&self, account: AccountId, credential: Credential) -> Stored<i64>;

    /// Ends an account's logins; returns the new epoch.
    fn end_logins(&self, account: AccountId) -> Stored<i64>;

    /// Returns whether the outcome of one of an account's payments is open.
    fn has_open_payments(&self, account: AccountId) -> Stored<bool>;

    /// Forgets what an account pays with; refused when nothing is bound, or a payment's outcome is open.
    fn unbind(&self, account: AccountId) -> Stored<Change>;

    /// Erases an account's name and login and what it pays with, and ends its logins; its payments stay. Refused when a
    /// payment's outcome is open.
    fn erase_account(&self, account: AccountId) -> Stored<Change>;

    /// Replaces an account's QR record and helper data, or removes them; refused when nothing is bound.
    fn replace_record(&self, account: AccountId, record: Option<Vec<u8>>, helper: Option<Vec<u8>>) -> Stored<Change>;

    /// Lists accounts above a number with what they pay with, in order, a page at a time; none when there are no more.
    fn bindings_above(&self, account: AccountId) -> Stored<Vec<BoundAccount>>;

    /// Replaces what an account pays with; refused when it is no longer what it was.
    fn replace_binding(&self, account: AccountId, before: Binding, after: Binding) -> Stored<Change>;

    /// Finds a payment by its account's idempotency key.
    fn find_payment_by_key(&self, account: AccountId, key: IdempotencyKey) -> Stored<Option<Payment>>;

    /// Finds a payment of an account.
    fn find_payment(&self, account: AccountId, payment: PaymentId) -> Stored<Option<Payment>>;

    /// Finds a payment by the reference that server and bank share.
    fn find_payment_by_reference(&self, reference: String) -> Stored<Option<Payment>>;

    /// Records the intent to charge and holds the money, before the first byte goes to the bank; the idempotency key
    /// lets one of several identical intents through.
    fn open_payment(&self, intent: Intent) -> Stored<Opened>;

    /// Records what became of a payment, and returns it as it then is. A settlement that the payment's state does not
    /// allow changes nothing; a late approval goes to suspense.
    fn settle(&self, payment: PaymentId, settlement: Settlement) -> Stored<Payment>;

    /// Lists the payments whose outcome is open, oldest first.
    fn unresolved(&self) -> Stored<Vec<Payment>>;

    /// Counts what is open and what is in suspense.
    fn backlog(&self) -> Stored<Backlog>;

    /// Returns how many commands wait for the store, where it has a queue of its own.
    fn waiting(&self) -> Option<u64> {
        None
    }

    /// Counts commands and the commits that they shared, where the store groups them.
    fn commits(&self) -> Option<Commits> {
        None
    }

    /// Sums the ledger up and compares it with the payments.
    fn audit(&self) -> Stored<PaymentAudit>;

    /// Returns what keeps the counts of limits, where the store outlasts its process.
    fn limits(&self) -> Option<Arc<dyn LimitStore>> {
        None
    }

    /// Returns whether other servers may use the same store.
    fn is_shared(&self) -> bool {
        false
    }

    /// Leaves the store as one whole file, where it is one; call it when everything else is done.
    fn close(&self) -> Stored<()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Waits until the store has failed for good; the process must end then, and recovers when it starts again.
    fn failed(&self) -> BoxFuture<'static, ()>;
}
