//! What a handset wants, what it has to do next, and what it feeds back.

use crate::BankAccount;
use crate::merchant::SignedOrder;
use crate::message::{ChargeReceipt, Refusal, Request, Response};
use crate::opaque::{SessionSeed, Stretching};
use crate::proof::{DeviceKeys, DeviceSecret};
use crate::secret::Secret;
use crate::values::{Currency, HelperBytes, IdempotencyKey, LoginName, Merchant, MinorUnits, PayloadBytes, PaymentId};
use std::sync::Arc;

/// What the handset wants.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Register everything in one message.
    Register {
        /// Name and password.
        credentials: Credentials,
        /// Everything else.
        binding: AccountBinding,
    },
    /// Register name and password, log in, then bind the rest.
    RegisterInTwoSteps {
        /// Name and password.
        credentials: Credentials,
        /// Everything else.
        binding: AccountBinding,
    },
    /// Log in and pay.
    Pay {
        /// Name and password.
        credentials: Credentials,
        /// What to pay.
        order: Order,
        /// Where the helper data for the derivation is.
        helper: HelperSource,
        /// What goes with a presented payload.
        prover: Prover,
    },
}

/// What the handset sends with a presented payload, as the server's rules ask for it.
#[derive(Clone, Debug, Default)]
pub struct Prover {
    /// What signs it.
    pub device: Option<Arc<DeviceSecret>>,
    /// Whether it is made for one payment.
    pub with_nonce: bool,
}

/// The credentials of a login.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name.
    pub login: LoginName,
    /// The password.
    pub password: Secret,
    /// How the password is proved.
    pub method: LoginMethod,
}

/// How the handset proves a password to the server. An account keeps the method that it was registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// The server is shown the password and hashes it.
    Password,
    /// The server never sees it (OPAQUE, RFC 9807): the handset does the hash.
    Opaque {
        /// What the handset draws, fresh for every session, for the session's secrets.
        seed: SessionSeed,
        /// What the handset's hash costs, the same at registration and at login.
        stretching: Stretching,
    },
}

/// What a registration binds to a login.
#[derive(Clone, Debug)]
pub struct AccountBinding {
    /// The enrolled payload.
    pub enrolment: PayloadBytes,
    /// Helper data that the server shall keep for a second device.
    pub helper: Option<HelperBytes>,
    /// The account that pays.
    pub bank_account: BankAccount,
    /// Its PIN.
    pub pin: Secret,
    /// The devices whose signatures count.
    pub devices: DeviceKeys,
}

/// A purchase to pay for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who is paid.
    pub merchant: Merchant,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// The key that makes a retry recognisable.
    pub idempotency_key: IdempotencyKey,
    /// The merchant's signature, where the merchant gave one.
    pub signed: Option<SignedOrder>,
}

/// The place of the helper data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperSource {
    /// On the handset, or the scheme needs none.
    Handset,
    /// With the server, which hands it out after login (a second device).
    Server,
}

/// What the handset has to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this and feed the response, or [`Input::ConnectionLost`].
    Send(Request),
    /// Make a QR payload from a stored one or a new capture, and feed it, or [`Input::NotDerived`].
    MakeQr {
        /// Which try on this page it is, from 1.
        attempt: u8,
        /// The helper data that the server handed out, if it was asked for.
        helper: Option<HelperBytes>,
    },
    /// Type in a code and feed it.
    EnterCode {
        /// What the second channel shows.
        shown: Secret,
    },
    /// Nothing more to do.
    Done(Outcome),
}

/// What the handset feeds back.
#[derive(Clone, Debug)]
pub enum Input {
    /// The response to the request that was sent.
    Response(Response),
    /// A payload.
    Qr(PayloadBytes),
    /// The capture gave no payload: a failure to acquire, or too far from the reference.
    NotDerived,
    /// A code as typed in.
    Code(Secret),
    /// The connection ended without a response.
    ConnectionLost,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The account is registered.
    Registered,
    /// The money has moved.
    Charged(ChargeReceipt),
    /// A payment with this idempotency key was given up earlier.
    Reversed,
    /// The server refused.
    Refused(Refusal),
    /// No capture gave a payload, as often as the handset tries; the server saw fewer tries or none.
    FailedToDerive,
    /// The connection was lost; a payment that was under way may be asked for with the same idempotency key.
    ConnectionLost {
        /// The payment, if a page was open.
        payment: Option<PaymentId>,
    },
    /// The server sent something other than a response to the request.
    ProtocolViolation,
}
