//! The bank's ISO 8583 host: a message in, a message out.

use super::ledger::{Answer, Charge, Ledger, Payer, Refund, code};
use crate::iso8583::pin_block::PinKey;
use crate::iso8583::{Field, Message, Mti, processing};
use biopay_protocol::Currency;
use std::sync::Arc;

/// The host that answers messages from a ledger.
#[derive(Clone)]
pub struct Host {
    ledger: Ledger,
    pin_key: Arc<PinKey>,
    /// The currency of every account.
    currency: Currency,
}

impl Host {
    /// Takes the ledger and the key that PIN blocks are encrypted with.
    pub fn new(ledger: Ledger, pin_key: Arc<PinKey>) -> Self {
        let currency = Currency::new("EUR").expect("the euro is a currency");
        Self { ledger, pin_key, currency }
    }

    /// Keeps the accounts in another currency than euros.
    pub fn with_currency(self, currency: Currency) -> Self {
        Self { currency, ..self }
    }

    /// Returns the ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Answers one message; `None` when it is no request.
    pub async fn answer(&self, request: &Message) -> Option<Message> {
        match request.mti() {
            Mti::VERIFY if request.text(Field::ProcessingCode) == Some(processing::CLOSE_MANDATE) => {
                Some(self.close_mandate(request).await)
            }
            Mti::VERIFY => Some(self.verify(request).await),
            Mti::CHARGE | Mti::CHARGE_REPEAT if request.text(Field::ProcessingCode) == Some(processing::REFUND) => {
                Some(self.refund(request).await)
            }
            Mti::CHARGE | Mti::CHARGE_REPEAT => Some(self.charge(request, Decision::Ledger).await),
            Mti::REVERSAL | Mti::REVERSAL_ADVICE | Mti::REVERSAL_ADVICE_REPEAT => Some(self.reverse(request).await),
            Mti::NETWORK => Some(reply(request).with(Field::ResponseCode, code::APPROVED)),
            mti if mti.is_response() => None,
            _ => Some(refuse(request, code::FORMAT_ERROR)),
        }
    }

    /// Declines a charge whatever the account says.
    pub async fn decline(&self, request: &Message) -> Message {
        self.charge(request, Decision::Decline).await
    }

    async fn verify(&self, request: &Message) -> Message {
        let Some(payer @ Payer::Pin { .. }) = self.payer(request) else { return refuse(request, code::FORMAT_ERROR) };
        match self.ledger.open_mandate(payer).await {
            Ok(Ok(token)) => reply(request).with(Field::ResponseCode, code::APPROVED).with(Field::Private, token),
            Ok(Err(declined)) => refuse(request, declined),
            Err(error) => malfunction(request, &error),
        }
    }

    async fn close_mandate(&self, request: &Message) -> Message {
        let Some(token) = request.text(Field::Private) else { return refuse(request, code::FORMAT_ERROR) };
        match self.ledger.close_mandate(token.to_owned()).await {
            Ok(true) => refuse(request, code::APPROVED),
            Ok(false) => refuse(request, code::NO_ORIGINAL),
            Err(error) => malfunction(request, &error),
        }
    }

    async fn charge(&self, request: &Message, decision: Decision) -> Message {
        let Some(charge) = self.read_charge(request) else { return refuse(request, code::FORMAT_ERROR) };
        // Nothing is converted here: an amount in another currency is another amount.
        if request.text(Field::Currency) != Some(self.currency.as_str()) {
            return refuse(request, code::WRONG_CURRENCY);
        }
        answered(
            request,
            match decision {
                Decision::Ledger => self.ledger.charge(charge).await,
                Decision::Decline => self.ledger.decline(charge).await,
            },
        )
    }

    async fn refund(&self, request: &Message) -> Message {
        if request.text(Field::Currency) != Some(self.currency.as_str()) {
            return refuse(request, code::WRONG_CURRENCY);
        }
        let read = || {
            Some(Refund {
                acquirer: request.text(Field::Acquirer)?.to_owned(),
                reference: request.text(Field::Reference)?.to_owned(),
                original: request.text(Field::Private)?.to_owned(),
                amount_minor: request.number(Field::Amount).filter(|&amount| amount > 0)?,
            })
        };
        match read() {
            Some(refund) => answered(request, self.ledger.refund(refund).await),
            None => refuse(request, code::FORMAT_ERROR),
        }
    }

    async fn reverse(&self, request: &Message) -> Message {
        let (Some(acquirer), Some(reference)) = (request.text(Field::Acquirer), request.text(Field::Reference)) else {
            return refuse(request, code::FORMAT_ERROR);
        };
        match self.ledger.reverse(acquirer.to_owned(), reference.to_owned()).await {
            Ok(Answer { code, .. }) => refuse(request, &code),
            Err(error) => malfunction(request, &error),
        }
    }

    fn read_charge(&self, request: &Message) -> Option<Charge> {
        Some(Charge {
            acquirer: request.text(Field::Acquirer)?.to_owned(),
            reference: request.text(Field::Reference)?.to_owned(),
            payer: self.payer(request)?,
            amount_minor: request.number(Field::Amount).filter(|&amount| amount > 0)?,
        })
    }

    fn payer(&self, request: &Message) -> Option<Payer> {
        if let Some(token) = request.text(Field::Private) {
            return Some(Payer::Mandate(token.to_owned()));
        }
        let account = request.text(Field::AccountNumber)?.to_owned();
        let pin = self.pin_key.open(request.field(Field::PinBlock)?, &account).ok();
        Some(Payer::Pin { account, pin })
    }
}

#[derive(Clone, Copy)]
enum Decision {
    Ledger,
    Decline,
}

/// Begins the response: its type, and the data elements that a response repeats.
fn reply(request: &Message) -> Message {
    const REPEATED: [Field; 7] = [
        Field::ProcessingCode,
        Field::Amount,
        Field::Transmitted,
        Field::Trace,
        Field::Acquirer,
        Field::Reference,
        Field::Currency,
    ];
    let empty = Message::new(request.mti().response());
    REPEATED.into_iter().fold(empty, |message, field| match request.field(field) {
        Some(content) => message.with(field, content),
        None => message,
    })
}

/// Writes a ledger's answer.
fn answered(request: &Message, answer: Result<Answer, crate::durable::StoreError>) -> Message {
    match answer {
        Ok(Answer { code, approval: Some(approval) }) => {
            reply(request).with(Field::ResponseCode, code).with(Field::Approval, approval)
        }
        Ok(Answer { code, approval: None }) => refuse(request, &code),
        Err(error) => malfunction(request, &error),
    }
}

fn refuse(request: &Message, code: &str) -> Message {
    reply(request).with(Field::ResponseCode, code)
}

fn malfunction(request: &Message, error: &crate::durable::StoreError) -> Message {
    tracing::error!(%error, "the ledger did not answer");
    refuse(request, code::MALFUNCTION)
}
