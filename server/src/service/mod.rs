//! What the server decides: a request and a session in, a response out. It knows nothing of QUIC.

mod accounts;
mod charge;
mod code;
mod opaque;
mod pages;
mod record;
mod resolver;
mod session;
mod throttle;

pub use session::Session;

use crate::bank::Bank;
use crate::config::{Mode, Rules, ThrottleConfig};
use crate::crypto::opaque::OpaqueServer;
use crate::crypto::password::Passwords;
use crate::crypto::vault::Vault;
use crate::env::{Env, Overloaded};
use crate::images::ImageReader;
use crate::metrics::{Metrics, Snapshot};
use crate::store::{Store, StoreError};
use accounts::Registration;
use biopay_biometrics::scheme::Registry;
use biopay_protocol::{DeviceKeys, PaymentId, PresentationProof, Refusal, Request, Response};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Holds everything that decisions need.
pub struct Service {
    env: Env,
    rules: Rules,
    mode: Mode,
    store: Arc<dyn Store>,
    bank: Arc<dyn Bank>,
    schemes: Arc<Registry>,
    vault: Vault,
    passwords: Passwords,
    hides_unknown_names: bool,
    opaque: OpaqueServer,
    images: ImageReader,
    code_key: ring::hmac::Key,
    throttle: throttle::Throttle,
    metrics: Arc<Metrics>,
    /// Payments that a request of this process is charging right now: the resolver leaves them alone.
    charging: Mutex<BTreeSet<PaymentId>>,
    unresolved: tokio::sync::Notify,
}

/// Holds a service's parts.
pub struct Parts {
    /// Time, processor, randomness.
    pub env: Env,
    /// Tries, codes, lifetimes.
    pub rules: Rules,
    /// What the server keeps of a PIN.
    pub mode: Mode,
    /// How failures are slowed down.
    pub throttle: ThrottleConfig,
    /// Accounts, payments, ledger.
    pub store: Arc<dyn Store>,
    /// The bank.
    pub bank: Arc<dyn Bank>,
    /// The derivation schemes.
    pub schemes: Arc<Registry>,
    /// Seals what the store keeps.
    pub vault: Vault,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Whether a login with an unknown name costs a hash as well.
    pub hides_unknown_names: bool,
    /// Answers OPAQUE.
    pub opaque: OpaqueServer,
    /// Reads images of QR symbols.
    pub images: ImageReader,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

impl Service {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { env, rules, mode, throttle, store, bank, schemes, vault, passwords, .. } = parts;
        let Parts { hides_unknown_names, opaque, images, metrics, .. } = parts;
        let code_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &env.random::<32>());
        let throttle = throttle::Throttle::new(&throttle, env.clock.clone());
        let (charging, unresolved) = (Mutex::default(), tokio::sync::Notify::new());
        Self {
            env,
            rules,
            mode,
            store,
            bank,
            schemes,
            vault,
            passwords,
            hides_unknown_names,
            opaque,
            images,
            code_key,
            throttle,
            metrics,
            charging,
            unresolved,
        }
    }

    /// Returns the surroundings.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Returns the counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns all counters as they are.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { store: self.store.commits(), ..self.metrics.snapshot(&self.env) }
    }

    /// Answers a request on a connection's session, and counts it.
    pub async fn handle(&self, session: &Session, request: Request) -> Response {
        let (operation, began) = (request.name(), self.env.clock.elapsed());
        let response = self.decide(session, request).await.unwrap_or_else(Response::Refused);
        let took = self.env.clock.elapsed().saturating_sub(began);
        self.metrics.record(operation, response.name(), took);
        response
    }

    async fn decide(&self, session: &Session, request: Request) -> Result<Response, Refusal> {
        match request {
            Request::Register { login, password, enrolment, helper, bank_account, pin } => {
                let devices = DeviceKeys::default();
                self.register(login, password, Registration { enrolment, helper, bank_account, pin, devices }).await
            }
            Request::RegisterWithDevices { login, password, enrolment, helper, bank_account, pin, devices } => {
                self.register(login, password, Registration { enrolment, helper, bank_account, pin, devices }).await
            }
            Request::RegisterCredentials { login, password } => self.register_credentials(login, password).await,
            Request::BindAccount { enrolment, helper, bank_account, pin } => {
                let devices = DeviceKeys::default();
                self.bind_account(session, Registration { enrolment, helper, bank_account, pin, devices }).await
            }
            Request::Login { login, password, channel } => self.log_in(session, login, password, channel).await,
            Request::Logout => Ok(self.log_out(session)),
            Request::ReplaceQr { enrolment, helper } => self.replace_qr(session, enrolment, helper, None).await,
            Request::ReplaceQrSigned { enrolment, helper, signature } => {
                self.replace_qr(session, enrolment, helper, Some(signature)).await
            }
            Request::RevokeQr => self.revoke_qr(session).await,
            Request::FetchHelper => self.fetch_helper(session).await,
            Request::BeginPayment { merchant, amount, currency, idempotency_key } => {
                let page = pages::Page::new(merchant, amount, currency, idempotency_key, self.rules.qr_tries);
                self.begin_payment(session, page).await
            }
            Request::PresentQr { payment, payload } => {
                self.present_qr(session, payment, payload, PresentationProof::default()).await
            }
            Request::PresentWithProof { payment, payload, proof } => {
                self.present_qr(session, payment, payload, proof).await
            }
            Request::SubmitCode { payment, code } => self.submit_code(session, payment, code).await,
            Request::ResendCode { payment } => self.resend_code(session, payment),
            Request::PaymentStatus { payment } => self.payment_status(session, payment).await,
            Request::CancelPayment { payment } => self.cancel_payment(session, payment).await,
            Request::Health => self.health().await,
            Request::Metrics => self.show_metrics(),
            Request::OpaqueRegisterStart { login, message } => self.begin_opaque_registration(login, message).await,
            Request::OpaqueRegisterFinish { login, message } => self.finish_opaque_registration(login, message).await,
            Request::OpaqueLoginStart { login, message } => self.begin_opaque_login(session, login, message).await,
            Request::OpaqueLoginFinish { message } => self.finish_opaque_login(session, message).await,
            Request::PresentImage { payment, image } => self.present_image(session, payment, image).await,
        }
    }

    /// Returns what reads images.
    pub fn images(&self) -> &ImageReader {
        &self.images
    }

    /// Asks the store and the bank whether payments can be taken.
    ///
    /// Errors: what a payer would be refused with.
    pub async fn health(&self) -> Result<Response, Refusal> {
        self.store.find_payment_by_reference("health".into()).await.or_refuse()?;
        self.bank.echo().await.map_err(|_| Refusal::BankUnreachable)?;
        Ok(Response::Healthy)
    }

    fn show_metrics(&self) -> Result<Response, Refusal> {
        match self.rules.metrics {
            crate::config::Visibility::Clients => Ok(Response::Metrics { json: self.snapshot().to_json() }),
            crate::config::Visibility::Operator => Err(Refusal::NotLoggedIn),
        }
    }
}

impl From<StoreError> for Reason {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self(Refusal::Overloaded),
            error => {
                tracing::error!(%error, "the store did not do what it was asked");
                Self(Refusal::Internal)
            }
        }
    }
}

impl From<Overloaded> for Reason {
    fn from(Overloaded: Overloaded) -> Self {
        Self(Refusal::Overloaded)
    }
}

impl From<crate::crypto::vault::CannotOpen> for Reason {
    fn from(error: crate::crypto::vault::CannotOpen) -> Self {
        tracing::error!(%error, "the vault refused");
        Self(Refusal::Internal)
    }
}

/// Turns what broke inside into what the client hears, and logs the rest.
struct Reason(Refusal);

/// Shortens the way from an inner error to a refusal.
trait OrRefuse<T> {
    fn or_refuse(self) -> Result<T, Refusal>;
}

impl<T, E: Into<Reason>> OrRefuse<T> for Result<T, E> {
    fn or_refuse(self) -> Result<T, Refusal> {
        self.map_err(|error| error.into().0)
    }
}
