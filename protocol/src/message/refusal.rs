//! Why the server refuses, each reason with its own name.

use crate::values::PaymentId;
use serde::{Deserialize, Serialize};

/// The reason why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The name is unknown or the password is wrong; the server does not say which.
    #[error("name or password is wrong")]
    WrongCredentials,
    /// The name is taken.
    #[error("the login name is taken")]
    LoginTaken,
    /// The request needs a login on this connection.
    #[error("log in first")]
    NotLoggedIn,
    /// The account has no QR and bank account bound.
    #[error("bind a QR and a bank account first")]
    NotBound,
    /// A bank account is bound already.
    #[error("a bank account is bound already")]
    AlreadyBound,
    /// The payload is not consistent with the enrolled one: try again.
    #[error("the QR does not match, {tries_left} tries left")]
    QrMismatch {
        /// Wrong payloads that the page still takes.
        tries_left: u8,
    },
    /// The last wrong payload: the payment page is left (patent paragraph 31).
    #[error("the QR did not match too often, the payment page is left")]
    PaymentPageLeft,
    /// The payload is not a QR payload of a scheme that the server accepts.
    #[error("the QR payload cannot be read")]
    UnreadableQr,
    /// There is no such payment page on this connection.
    #[error("no such payment")]
    NoSuchPayment,
    /// The page waits for something else: the QR before the code.
    #[error("the payment waits for another step")]
    WrongStep,
    /// The code is wrong: try again.
    #[error("the code is wrong, {tries_left} tries left")]
    WrongCode {
        /// Wrong codes that the page still takes.
        tries_left: u8,
    },
    /// The last wrong code: the payment page is left.
    #[error("the code was wrong too often, the payment page is left")]
    CodeExhausted,
    /// The code is too old: ask for another.
    #[error("the code has expired")]
    CodeExpired,
    /// No more codes for this page.
    #[error("no more codes for this payment")]
    ResendLimit,
    /// The bank declined: too little money.
    #[error("too little money in the bank account")]
    InsufficientFunds,
    /// The bank declined: the PIN or the mandate is wrong.
    #[error("the bank refuses the account's PIN or mandate")]
    BankCredentials,
    /// The bank does not know the account, or has closed it.
    #[error("the bank does not know the account")]
    NoSuchBankAccount,
    /// The bank declined for another reason.
    #[error("the bank declined: response code {code}")]
    Declined {
        /// ISO 8583 data element 39.
        code: String,
    },
    /// The bank could not be reached, and nothing was sent to it: no money has moved.
    #[error("the bank cannot be reached")]
    BankUnreachable,
    /// The bank has not answered yet: the server asks on with the same reference; ask for the status.
    #[error("the payment's outcome is not known yet")]
    UnknownOutcome {
        /// The payment to ask for.
        payment: PaymentId,
    },
    /// The same payment is being worked on by another request: ask for the status.
    #[error("the payment is in progress")]
    InProgress {
        /// The payment to ask for.
        payment: PaymentId,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    IdempotencyConflict,
    /// Too many attempts: wait.
    #[error("too many attempts, wait {retry_after_ms} ms")]
    Throttled {
        /// How long to wait, in milliseconds.
        retry_after_ms: u32,
    },
    /// The server has too much work, and did not begin this.
    #[error("the server is overloaded")]
    Overloaded,
    /// The request could not be read.
    #[error("the request is malformed")]
    Malformed,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// Something failed inside the server; its log says what.
    #[error("internal error")]
    Internal,
    /// The login was made for another connection: something stands between handset and server.
    #[error("the login is for another connection")]
    WrongChannel,
    /// No symbol could be read in the image, within the size and the time that it may take.
    #[error("no QR symbol can be read in the image, {tries_left} tries left")]
    UnreadableImage {
        /// Wrong or unreadable presentations that the page still takes.
        tries_left: u8,
    },
    /// The server's rules ask for an enrolled device, and none was named or none has signed.
    #[error("an enrolled device must sign this")]
    DeviceRequired,
    /// A new login name holds spaces or characters that cannot be seen (RFC 8265).
    #[error("choose a login name without spaces or invisible characters")]
    UnsuitableName,
    /// A new password is too short (NIST SP 800-63B-4, 3.1.1.2).
    #[error("choose a password of at least 8 characters")]
    WeakPassword,
    /// The request changes the account or its QR: show more than the password first.
    #[error("show the QR or the bank account's PIN first")]
    StepUpRequired,
    /// What was shown beside the password is wrong.
    #[error("neither the QR nor the bank account's PIN is right")]
    StepUpRefused,
    /// The account has as many devices as it may.
    #[error("the account has too many devices")]
    TooManyDevices,
    /// The account has no such device.
    #[error("no such device")]
    NoSuchDevice,
    /// There is no such login of the account at this server, or it is the one that asks.
    #[error("no such session")]
    NoSuchSession,
    /// Payments of the account are open at the bank: wait until they are settled.
    #[error("payments of the account are open")]
    PaymentsOpen,
    /// The merchant is unknown here, or has not signed this.
    #[error("the merchant has not signed this")]
    MerchantSignature,
    /// The merchant's order can no longer be paid.
    #[error("the order has expired")]
    OrderExpired,
    /// The merchant's order is paid, or being paid.
    #[error("the order is taken")]
    OrderTaken,
    /// The charge has not so much left to give back.
    #[error("the charge has not so much left")]
    RefundTooLarge,
}

impl Refusal {
    /// Returns the refusal's name, for counters and records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong-credentials",
            Self::LoginTaken => "login-taken",
            Self::NotLoggedIn => "not-logged-in",
            Self::NotBound => "not-bound",
            Self::AlreadyBound => "already-bound",
            Self::QrMismatch { .. } => "qr-mismatch",
            Self::PaymentPageLeft => "payment-page-left",
            Self::UnreadableQr => "unreadable-qr",
            Self::NoSuchPayment => "no-such-payment",
            Self::WrongStep => "wrong-step",
            Self::WrongCode { .. } => "wrong-code",
            Self::CodeExhausted => "code-exhausted",
            Self::CodeExpired => "code-expired",
            Self::ResendLimit => "resend-limit",
            Self::InsufficientFunds => "insufficient-funds",
            Self::BankCredentials => "bank-credentials",
            Self::NoSuchBankAccount => "no-such-bank-account",
            Self::Declined { .. } => "declined",
            Self::BankUnreachable => "bank-unreachable",
            Self::UnknownOutcome { .. } => "unknown-outcome",
            Self::InProgress { .. } => "in-progress",
            Self::IdempotencyConflict => "idempotency-conflict",
            Self::Throttled { .. } => "throttled",
            Self::Overloaded => "overloaded",
            Self::Malformed => "malformed",
            Self::ShuttingDown => "shutting-down",
            Self::Internal => "internal",
            Self::WrongChannel => "wrong-channel",
            Self::UnreadableImage { .. } => "unreadable-image",
            Self::DeviceRequired => "device-required",
            Self::UnsuitableName => "unsuitable-name",
            Self::WeakPassword => "weak-password",
            Self::StepUpRequired => "step-up-required",
            Self::StepUpRefused => "step-up-refused",
            Self::TooManyDevices => "too-many-devices",
            Self::NoSuchDevice => "no-such-device",
            Self::NoSuchSession => "no-such-session",
            Self::PaymentsOpen => "payments-open",
            Self::MerchantSignature => "merchant-signature",
            Self::OrderExpired => "order-expired",
            Self::OrderTaken => "order-taken",
            Self::RefundTooLarge => "refund-too-large",
        }
    }
}
