//! Requests, responses, and refusals, each refusal with its own name.

use crate::proof::{DeviceKeys, DeviceSignature, PresentationProof};
use crate::secret::Secret;
use crate::values::{
    BankAccount, ChannelBinding, Currency, HelperBytes, IdempotencyKey, ImageBytes, LoginName, Merchant, MinorUnits,
    OpaqueBytes, PayloadBytes, PaymentId,
};
use serde::{Deserialize, Serialize};

/// A request to the server. New variants go at the end, because postcard numbers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Registers everything in one message (patent paragraph 22). Does not log in.
    Register {
        /// The name to log in with.
        login: LoginName,
        /// The password to log in with.
        password: Secret,
        /// What later payloads are compared with.
        enrolment: PayloadBytes,
        /// Public helper data for a second device, where the handset wants the server to keep it.
        helper: Option<HelperBytes>,
        /// The account that pays.
        bank_account: BankAccount,
        /// That account's PIN.
        pin: Secret,
    },
    /// Registers name and password first (patent paragraph 24); the rest follows with [`Request::BindAccount`].
    RegisterCredentials {
        /// The name to log in with.
        login: LoginName,
        /// The password to log in with.
        password: Secret,
    },
    /// Binds a QR, a bank account and its PIN to the account that is logged in.
    BindAccount {
        /// What later payloads are compared with.
        enrolment: PayloadBytes,
        /// Public helper data for a second device.
        helper: Option<HelperBytes>,
        /// The account that pays.
        bank_account: BankAccount,
        /// That account's PIN.
        pin: Secret,
    },
    /// Logs in on this connection (patent step S4).
    Login {
        /// The name.
        login: LoginName,
        /// The password.
        password: Secret,
        /// The connection that the login is for.
        channel: ChannelBinding,
    },
    /// Ends the login on this connection.
    Logout,
    /// Replaces the enrolled QR of the account that is logged in, and its helper data.
    ReplaceQr {
        /// What later payloads are compared with.
        enrolment: PayloadBytes,
        /// Public helper data for a second device.
        helper: Option<HelperBytes>,
    },
    /// Removes the enrolled QR: no payment until another is bound by [`Request::ReplaceQr`]. The devices stay: where a
    /// new QR must be signed, one of them signs it ([`Request::ReplaceQrSigned`]).
    RevokeQr,
    /// Fetches the helper data kept by the server: a second device needs it to derive the QR (patent claim 4).
    FetchHelper,
    /// Opens a payment page (patent step S5). A known idempotency key gets the stored reply.
    BeginPayment {
        /// Who is paid.
        merchant: Merchant,
        /// How much.
        amount: MinorUnits,
        /// In which currency.
        currency: Currency,
        /// The key that makes a retry recognisable.
        idempotency_key: IdempotencyKey,
    },
    /// Presents the payload read from the QR symbol on a payment page.
    PresentQr {
        /// The page.
        payment: PaymentId,
        /// What the symbol says.
        payload: PayloadBytes,
    },
    /// Types in the verification code that was shown (patent paragraphs 32 to 35).
    SubmitCode {
        /// The page.
        payment: PaymentId,
        /// The code.
        code: Secret,
    },
    /// Asks for another verification code; the one before stops working.
    ResendCode {
        /// The page.
        payment: PaymentId,
    },
    /// Asks how a payment ended, after [`Refusal::UnknownOutcome`] or a lost connection.
    PaymentStatus {
        /// The payment.
        payment: PaymentId,
    },
    /// Gives up a payment whose outcome is unknown: the server reverses it at the bank.
    CancelPayment {
        /// The payment.
        payment: PaymentId,
    },
    /// Asks whether the server can take payments.
    Health,
    /// Asks for the server's counters, where its configuration lets clients see them.
    Metrics,
    /// Begins a registration of name and password that never shows the password (OPAQUE, RFC 9807, section 5).
    OpaqueRegisterStart {
        /// The name to log in with.
        login: LoginName,
        /// The registration request: the password, blinded.
        message: OpaqueBytes,
    },
    /// Ends that registration; the rest follows with [`Request::BindAccount`].
    OpaqueRegisterFinish {
        /// The same name.
        login: LoginName,
        /// The registration record.
        message: OpaqueBytes,
    },
    /// Begins a login with OPAQUE (RFC 9807, section 6); it is proved for this connection alone.
    OpaqueLoginStart {
        /// The name.
        login: LoginName,
        /// The first message of the key exchange, KE1.
        message: OpaqueBytes,
    },
    /// Ends that login.
    OpaqueLoginFinish {
        /// The third message of the key exchange, KE3.
        message: OpaqueBytes,
    },
    /// Presents an image of the QR symbol instead of its payload; the server reads it.
    PresentImage {
        /// The page.
        payment: PaymentId,
        /// The image.
        image: ImageBytes,
    },
    /// Registers everything in one message, and the devices that presentations are signed by.
    RegisterWithDevices {
        /// The name to log in with.
        login: LoginName,
        /// The password to log in with.
        password: Secret,
        /// What later payloads are compared with.
        enrolment: PayloadBytes,
        /// Public helper data for a second device.
        helper: Option<HelperBytes>,
        /// The account that pays.
        bank_account: BankAccount,
        /// That account's PIN.
        pin: Secret,
        /// The devices.
        devices: DeviceKeys,
    },
    /// Presents a payload with what shows that it was made by an enrolled device, or for this payment.
    PresentWithProof {
        /// The page.
        payment: PaymentId,
        /// What the symbol says.
        payload: PayloadBytes,
        /// What goes with it.
        proof: PresentationProof,
    },
    /// Replaces the enrolled QR as [`Request::ReplaceQr`] does, signed by an enrolled device for this connection.
    ReplaceQrSigned {
        /// What later payloads are compared with.
        enrolment: PayloadBytes,
        /// Public helper data for a second device.
        helper: Option<HelperBytes>,
        /// The device's signature.
        signature: DeviceSignature,
    },
}

/// The response to a request.
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
}

impl Request {
    /// Returns the operation's name, for counters and records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::RegisterCredentials { .. } => "register-credentials",
            Self::BindAccount { .. } => "bind-account",
            Self::Login { .. } => "login",
            Self::Logout => "logout",
            Self::ReplaceQr { .. } => "replace-qr",
            Self::RevokeQr => "revoke-qr",
            Self::FetchHelper => "fetch-helper",
            Self::BeginPayment { .. } => "begin-payment",
            Self::PresentQr { .. } => "present-qr",
            Self::SubmitCode { .. } => "submit-code",
            Self::ResendCode { .. } => "resend-code",
            Self::PaymentStatus { .. } => "payment-status",
            Self::CancelPayment { .. } => "cancel-payment",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::OpaqueRegisterStart { .. } => "opaque-register-start",
            Self::OpaqueRegisterFinish { .. } => "opaque-register-finish",
            Self::OpaqueLoginStart { .. } => "opaque-login-start",
            Self::OpaqueLoginFinish { .. } => "opaque-login-finish",
            Self::PresentImage { .. } => "present-image",
            // The same operations with more fields.
            Self::RegisterWithDevices { .. } => "register",
            Self::PresentWithProof { .. } => "present-qr",
            Self::ReplaceQrSigned { .. } => "replace-qr",
        }
    }
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
        }
    }
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
        }
    }
}
