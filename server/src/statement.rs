//! The bank's statement, as both ends read and write it.

use serde::{Deserialize, Serialize};

/// One row of the bank's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// Who asked the bank.
    pub acquirer: String,
    /// The name of the payment, or of the refund.
    pub reference: String,
    /// What the bank did.
    pub kind: PostingKind,
    /// The reference of the charge that a refund is of; empty elsewhere.
    pub original: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// In which currency.
    pub currency: String,
}

/// What the bank did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PostingKind {
    /// It took money from an account.
    Charge,
    /// It gave all of a charge back, because the charge was void.
    Reversal,
    /// It gave back what a merchant gave back.
    Refund,
}
