//! What the messages of an account's life carry.

use crate::proof::DeviceSignature;
use crate::secret::Secret;
use crate::values::{BankAccount, ChannelBinding, LoginName, PayloadBytes};
use serde::{Deserialize, Serialize};

/// The proofs that somebody can show beside the password: the enrolled QR, with a device's signature where the server
/// asks for devices, or the bank account that is bound with its PIN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// The enrolled payload.
    pub payload: Option<PayloadBytes>,
    /// A device's signature over it, for this connection.
    pub signature: Option<DeviceSignature>,
    /// The bank account.
    pub bank_account: Option<BankAccount>,
    /// Its PIN.
    pub pin: Option<Secret>,
}

/// The proofs of somebody who has lost the password, and the new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The name of the account.
    pub login: LoginName,
    /// The new password.
    pub password: Secret,
    /// The connection that this is for.
    pub channel: ChannelBinding,
    /// The bank account that is bound.
    pub bank_account: BankAccount,
    /// Its PIN.
    pub pin: Secret,
    /// The enrolled payload.
    pub payload: PayloadBytes,
    /// A device's signature over it, for this connection, where the server asks for devices.
    #[serde(skip)]
    pub signature: Option<DeviceSignature>,
}

/// The number of a login in the list of its account's logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// One login of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its number.
    pub session: SessionId,
    /// How long ago it began, in milliseconds.
    pub age_ms: u64,
    /// Whether it is the one that asks.
    pub is_here: bool,
}
