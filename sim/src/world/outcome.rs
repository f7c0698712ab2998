//! The meaning of outcomes and answers for the records.

use biopay_protocol::client::Outcome;
use biopay_protocol::{Refusal, Response};
use biopay_reports::records::TransactionOutcome;

/// The end of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The session's outcome.
    Of(Outcome),
    /// The user abandoned the payment.
    Abandoned,
    /// The account was there from an earlier run of the seed.
    Reused,
}

/// Returns the name of a transaction's end.
pub fn ending_name(ending: &Ending) -> &'static str {
    match ending {
        Ending::Of(outcome) => outcome_name(outcome),
        Ending::Abandoned => "abandoned",
        Ending::Reused => TransactionOutcome::Reused.name(),
    }
}

/// Returns whether another try of the owner could succeed.
pub fn is_mendable(ending: &Ending) -> bool {
    match ending {
        Ending::Of(Outcome::FailedToDerive | Outcome::ConnectionLost { .. }) => true,
        Ending::Of(Outcome::Refused(refusal)) => {
            matches!(refusal, Refusal::WrongCredentials | Refusal::PaymentPageLeft | Refusal::Overloaded)
        }
        Ending::Of(Outcome::Registered | Outcome::Charged(_) | Outcome::Reversed | Outcome::ProtocolViolation)
        | Ending::Abandoned
        | Ending::Reused => false,
    }
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Registered => TransactionOutcome::Registered.name(),
        Outcome::Charged(_) => TransactionOutcome::Charged.name(),
        Outcome::Refused(refusal) => refusal.name(),
        Outcome::Reversed => "reversed",
        Outcome::FailedToDerive => "failed-to-derive",
        Outcome::ConnectionLost { .. } => TransactionOutcome::ConnectionLost.name(),
        Outcome::ProtocolViolation => "protocol-violation",
    }
}

/// Returns whether the answer to a presented QR means that the QR matched: true for every later decision, whether the
/// money moved or not.
pub fn qr_was_accepted(response: &Response) -> bool {
    matches!(response, Response::CodeIssued { .. } | Response::Charged(_))
        || matches!(
            response,
            Response::Refused(
                Refusal::InsufficientFunds
                    | Refusal::BankCredentials
                    | Refusal::NoSuchBankAccount
                    | Refusal::Declined { .. }
                    | Refusal::BankUnreachable
                    | Refusal::UnknownOutcome { .. }
            )
        )
}

/// Returns whether the server compared a presented QR at all.
pub fn qr_was_compared(response: &Response) -> bool {
    let mismatch = matches!(response, Response::Refused(Refusal::QrMismatch { .. } | Refusal::PaymentPageLeft));
    mismatch || qr_was_accepted(response)
}
