//! The server's side of the bank: a connector behind a trait, and its ISO 8583 implementation.

pub mod acquirer;
pub mod decline;
pub mod dial;
pub mod direct;
pub mod tcp;

use crate::env::BoxFuture;
use biopay_protocol::{BankAccount, Currency, Merchant, MinorUnits, Secret};
pub use decline::Decline;

/// The right by which the server charges an account.
#[derive(Clone, Debug)]
pub enum Authority {
    /// The account's PIN (mode `patent-literal`).
    Pin(Secret),
    /// A mandate token that the bank gave for the PIN at enrolment (mode `mandate`).
    Mandate(Secret),
}

/// A charge for the bank.
#[derive(Clone, Debug)]
pub struct ChargeOrder {
    /// The account that pays.
    pub account: BankAccount,
    /// By what right.
    pub authority: Authority,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// Who is paid.
    pub merchant: Merchant,
    /// Twelve letters and digits that name the payment to both sides for ever.
    pub reference: String,
    /// When the payment began, in milliseconds since 1970: the time of its charge, however often that is sent.
    pub begun_ms: u64,
    /// Whether the bank may have seen the same order before.
    pub sending: Sending,
}

/// The end of a charge, for the bank.
#[derive(Clone, Debug)]
pub struct ReversalOrder {
    /// How much the charge was.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// The charge's reference.
    pub reference: String,
    /// When the payment began, in milliseconds since 1970: with the reference it names the charge.
    pub begun_ms: u64,
    /// Whether the bank may have seen the same order before.
    pub sending: Sending,
}

/// Something to give back, for the bank.
#[derive(Clone, Debug)]
pub struct RefundOrder {
    /// Its own reference, which names it for ever.
    pub reference: String,
    /// The reference of the charge.
    pub original: String,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// Whether the bank may have seen the same order before.
    pub sending: Sending,
}

/// Whether a message was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It was never sent.
    First,
    /// It may have arrived already: the bank answers what it answered then.
    Repeat,
}

/// The bank's answer to a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankAnswer {
    /// Approved, with the bank's approval code.
    Approved {
        /// ISO 8583 data element 38.
        approval: String,
    },
    /// Declined.
    Declined(Decline),
}

/// The reason why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BankError {
    /// Nothing was sent: no money can have moved.
    #[error("the bank cannot be reached")]
    NotSent,
    /// Something was sent, and no answer came: money may have moved.
    #[error("the bank did not answer")]
    Unknown,
}

/// An answer that came after its request had given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateAnswer {
    /// The payment's reference.
    pub reference: String,
    /// The amount, in minor units, that the answer is about.
    pub amount: u64,
    /// And its currency.
    pub currency: String,
    /// What the bank says.
    pub says: Late,
}

/// What a late answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late {
    /// A charge.
    Charge(BankAnswer),
    /// A reversal, which the bank now knows of.
    Reversal,
}

/// What an operator sees of the way to the bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BankGauges {
    /// Links that there can be.
    pub links: u64,
    /// Links on which the bank answers.
    pub links_up: u64,
    /// Requests that wait for the bank.
    pub under_way: u64,
}

/// The connector to a bank.
pub trait Bank: Send + Sync {
    /// Charges an account, once a reference, however often it is sent.
    fn charge(&self, order: ChargeOrder) -> BoxFuture<'_, Result<BankAnswer, BankError>>;

    /// Tells the bank that a charge is void, whatever became of it. `Ok` means that the bank knows.
    fn reverse(&self, order: ReversalOrder) -> BoxFuture<'_, Result<(), BankError>>;

    /// Gives back a part of a charge or all of it, once a reference, however often it is sent.
    fn refund(&self, order: RefundOrder) -> BoxFuture<'_, Result<BankAnswer, BankError>>;

    /// Verifies an account's PIN and returns a mandate token, or why the bank declined.
    fn open_mandate(
        &self,
        account: BankAccount,
        pin: Secret,
    ) -> BoxFuture<'_, Result<Result<Secret, Decline>, BankError>>;

    /// Gives a mandate back: its token charges nothing from now on. `Ok` means that the bank knows.
    fn close_mandate(&self, token: Secret) -> BoxFuture<'_, Result<(), BankError>>;

    /// Asks whether the bank is there.
    fn echo(&self) -> BoxFuture<'_, Result<(), BankError>>;

    /// Returns how the way to the bank is.
    fn gauges(&self) -> BankGauges {
        BankGauges::default()
    }

    /// Waits for the next answer that came after whoever asked had given up on it.
    fn next_late_answer(&self) -> BoxFuture<'_, LateAnswer>;
}
