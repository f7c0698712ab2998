//! An account: its login, and what it pays with.

use crate::crypto::credential::Credential;
use biopay_protocol::LoginName;

/// The number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// An account's login.
#[derive(Clone)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// What a login is checked against.
    pub credential: Credential,
    /// How often all its logins were ended: a login of an earlier epoch is none any more.
    pub epoch: i64,
}

/// An account as a login finds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Standing {
    /// How often all its logins were ended.
    pub epoch: i64,
    /// What it pays with.
    pub binding: Option<Binding>,
}

/// What an account pays with. The vault seals every blob.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    /// The scheme's record of the enrolled QR with its devices; once the QR is revoked, only its devices, and `None`
    /// without any.
    pub record: Option<Vec<u8>>,
    /// Public helper data for a second device.
    pub helper: Option<Vec<u8>>,
    /// The bank account's number.
    pub bank_account: Vec<u8>,
    /// The PIN, or the mandate token.
    pub authority: Vec<u8>,
}

/// An account together with what it pays with.
#[derive(Clone)]
pub struct BoundAccount {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub login: LoginName,
    /// What it pays with.
    pub binding: Binding,
}

/// The outcome of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The account exists now.
    Created(AccountId),
    /// Somebody has the name.
    LoginTaken,
}

/// The outcome of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The change is durable.
    Done,
    /// The account was not in the state that the change needs.
    Refused,
}
