//! What a handset asks for.

use super::life::{Factors, Recovery, SessionId};
use super::optional::optional_fields;
use crate::merchant::{RefundRequest, SignedOrder};
use crate::proof::{DeviceKey, DeviceKeys, DeviceSignature, PresentationProof};
use crate::secret::Secret;
use crate::values::{
    BankAccount, ChannelBinding, Currency, HelperBytes, IdempotencyKey, ImageBytes, LoginName, Merchant, MinorUnits,
    OpaqueBytes, PayloadBytes, PaymentId,
};
use serde::{Deserialize, Serialize};

/// A request to the server. New variants go at the end, because postcard numbers them;
/// a field that is skipped here is optional, and [`Optional`] numbers it.
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
        #[serde(skip)]
        helper: Option<HelperBytes>,
        /// The account that pays.
        bank_account: BankAccount,
        /// That account's PIN.
        pin: Secret,
        /// The devices that sign presentations.
        #[serde(skip)]
        devices: DeviceKeys,
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
        #[serde(skip)]
        helper: Option<HelperBytes>,
        /// The account that pays.
        bank_account: BankAccount,
        /// That account's PIN.
        pin: Secret,
        /// The devices that sign presentations.
        #[serde(skip)]
        devices: DeviceKeys,
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
        #[serde(skip)]
        helper: Option<HelperBytes>,
        /// An enrolled device's signature of this enrolment for this connection.
        #[serde(skip)]
        signature: Option<DeviceSignature>,
    },
    /// Removes the enrolled QR: no payment until another is bound by [`Request::ReplaceQr`]. The devices stay: where
    /// a new QR must be signed, one of them signs it.
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
        /// The merchant's signature of all this.
        #[serde(skip)]
        order: Option<SignedOrder>,
    },
    /// Presents the payload read from the QR symbol on a payment page.
    PresentQr {
        /// The page.
        payment: PaymentId,
        /// What the symbol says.
        payload: PayloadBytes,
        /// What shows that it was made by an enrolled device, or for this payment.
        #[serde(skip)]
        proof: PresentationProof,
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
    /// Shows more than the password, on the connection that is logged in: what changes the account or its QR needs it.
    StepUp {
        /// The proofs.
        #[serde(skip)]
        factors: Factors,
    },
    /// Sets a new password, and ends the account's other logins. An account of OPAQUE takes its new password by
    /// [`Request::OpaqueRegisterStart`] on the connection that is logged in.
    ChangePassword {
        /// The new password.
        password: Secret,
    },
    /// Adds a device.
    AddDevice {
        /// Its key.
        device: DeviceKey,
        /// Its own signature, for this connection.
        signature: DeviceSignature,
    },
    /// Removes a device.
    RevokeDevice {
        /// Its key.
        device: DeviceKey,
    },
    /// Lists the account's devices.
    ListDevices,
    /// Lists the account's logins at this server.
    ListSessions,
    /// Ends one other login of the account, or all others.
    EndSessions {
        /// The one; all others without it.
        #[serde(skip)]
        session: Option<SessionId>,
    },
    /// Gives the mandate back to the bank, and forgets QR, bank account and devices. The account can be bound again.
    RevokeMandate,
    /// Closes the account and erases name, password and what it pays with. Its payments stay in the books.
    CloseAccount,
    /// Sets a new password for somebody who has lost theirs.
    Recover {
        /// The proofs, and the new password.
        recovery: Recovery,
    },
    /// Gives a charge back, whole or in part. The merchant's signature is the login.
    Refund {
        /// What is given back.
        refund: RefundRequest,
    },
}

optional_fields! {
    Request {
        Register { helper, devices } => [1: *helper, 2: *devices],
        BindAccount { helper, devices } => [1: *helper, 2: *devices],
        ReplaceQr { helper, signature } => [1: *helper, 2: *signature],
        BeginPayment { order } => [1: *order],
        PresentQr { proof } => [1: proof.nonce, 2: proof.signature],
        StepUp { factors } => [1: factors.payload, 2: factors.signature, 3: factors.bank_account, 4: factors.pin],
        EndSessions { session } => [1: *session],
        Recover { recovery } => [1: recovery.signature],
    }
    without RegisterCredentials, Login, Logout, RevokeQr, FetchHelper, SubmitCode, ResendCode,
        PaymentStatus, CancelPayment, Health, Metrics, OpaqueRegisterStart, OpaqueRegisterFinish,
        OpaqueLoginStart, OpaqueLoginFinish, PresentImage, ChangePassword, AddDevice, RevokeDevice, ListDevices,
        ListSessions, RevokeMandate, CloseAccount, Refund
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
            Self::StepUp { .. } => "step-up",
            Self::ChangePassword { .. } => "change-password",
            Self::AddDevice { .. } => "add-device",
            Self::RevokeDevice { .. } => "revoke-device",
            Self::ListDevices => "list-devices",
            Self::ListSessions => "list-sessions",
            Self::EndSessions { .. } => "end-sessions",
            Self::RevokeMandate => "revoke-mandate",
            Self::CloseAccount => "close-account",
            Self::Recover { .. } => "recover",
            Self::Refund { .. } => "refund",
        }
    }
}
