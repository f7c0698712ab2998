//! What goes into the trail: logins, failures, bindings, new enrolments, every other change of an account, payments, uses
//! of keys, and limits that were hit (PCI DSS 4.0.1, 10.2.1).

use super::session::Session;
use super::state::Service;
use crate::trail::Event;
use biopay_protocol::{PaymentId, Refusal, Request, Response};

/// What is known of a request before it is decided.
pub(super) struct Subject {
    event: &'static str,
    is_always_noted: bool,
    login: Option<String>,
    on: Option<String>,
}

impl Service {
    /// Looks at a request that may be worth a line; `None` while the trail is off.
    pub(super) fn subject_of(&self, session: &Session, request: &Request) -> Option<Subject> {
        if !self.trail.is_on() {
            return None;
        }
        let named = named_in(request);
        let login = named.or_else(|| session.with_login(|login| login.name.to_string()).ok());
        let event = request.name();
        Some(Subject { event, is_always_noted: is_always_noted(request), login, on: concerns(request) })
    }

    /// Notes how a request ended.
    pub(super) fn note(&self, session: &Session, subject: Option<Subject>, response: &Response) {
        let Some(Subject { event, is_always_noted, login, on }) = subject else { return };
        let is_limit = matches!(response, Response::Refused(Refusal::Throttled { .. }));
        if !is_always_noted && !is_limit {
            return;
        }
        let at_ms = self.env.clock.unix_ms();
        let (outcome, source) = (response.name().to_owned(), Some(session.address()));
        self.trail.note(Event { at_ms, event, outcome, login, source, on });
    }

    /// Notes that a key was used: which of the vault's opened what an account pays with.
    pub(super) fn note_key_use(&self, login: &biopay_protocol::LoginName, key: Option<u32>) {
        if !self.trail.is_on() {
            return;
        }
        let on = key.map(|key| format!("vault key {key}"));
        let (at_ms, login) = (self.env.clock.unix_ms(), Some(login.to_string()));
        self.trail.note(Event { at_ms, event: "key-use", outcome: "opened".into(), login, source: None, on });
    }
}

/// Returns the name that a request brings along.
fn named_in(request: &Request) -> Option<String> {
    match request {
        Request::Register { login, .. }
        | Request::RegisterCredentials { login, .. }
        | Request::Login { login, .. }
        | Request::OpaqueRegisterStart { login, .. }
        | Request::OpaqueRegisterFinish { login, .. }
        | Request::OpaqueLoginStart { login, .. } => Some(login.to_string()),
        Request::Recover { recovery } => Some(recovery.login.to_string()),
        Request::Refund { refund } => Some(format!("merchant {}", refund.merchant)),
        Request::BindAccount { .. }
        | Request::Logout
        | Request::ReplaceQr { .. }
        | Request::RevokeQr
        | Request::FetchHelper
        | Request::BeginPayment { .. }
        | Request::PresentQr { .. }
        | Request::SubmitCode { .. }
        | Request::ResendCode { .. }
        | Request::PaymentStatus { .. }
        | Request::CancelPayment { .. }
        | Request::Health
        | Request::Metrics
        | Request::OpaqueLoginFinish { .. }
        | Request::PresentImage { .. }
        | Request::StepUp { .. }
        | Request::ChangePassword { .. }
        | Request::AddDevice { .. }
        | Request::RevokeDevice { .. }
        | Request::ListDevices
        | Request::ListSessions
        | Request::EndSessions { .. }
        | Request::RevokeMandate
        | Request::CloseAccount => None,
    }
}

/// Returns what a request is about, where that is no secret.
fn concerns(request: &Request) -> Option<String> {
    let payment = |payment: &PaymentId| Some(format!("payment {:032x}", payment.0));
    match request {
        Request::PresentQr { payment: id, .. }
        | Request::PresentImage { payment: id, .. }
        | Request::SubmitCode { payment: id, .. }
        | Request::ResendCode { payment: id }
        | Request::PaymentStatus { payment: id }
        | Request::CancelPayment { payment: id } => payment(id),
        Request::Refund { refund } => Some(format!("reference {}", refund.reference)),
        Request::AddDevice { device, .. } | Request::RevokeDevice { device } => {
            Some(format!("device {}", device.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        Request::Register { .. }
        | Request::RegisterCredentials { .. }
        | Request::BindAccount { .. }
        | Request::Login { .. }
        | Request::Logout
        | Request::ReplaceQr { .. }
        | Request::RevokeQr
        | Request::FetchHelper
        | Request::BeginPayment { .. }
        | Request::Health
        | Request::Metrics
        | Request::OpaqueRegisterStart { .. }
        | Request::OpaqueRegisterFinish { .. }
        | Request::OpaqueLoginStart { .. }
        | Request::OpaqueLoginFinish { .. }
        | Request::StepUp { .. }
        | Request::ChangePassword { .. }
        | Request::ListDevices
        | Request::ListSessions
        | Request::EndSessions { .. }
        | Request::RevokeMandate
        | Request::CloseAccount
        | Request::Recover { .. } => None,
    }
}

/// Returns whether each such request leaves a line; the others leave one only when they hit a limit. An OPAQUE login that
/// begins and does not end has failed: the handset finds that out, and the server only sees the beginning.
fn is_always_noted(request: &Request) -> bool {
    match request {
        Request::Register { .. }
        | Request::RegisterCredentials { .. }
        | Request::BindAccount { .. }
        | Request::Login { .. }
        | Request::Logout
        | Request::ReplaceQr { .. }
        | Request::RevokeQr
        | Request::PresentQr { .. }
        | Request::PresentImage { .. }
        | Request::SubmitCode { .. }
        | Request::CancelPayment { .. }
        | Request::OpaqueRegisterFinish { .. }
        | Request::OpaqueLoginStart { .. }
        | Request::OpaqueLoginFinish { .. }
        | Request::StepUp { .. }
        | Request::ChangePassword { .. }
        | Request::AddDevice { .. }
        | Request::RevokeDevice { .. }
        | Request::EndSessions { .. }
        | Request::RevokeMandate
        | Request::CloseAccount
        | Request::Recover { .. }
        | Request::Refund { .. } => true,
        Request::FetchHelper
        | Request::BeginPayment { .. }
        | Request::ResendCode { .. }
        | Request::PaymentStatus { .. }
        | Request::Health
        | Request::Metrics
        | Request::OpaqueRegisterStart { .. }
        | Request::ListDevices
        | Request::ListSessions => false,
    }
}
