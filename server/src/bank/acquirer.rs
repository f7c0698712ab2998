//! The acquirer's half of ISO 8583: orders become requests and responses become answers, without any I/O.

use super::{
    Authority, Bank, BankAnswer, BankError, BankGauges, ChargeOrder, Decline, Late, LateAnswer, RefundOrder,
    ReversalOrder, Sending,
};
use crate::env::{BoxFuture, Env};
use crate::iso8583::pin_block::PinKey;
use crate::iso8583::{Field, Message, Mti, processing};
use crate::planted::{PlantedBug, planted};
use biopay_protocol::{BankAccount, Secret};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Echo test (ISO 8583:1987, network management information code).
pub(super) const ECHO: &str = "301";
pub(super) const APPROVED: &str = "00";
const NO_ORIGINAL: &str = "25";
/// The bank is in trouble and did nothing; asking again may help.
const MALFUNCTION: &str = "96";
/// Trace numbers have six digits and skip zero.
const TRACES: u32 = 999_999;

/// A link that carries requests to the bank and responses back.
pub trait Wire: Send + Sync {
    /// Sends a request and waits for its response, paired by the trace number.
    fn exchange(&self, request: Message) -> BoxFuture<'_, Result<Message, BankError>>;

    /// Returns how the links are.
    fn gauges(&self) -> BankGauges {
        BankGauges::default()
    }

    /// Waits for the next response whose request has given up.
    fn next_unclaimed(&self) -> BoxFuture<'_, Message>;
}

/// The connector to the bank: ISO 8583 over any wire.
pub struct Acquirer<W> {
    wire: W,
    env: Env,
    institution: String,
    pin_key: Arc<PinKey>,
    trace: AtomicU32,
}

impl<W: Wire> Acquirer<W> {
    /// Takes the wire, the acquirer's institution number (1 to 11 digits) and the shared PIN key.
    pub fn new(wire: W, env: Env, institution: String, pin_key: Arc<PinKey>) -> Self {
        let trace = u32::from_be_bytes(env.random()) % TRACES;
        Self { wire, env, institution, pin_key, trace: AtomicU32::new(trace) }
    }

    fn begin(&self, mti: Mti) -> Message {
        let trace = self.trace.fetch_add(1, Ordering::Relaxed) % TRACES + 1;
        Message::new(mti)
            .with(Field::Transmitted, transmission_time(self.env.clock.unix_ms()))
            .with_number(Field::Trace, u64::from(trace))
            .with(Field::Acquirer, &self.institution)
    }

    fn charge_message(&self, mti: Mti, order: &ChargeOrder) -> Option<Message> {
        let Original { trace, transmitted } = Original::of(&order.reference, order.begun_ms);
        let message = Message::new(mti)
            .with(Field::ProcessingCode, processing::PURCHASE)
            .with_number(Field::Amount, order.amount.value())
            .with(Field::Transmitted, transmitted)
            .with_number(Field::Trace, trace)
            .with(Field::Acquirer, &self.institution)
            .with(Field::Reference, &order.reference)
            .with(Field::Merchant, format!("{:40}", order.merchant.as_str()))
            .with(Field::Currency, order.currency.as_str());
        match &order.authority {
            Authority::Pin(pin) => self.with_pin(message, &order.account, pin),
            Authority::Mandate(token) => Some(message.with(Field::Private, token.expose())),
        }
    }

    /// Adds account and PIN block; `None` when the PIN does not fit a PIN block.
    fn with_pin(&self, message: Message, account: &BankAccount, pin: &Secret) -> Option<Message> {
        let block = self.pin_key.seal(pin.expose(), account.as_str(), &*self.env.entropy).ok()?;
        Some(message.with(Field::AccountNumber, account.as_str()).with(Field::PinBlock, block))
    }

    async fn send_charge(&self, order: ChargeOrder) -> Result<BankAnswer, BankError> {
        let mti = match order.sending {
            Sending::First => Mti::CHARGE,
            Sending::Repeat => Mti::CHARGE_REPEAT,
        };
        // A PIN that fits no PIN block is declined as the bank would.
        let wrong_pin = BankAnswer::Declined(Decline::WrongPin);
        let Some(request) = self.charge_message(mti, &order) else { return Ok(wrong_pin) };
        let asked = request.clone();
        let response = self.wire.exchange(request).await?;
        if !answers(&asked, &response) {
            tracing::error!("the bank answered another charge than the one it was asked about");
            return Err(BankError::Unknown);
        }
        read_charge_response(&response)
    }

    async fn send_refund(&self, order: RefundOrder) -> Result<BankAnswer, BankError> {
        let mti = match order.sending {
            Sending::First => Mti::CHARGE,
            Sending::Repeat => Mti::CHARGE_REPEAT,
        };
        let request = self
            .begin(mti)
            .with(Field::ProcessingCode, processing::REFUND)
            .with_number(Field::Amount, order.amount.value())
            .with(Field::Reference, &order.reference)
            .with(Field::Currency, order.currency.as_str())
            .with(Field::Private, &order.original);
        let asked = request.clone();
        let response = self.wire.exchange(request).await?;
        if !answers(&asked, &response) {
            tracing::error!("the bank answered another refund than the one it was asked about");
            return Err(BankError::Unknown);
        }
        read_charge_response(&response)
    }

    async fn wait_for_late_answer(&self) -> LateAnswer {
        loop {
            if let Some(late) = read_late_answer(&self.wire.next_unclaimed().await) {
                return late;
            }
        }
    }

    async fn send_reversal(&self, order: ReversalOrder) -> Result<(), BankError> {
        let mti = match order.sending {
            Sending::First => Mti::REVERSAL_ADVICE,
            Sending::Repeat => Mti::REVERSAL_ADVICE_REPEAT,
        };
        // ISO 8583:1987, data element 90: type, trace number, date and time, acquirer, forwarder (we have none).
        let Original { trace, transmitted } = Original::of(&order.reference, order.begun_ms);
        let original = format!("{:04}{trace:06}{transmitted}{:0>11}{:0>11}", Mti::CHARGE.0, self.institution, 0);
        let request = self
            .begin(mti)
            .with(Field::ProcessingCode, processing::PURCHASE)
            .with_number(Field::Amount, order.amount.value())
            .with(Field::Reference, &order.reference)
            .with(Field::Currency, order.currency.as_str())
            .with(Field::Original, original);
        let response = self.wire.exchange(request).await?;
        if knows_of_reversal(&response) { Ok(()) } else { Err(BankError::Unknown) }
    }

    async fn send_verification(&self, account: BankAccount, pin: Secret) -> Result<Result<Secret, Decline>, BankError> {
        let begun = self.begin(Mti::VERIFY).with(Field::ProcessingCode, processing::PURCHASE);
        let Some(request) = self.with_pin(begun, &account, &pin) else { return Ok(Err(Decline::WrongPin)) };
        let response = self.wire.exchange(request).await?;
        match (response.text(Field::ResponseCode), response.text(Field::Private)) {
            (Some(APPROVED), Some(token)) => Ok(Ok(Secret::new(token).map_err(|_| BankError::Unknown)?)),
            (Some(code), _) if code != APPROVED && code != MALFUNCTION => Ok(Err(Decline::from_code(code))),
            _ => Err(BankError::Unknown),
        }
    }

    async fn send_mandate_back(&self, token: Secret) -> Result<(), BankError> {
        let request = self.begin(Mti::VERIFY).with(Field::ProcessingCode, processing::CLOSE_MANDATE);
        let response = self.wire.exchange(request.with(Field::Private, token.expose())).await?;
        if knows_of_reversal(&response) { Ok(()) } else { Err(BankError::Unknown) }
    }

    async fn send_echo(&self) -> Result<(), BankError> {
        let response = self.wire.exchange(self.begin(Mti::NETWORK).with(Field::NetworkCode, ECHO)).await?;
        let alive = response.text(Field::ResponseCode) == Some(APPROVED);
        if alive { Ok(()) } else { Err(BankError::Unknown) }
    }
}

impl<W: Wire> Bank for Acquirer<W> {
    fn charge(&self, order: ChargeOrder) -> BoxFuture<'_, Result<BankAnswer, BankError>> {
        Box::pin(self.send_charge(order))
    }

    fn reverse(&self, order: ReversalOrder) -> BoxFuture<'_, Result<(), BankError>> {
        Box::pin(self.send_reversal(order))
    }

    fn refund(&self, order: RefundOrder) -> BoxFuture<'_, Result<BankAnswer, BankError>> {
        Box::pin(self.send_refund(order))
    }

    fn open_mandate(
        &self,
        account: BankAccount,
        pin: Secret,
    ) -> BoxFuture<'_, Result<Result<Secret, Decline>, BankError>> {
        Box::pin(self.send_verification(account, pin))
    }

    fn close_mandate(&self, token: Secret) -> BoxFuture<'_, Result<(), BankError>> {
        Box::pin(self.send_mandate_back(token))
    }

    fn echo(&self) -> BoxFuture<'_, Result<(), BankError>> {
        Box::pin(self.send_echo())
    }

    fn gauges(&self) -> BankGauges {
        self.wire.gauges()
    }

    fn next_late_answer(&self) -> BoxFuture<'_, LateAnswer> {
        Box::pin(self.wait_for_late_answer())
    }
}

/// What names a charge in its reversal: the trace number and the time that it was, or would have been, sent with. Both
/// follow from the payment, so that every process names the charge alike.
struct Original {
    trace: u64,
    transmitted: String,
}

impl Original {
    fn of(reference: &str, begun_ms: u64) -> Self {
        // 64-bit FNV-1a: the reference is random, and its trace number has to be spread as evenly.
        let hash = reference
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let trace = (hash >> 16) % u64::from(TRACES) + 1;
        Self { trace, transmitted: transmission_time(begun_ms) }
    }
}

/// Returns whether a response repeats what its request was about: an approval of another payment, amount or currency is
/// none of this one.
fn answers(request: &Message, response: &Message) -> bool {
    if planted(PlantedBug::ForeignAnswer) {
        return true;
    }
    let is_repeated = |&field: &Field| response.field(field) == request.field(field);
    [Field::Reference, Field::Amount, Field::Currency].iter().all(is_repeated)
}

fn read_late_answer(response: &Message) -> Option<LateAnswer> {
    let reference = response.text(Field::Reference)?.to_owned();
    let (amount, currency) = (response.number(Field::Amount)?, response.text(Field::Currency)?.to_owned());
    let says = match response.mti() {
        Mti::CHARGE_RESPONSE => Late::Charge(read_charge_response(response).ok()?),
        Mti::REVERSAL_RESPONSE if knows_of_reversal(response) => Late::Reversal,
        _ => return None,
    };
    Some(LateAnswer { reference, amount, currency, says })
}

fn knows_of_reversal(response: &Message) -> bool {
    matches!(response.text(Field::ResponseCode), Some(APPROVED | NO_ORIGINAL))
}

fn read_charge_response(response: &Message) -> Result<BankAnswer, BankError> {
    let code = response.text(Field::ResponseCode).ok_or(BankError::Unknown)?;
    match (code, response.text(Field::Approval)) {
        (APPROVED, Some(approval)) => Ok(BankAnswer::Approved { approval: approval.to_owned() }),
        (APPROVED, None) | (MALFUNCTION, _) => Err(BankError::Unknown),
        (code, _) => Ok(BankAnswer::Declined(Decline::from_code(code))),
    }
}

/// Writes a time as MMDDhhmmss in UTC.
pub(super) fn transmission_time(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000;
    let (month, day) = month_and_day(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// Turns days since 1970-01-01 into a month and a day of the proleptic Gregorian calendar, counting years from March
/// so that the leap day is the last of a year.
fn month_and_day(days: u64) -> (u64, u64) {
    let days = days + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_another_payment_is_no_answer() {
        let message = |mti, reference: &str, currency: &str, amount| {
            let message = Message::new(mti).with(Field::Reference, reference).with(Field::Currency, currency);
            message.with_number(Field::Amount, amount)
        };
        let asked = message(Mti::CHARGE, "ABCDEF123456", "EUR", 5);
        assert!(answers(&asked, &message(Mti::CHARGE_RESPONSE, "ABCDEF123456", "EUR", 5)));
        for (reference, currency, amount) in
            [("ABCDEF123457", "EUR", 5), ("ABCDEF123456", "USD", 5), ("ABCDEF123456", "EUR", 6)]
        {
            assert!(!answers(&asked, &message(Mti::CHARGE_RESPONSE, reference, currency, amount)));
        }
        assert!(!answers(&asked, &Message::new(Mti::CHARGE_RESPONSE)));
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(transmission_time(0), "0101000000");
        assert_eq!(transmission_time(951_827_696_000), "0229123456"); // 2000-02-29 12:34:56
        assert_eq!(transmission_time(1_772_323_199_000), "0228235959"); // 2026-02-28 23:59:59
        assert_eq!(transmission_time(1_772_323_200_000), "0301000000"); // 2026-03-01 00:00:00
    }
}
