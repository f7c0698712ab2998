//! Names of outcomes and operations, as records and reports write them.

use biopay_protocol::client::Outcome;
use biopay_protocol::{Refusal, Request, Response};
use biopay_reports::summary::{CHARGED, REGISTERED};

/// Names how a session ended.
pub fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Registered => REGISTERED,
        Outcome::Charged(_) => CHARGED,
        Outcome::Refused(refusal) => refusal_name(refusal),
        Outcome::Reversed => "reversed",
        Outcome::FailedToDerive => "failed-to-derive",
        Outcome::ConnectionLost { .. } => "connection-lost",
        Outcome::ProtocolViolation => "protocol-violation",
    }
}

/// Names a refusal.
pub fn refusal_name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::WrongCredentials => "wrong-credentials",
        Refusal::LoginTaken => "login-taken",
        Refusal::NotLoggedIn => "not-logged-in",
        Refusal::NotBound => "not-bound",
        Refusal::AlreadyBound => "already-bound",
        Refusal::QrMismatch { .. } => "qr-mismatch",
        Refusal::PaymentPageLeft => "payment-page-left",
        Refusal::UnreadableQr => "unreadable-qr",
        Refusal::NoSuchPayment => "no-such-payment",
        Refusal::WrongStep => "wrong-step",
        Refusal::WrongCode { .. } => "wrong-code",
        Refusal::CodeExhausted => "code-exhausted",
        Refusal::CodeExpired => "code-expired",
        Refusal::ResendLimit => "resend-limit",
        Refusal::InsufficientFunds => "insufficient-funds",
        Refusal::BankCredentials => "bank-credentials",
        Refusal::NoSuchBankAccount => "no-such-bank-account",
        Refusal::Declined { .. } => "declined",
        Refusal::BankUnreachable => "bank-unreachable",
        Refusal::UnknownOutcome { .. } => "unknown-outcome",
        Refusal::InProgress { .. } => "in-progress",
        Refusal::IdempotencyConflict => "idempotency-conflict",
        Refusal::Throttled { .. } => "throttled",
        Refusal::Overloaded => "overloaded",
        Refusal::Malformed => "malformed",
        Refusal::ShuttingDown => "shutting-down",
        Refusal::Internal => "internal-error",
    }
}

/// Names the operation that a request asks for, as latencies are filed.
pub fn operation_name(request: &Request) -> &'static str {
    match request {
        Request::Register { .. } | Request::RegisterCredentials { .. } => "register",
        Request::BindAccount { .. } => "bind",
        Request::Login { .. } => "login",
        Request::FetchHelper => "fetch-helper",
        Request::BeginPayment { .. } => "open-page",
        Request::PresentQr { .. } => "present",
        Request::SubmitCode { .. } => "code",
        _ => "other",
    }
}

/// Says whether the answer to a presented QR means that it was found consistent: everything that comes after that
/// decision, whether the money moved or not.
pub fn qr_was_accepted(response: &Response) -> bool {
    match response {
        Response::CodeIssued { .. } | Response::Charged(_) => true,
        Response::Refused(refusal) => matches!(
            refusal,
            Refusal::InsufficientFunds
                | Refusal::BankCredentials
                | Refusal::NoSuchBankAccount
                | Refusal::Declined { .. }
                | Refusal::BankUnreachable
                | Refusal::UnknownOutcome { .. }
        ),
        _ => false,
    }
}

/// Says whether the server compared a presented QR at all.
pub fn qr_was_compared(response: &Response) -> bool {
    let mismatch = matches!(response, Response::Refused(Refusal::QrMismatch { .. } | Refusal::PaymentPageLeft));
    mismatch || qr_was_accepted(response)
}
