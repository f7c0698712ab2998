//! Requests to decisions: each request goes to the method that decides it, and is counted.

use super::accounts::Registration;
use super::page::{Page, Purchase};
use super::session::{Lifetimes, Session};
use super::state::{OrRefuse, Service};
use crate::config::Visibility;
use biopay_protocol::{ChannelBinding, Refusal, Request, Response, TraceContext};
use std::net::IpAddr;
use std::time::Duration;

impl Service {
    /// Answers a request on a connection's session, and counts it.
    pub async fn handle(&self, session: &Session, request: Request) -> Response {
        self.handle_traced(session, request, None).await
    }

    /// Answers a request that may name the trace that it belongs to.
    pub async fn handle_traced(&self, session: &Session, request: Request, trace: Option<TraceContext>) -> Response {
        let (operation, began) = (request.name(), self.env.clock.elapsed());
        let subject = self.subject_of(session, &request);
        let answer = async { self.decide(session, request).await.unwrap_or_else(Response::Refused) };
        let response = self.telemetry.serve(operation, trace, answer).await;
        self.note(session, subject, &response);
        let took = self.env.clock.elapsed().saturating_sub(began);
        self.metrics.record(operation, response.name(), took);
        response
    }

    async fn decide(&self, session: &Session, request: Request) -> Result<Response, Refusal> {
        self.consult_limits(session, &request)?;
        match request {
            Request::Register { login, password, enrolment, helper, bank_account, pin, devices } => {
                self.register(session, login, password, Registration { enrolment, helper, bank_account, pin, devices })
                    .await
            }
            Request::RegisterCredentials { login, password } => {
                self.register_credentials(session, login, password).await
            }
            Request::BindAccount { enrolment, helper, bank_account, pin, devices } => {
                self.bind_account(session, Registration { enrolment, helper, bank_account, pin, devices }).await
            }
            Request::Login { login, password, channel } => self.log_in(session, login, password, channel).await,
            Request::Logout => Ok(self.log_out(session)),
            Request::ReplaceQr { enrolment, helper, signature } => {
                self.replace_qr(session, enrolment, helper, signature).await
            }
            Request::RevokeQr => self.revoke_qr(session).await,
            Request::FetchHelper => self.fetch_helper(session).await,
            Request::BeginPayment { merchant, amount, currency, idempotency_key: key, order } => {
                let purchase = self.check_order(Purchase { merchant, amount, currency, key, order: None }, order)?;
                self.begin_payment(session, Page::new(purchase, self.rules.qr_tries)).await
            }
            Request::PresentQr { payment, payload, proof } => self.present_qr(session, payment, payload, proof).await,
            Request::SubmitCode { payment, code } => self.submit_code(session, payment, code).await,
            Request::ResendCode { payment } => self.resend_code(session, payment),
            Request::PaymentStatus { payment } => self.payment_status(session, payment).await,
            Request::CancelPayment { payment } => self.cancel_payment(session, payment).await,
            Request::Health => self.health().await,
            Request::Metrics => self.show_metrics(),
            Request::OpaqueRegisterStart { login, message } => {
                self.begin_opaque_registration(session, login, message).await
            }
            Request::OpaqueRegisterFinish { login, message } => {
                self.finish_opaque_registration(session, login, message).await
            }
            Request::OpaqueLoginStart { login, message } => self.begin_opaque_login(session, login, message).await,
            Request::OpaqueLoginFinish { message } => self.finish_opaque_login(session, message).await,
            Request::PresentImage { payment, image } => self.present_image(session, payment, image).await,
            Request::StepUp { factors } => self.step_up(session, factors).await,
            Request::ChangePassword { password } => self.change_password(session, password).await,
            Request::AddDevice { device, signature } => self.add_device(session, device, signature).await,
            Request::RevokeDevice { device } => self.revoke_device(session, device).await,
            Request::ListDevices => self.list_devices(session).await,
            Request::ListSessions => self.list_sessions(session),
            Request::EndSessions { session: id } => self.end_sessions(session, id).await,
            Request::RevokeMandate => self.revoke_mandate(session).await,
            Request::CloseAccount => self.close_account(session).await,
            Request::Recover { recovery } => self.recover(session, recovery).await,
            Request::Refund { refund } => self.refund(session.source(), refund).await,
        }
    }

    /// Begins the session of a connection; `address` is where it comes from.
    pub fn begin_session(&self, address: IpAddr, channel: ChannelBinding) -> Session {
        let duration = |ms: u32| Duration::from_millis(u64::from(ms));
        let lifetimes =
            Lifetimes { login: duration(self.rules.login_valid_ms), page: duration(self.rules.page_valid_ms) };
        Session::new(address, channel, self.env.clock.clone(), lifetimes, self.sessions.clone())
    }

    /// Counts a request against its limits, before anything is done for it. Guesses are counted where they are checked.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    fn consult_limits(&self, session: &Session, request: &Request) -> Result<(), Refusal> {
        match request {
            Request::Register { .. }
            | Request::RegisterCredentials { .. }
            | Request::OpaqueRegisterStart { .. } => self.throttle.begin_registration(session.source()),
            Request::Health | Request::Metrics => self.throttle.begin_enquiry(session.source()),
            Request::Login { .. }
            | Request::OpaqueLoginStart { .. }
            // These two need their start on the same connection, which was counted.
            | Request::OpaqueLoginFinish { .. }
            | Request::OpaqueRegisterFinish { .. }
            | Request::Recover { .. }
            | Request::Refund { .. } => Ok(()),
            Request::BindAccount { .. }
            | Request::Logout
            | Request::ReplaceQr { .. }
            | Request::RevokeQr
            | Request::FetchHelper
            | Request::BeginPayment { .. }
            | Request::PresentQr { .. }
            | Request::PresentImage { .. }
            | Request::SubmitCode { .. }
            | Request::ResendCode { .. }
            | Request::PaymentStatus { .. }
            | Request::CancelPayment { .. }
            | Request::StepUp { .. }
            | Request::ChangePassword { .. }
            | Request::AddDevice { .. }
            | Request::RevokeDevice { .. }
            | Request::ListDevices
            | Request::ListSessions
            | Request::EndSessions { .. }
            | Request::RevokeMandate
            | Request::CloseAccount => {
                // Without a login the request is refused before it costs anything.
                session.with_login(|login| self.throttle.begin_request(&login.name)).unwrap_or(Ok(()))
            }
        }
    }

    /// Asks the store and the bank whether payments can be taken, at most once a second.
    ///
    /// # Errors
    ///
    /// What a payer would be refused with.
    pub async fn health(&self) -> Result<Response, Refusal> {
        let question = async {
            self.store.find_payment_by_reference("health".into()).await.or_refuse()?;
            self.bank.echo().await.map_err(|_| Refusal::BankUnreachable)
        };
        self.health.ask(self.env.clock.elapsed(), question).await.map(|()| Response::Healthy)
    }

    fn show_metrics(&self) -> Result<Response, Refusal> {
        match self.rules.metrics {
            Visibility::Clients => Ok(Response::Metrics { json: self.snapshot().to_json() }),
            Visibility::Operator => Err(Refusal::NotLoggedIn),
        }
    }
}
