//! What the server answers.

use super::life::SessionInfo;
use super::optional::optional_fields;
use super::refusal::Refusal;
use crate::proof::DeviceKeys;
use crate::secret::Secret;
use crate::values::{Currency, HelperBytes, MinorUnits, OpaqueBytes, PaymentId};
use serde::{Deserialize, Serialize};

/// The response to a request. New variants go at the end, as those of [`super::Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The account exists with everything bound.
    Registered,
    /// The account exists, with a name and a password only.
    CredentialsRegistered,
    /// QR, bank account and PIN are bound.
    AccountBound,
    /// This connection is logged in.
    LoggedIn {
        /// Whether a QR and a bank account are bound already.
        account: AccountState,
    },
    /// This connection is logged out.
    LoggedOut,
    /// The QR was replaced.
    QrReplaced,
    /// The QR was removed.
    QrRevoked,
    /// The helper data kept by the server, if there is any.
    Helper {
        /// The data.
        #[serde(skip)]
        helper: Option<HelperBytes>,
    },
    /// A payment page is open: present the QR.
    PaymentOpened {
        /// The page.
        payment: PaymentId,
        /// How many wrong payloads the page takes.
        qr_tries: u8,
    },
    /// The QR was right, and a verification code was issued: type it in.
    CodeIssued {
        /// The page.
        payment: PaymentId,
        /// What the second channel shows to the user.
        shown: Secret,
        /// How long the code is good for, in milliseconds.
        valid_for_ms: u32,
    },
    /// The money has moved, durably.
    Charged(ChargeReceipt),
    /// The payment was given up before or after the bank answered, and no money is taken.
    Reversed {
        /// The payment.
        payment: PaymentId,
    },
    /// The server can take payments.
    Healthy,
    /// Counters, as JSON.
    Metrics {
        /// The text.
        json: String,
    },
    /// The request was refused.
    Refused(Refusal),
    /// The server's half of an OPAQUE registration.
    OpaqueRegistration {
        /// The registration response.
        message: OpaqueBytes,
    },
    /// The server's half of an OPAQUE login.
    OpaqueChallenge {
        /// The second message of the key exchange, KE2.
        message: OpaqueBytes,
    },
    /// More than the password was shown.
    SteppedUp {
        /// How long that is good for, in milliseconds.
        valid_for_ms: u32,
    },
    /// The password is new, and the account's other logins have ended.
    PasswordChanged,
    /// The device is the account's.
    DeviceAdded,
    /// The device is no longer the account's.
    DeviceRevoked,
    /// The account's devices.
    Devices {
        /// Their keys.
        devices: DeviceKeys,
    },
    /// The account's logins at this server.
    Sessions {
        /// The logins, oldest first.
        sessions: Vec<SessionInfo>,
    },
    /// Other logins of the account have ended.
    SessionsEnded {
        /// How many at this server.
        sessions: u32,
    },
    /// Mandate, QR, bank account and devices are forgotten.
    MandateRevoked,
    /// The account is closed.
    AccountClosed,
    /// The password is new: log in with it.
    Recovered,
    /// The money was given back, durably.
    Refunded {
        /// The refund's own reference at the bank.
        reference: String,
        /// How much.
        amount: MinorUnits,
        /// In which currency.
        currency: Currency,
    },
}

/// Whether an account can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountState {
    /// Name and password only.
    CredentialsOnly,
    /// A bank account is bound, and its QR was revoked.
    QrRevoked,
    /// QR and bank account are bound.
    Bound,
}

/// The receipt of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeReceipt {
    /// The payment.
    pub payment: PaymentId,
    /// The reference that server and bank share (ISO 8583 data element 37).
    pub reference: String,
    /// The bank's own approval code (ISO 8583 data element 38).
    pub approval: String,
    /// How much was charged.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
}

optional_fields! {
    Response {
        Helper { helper } => [1: *helper],
    }
    without Registered, CredentialsRegistered, AccountBound, LoggedIn, LoggedOut, QrReplaced, QrRevoked,
        PaymentOpened, CodeIssued, Charged, Reversed, Healthy, Metrics, Refused, OpaqueRegistration,
        OpaqueChallenge, SteppedUp, PasswordChanged, DeviceAdded, DeviceRevoked, Devices, Sessions, SessionsEnded,
        MandateRevoked, AccountClosed, Recovered, Refunded
}

impl Response {
    /// Returns the outcome's name, for counters and records; a refusal's own name when it is one.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::CredentialsRegistered => "credentials-registered",
            Self::AccountBound => "account-bound",
            Self::LoggedIn { .. } => "logged-in",
            Self::LoggedOut => "logged-out",
            Self::QrReplaced => "qr-replaced",
            Self::QrRevoked => "qr-revoked",
            Self::Helper { .. } => "helper",
            Self::PaymentOpened { .. } => "payment-opened",
            Self::CodeIssued { .. } => "code-issued",
            Self::Charged(_) => "charged",
            Self::Reversed { .. } => "reversed",
            Self::Healthy => "healthy",
            Self::Metrics { .. } => "metrics",
            Self::Refused(refusal) => refusal.name(),
            Self::OpaqueRegistration { .. } => "opaque-registration",
            Self::OpaqueChallenge { .. } => "opaque-challenge",
            Self::SteppedUp { .. } => "stepped-up",
            Self::PasswordChanged => "password-changed",
            Self::DeviceAdded => "device-added",
            Self::DeviceRevoked => "device-revoked",
            Self::Devices { .. } => "devices",
            Self::Sessions { .. } => "sessions",
            Self::SessionsEnded { .. } => "sessions-ended",
            Self::MandateRevoked => "mandate-revoked",
            Self::AccountClosed => "account-closed",
            Self::Recovered => "recovered",
            Self::Refunded { .. } => "refunded",
        }
    }
}
