//! The bank's answer as a settlement, and a payment as the answer to whoever asks.

use crate::bank::{BankAnswer, BankError, Decline};
use crate::planted::{PlantedBug, planted};
use crate::store::{Payment, PaymentState, Settlement};
use biopay_protocol::{ChargeReceipt, Refusal, Response};

/// Turns the bank's answer, or its absence, into a settlement.
pub(super) fn settlement_of(answer: Result<BankAnswer, BankError>) -> Settlement {
    match answer {
        Ok(BankAnswer::Approved { approval }) => Settlement::Approved { approval },
        Ok(BankAnswer::Declined(why)) => Settlement::Declined(why),
        Err(BankError::NotSent) => Settlement::NotSent,
        Err(BankError::Unknown) if planted(PlantedBug::TimeoutVoids) => Settlement::NotSent,
        Err(BankError::Unknown) => Settlement::Unknown,
    }
}

/// Turns a payment as it stands into the answer to whoever asks.
pub(super) fn answer_of(payment: &Payment) -> Result<Response, Refusal> {
    let id = payment.id;
    match payment.state {
        PaymentState::Posted => Ok(Response::Charged(ChargeReceipt {
            payment: id,
            reference: payment.reference.clone(),
            approval: payment.approval.clone().unwrap_or_default(),
            amount: payment.amount,
            currency: payment.currency.clone(),
        })),
        PaymentState::Voided => Err(payment.decline.as_ref().map_or(Refusal::BankUnreachable, refusal_of)),
        PaymentState::Pending => Err(Refusal::InProgress { payment: id }),
        PaymentState::Unknown => Err(Refusal::UnknownOutcome { payment: id }),
        PaymentState::Reversing | PaymentState::Reversed => Ok(Response::Reversed { payment: id }),
    }
}

/// Returns the refusal that tells a payer why the bank declined.
pub(super) fn refusal_of(why: &Decline) -> Refusal {
    match why {
        Decline::InsufficientFunds => Refusal::InsufficientFunds,
        // One answer for all three: whoever guesses must not learn which accounts exist.
        Decline::NoSuchAccount | Decline::WrongPin | Decline::PinBlocked => Refusal::BankCredentials,
        Decline::Other(code) => Refusal::Declined { code: code.clone() },
    }
}
