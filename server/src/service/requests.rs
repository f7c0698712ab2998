//! Requests to decisions: each request goes to the method that decides it, and is counted.

use super::accounts::Registration;
use super::page::Page;
use super::session::Session;
use super::state::{OrRefuse, Service};
use crate::config::Visibility;
use biopay_protocol::{DeviceKeys, PresentationProof, Refusal, Request, Response};

impl Service {
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
                let page = Page::new(merchant, amount, currency, idempotency_key, self.rules.qr_tries);
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

    /// Asks the store and the bank whether payments can be taken.
    ///
    /// # Errors
    ///
    /// What a payer would be refused with.
    pub async fn health(&self) -> Result<Response, Refusal> {
        self.store.find_payment_by_reference("health".into()).await.or_refuse()?;
        self.bank.echo().await.map_err(|_| Refusal::BankUnreachable)?;
        Ok(Response::Healthy)
    }

    fn show_metrics(&self) -> Result<Response, Refusal> {
        match self.rules.metrics {
            Visibility::Clients => Ok(Response::Metrics { json: self.snapshot().to_json() }),
            Visibility::Operator => Err(Refusal::NotLoggedIn),
        }
    }
}
