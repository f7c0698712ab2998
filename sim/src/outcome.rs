//! What outcomes and answers mean for the records.

use biopay_protocol::client::Outcome;
use biopay_protocol::{Refusal, Response};
use biopay_reports::summary::{CHARGED, REGISTERED};

/// Names how a session ended.
pub fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Registered => REGISTERED,
        Outcome::Charged(_) => CHARGED,
        Outcome::Refused(refusal) => refusal.name(),
        Outcome::Reversed => "reversed",
        Outcome::FailedToDerive => "failed-to-derive",
        Outcome::ConnectionLost { .. } => "connection-lost",
        Outcome::ProtocolViolation => "protocol-violation",
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
