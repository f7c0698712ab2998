//! Rows of `transactions` as tallies take them: one by one, without copies of their text.

use crate::error::Error;
use crate::records::Transaction;
use crate::records::tables::Table;
use polars::prelude::{BooleanType, Column, DataFrame, PolarsDataType, PolarsError, StringType, UInt64Chunked};

/// One row of `transactions`, without the columns that no figure needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionRow<'a> {
    pub(crate) account_subject: u32,
    pub(crate) presenter_subject: u32,
    pub(crate) kind: &'a str,
    pub(crate) journey: &'a str,
    pub(crate) scheme: &'a str,
    pub(crate) start_us: u64,
    pub(crate) end_us: u64,
    pub(crate) tries: u32,
    pub(crate) failures_to_acquire: u32,
    pub(crate) failures_to_derive: u32,
    pub(crate) qr_accepted: bool,
    pub(crate) outcome: &'a str,
    pub(crate) login_end_us: Option<u64>,
    pub(crate) amount_minor: i64,
    pub(crate) bank_reference: Option<&'a str>,
}

impl<'a> From<&'a Transaction> for TransactionRow<'a> {
    fn from(t: &'a Transaction) -> Self {
        Self {
            account_subject: t.account_subject,
            presenter_subject: t.presenter_subject,
            kind: &t.kind,
            journey: &t.journey,
            scheme: &t.scheme,
            start_us: t.start_us,
            end_us: t.end_us,
            tries: t.tries,
            failures_to_acquire: t.failures_to_acquire,
            failures_to_derive: t.failures_to_derive,
            qr_accepted: t.qr_accepted,
            outcome: &t.outcome,
            login_end_us: t.login_end_us,
            amount_minor: t.amount_minor,
            bank_reference: t.bank_reference.as_deref(),
        }
    }
}

/// The columns that are read.
pub(crate) const COLUMNS: [&str; 15] = [
    "account_subject",
    "presenter_subject",
    "kind",
    "journey",
    "scheme",
    "start_us",
    "end_us",
    "tries",
    "failures_to_acquire",
    "failures_to_derive",
    "qr_accepted",
    "outcome",
    "login_end_us",
    "amount_minor",
    "bank_reference",
];

/// A column of words.
type Texts = <StringType as PolarsDataType>::Array;

/// A part of the table by columns, so that no text is copied.
pub(crate) struct Columns<'a> {
    account_subject: &'a [u32],
    presenter_subject: &'a [u32],
    words: [&'a Texts; 4],
    times_us: [&'a [u64]; 2],
    counts: [&'a [u32]; 3],
    qr_accepted: &'a <BooleanType as PolarsDataType>::Array,
    login_end_us: &'a UInt64Chunked,
    amount_minor: &'a [i64],
    bank_reference: &'a Texts,
}

impl<'a> Columns<'a> {
    /// # Errors
    /// [`Error::Table`] when a column is missing or of another type, [`Error::Null`] on an unexpected null.
    pub(crate) fn of(frame: &'a DataFrame) -> Result<Self, Error> {
        let u32s = |name| required(frame, name, |c: &'a Column| c.u32()?.cont_slice());
        let u64s = |name| required(frame, name, |c: &'a Column| c.u64()?.cont_slice());
        let texts = |name| required(frame, name, |c: &'a Column| Ok(c.str()?.downcast_as_array()));
        Ok(Self {
            account_subject: u32s("account_subject")?,
            presenter_subject: u32s("presenter_subject")?,
            words: [texts("kind")?, texts("journey")?, texts("scheme")?, texts("outcome")?],
            times_us: [u64s("start_us")?, u64s("end_us")?],
            counts: [u32s("tries")?, u32s("failures_to_acquire")?, u32s("failures_to_derive")?],
            qr_accepted: required(frame, "qr_accepted", |c: &'a Column| Ok(c.bool()?.downcast_as_array()))?,
            login_end_us: optional(frame, "login_end_us", |c: &'a Column| c.u64())?,
            amount_minor: required(frame, "amount_minor", |c: &'a Column| c.i64()?.cont_slice())?,
            bank_reference: optional(frame, "bank_reference", |c: &'a Column| Ok(c.str()?.downcast_as_array()))?,
        })
    }

    pub(crate) fn row(&self, i: usize) -> TransactionRow<'a> {
        let [kind, journey, scheme, outcome] = self.words.map(|words| words.value(i));
        let [start_us, end_us] = self.times_us.map(|times| times[i]);
        let [tries, failures_to_acquire, failures_to_derive] = self.counts.map(|counts| counts[i]);
        TransactionRow {
            account_subject: self.account_subject[i],
            presenter_subject: self.presenter_subject[i],
            kind,
            journey,
            scheme,
            start_us,
            end_us,
            tries,
            failures_to_acquire,
            failures_to_derive,
            qr_accepted: self.qr_accepted.value(i),
            outcome,
            login_end_us: self.login_end_us.get(i),
            amount_minor: self.amount_minor[i],
            bank_reference: self.bank_reference.get(i),
        }
    }
}

/// Reads a column that has no nulls.
fn required<'a, T>(
    frame: &'a DataFrame,
    name: &'static str,
    read: impl FnOnce(&'a Column) -> Result<T, PolarsError>,
) -> Result<T, Error> {
    let column = frame.column(name).map_err(damaged)?;
    if column.null_count() > 0 {
        return Err(Error::Null { table: Transaction::NAME, column: name });
    }
    read(column).map_err(damaged)
}

fn optional<'a, T>(
    frame: &'a DataFrame,
    name: &str,
    read: impl FnOnce(&'a Column) -> Result<T, PolarsError>,
) -> Result<T, Error> {
    read(frame.column(name).map_err(damaged)?).map_err(damaged)
}

fn damaged(source: PolarsError) -> Error {
    Error::Table { table: Transaction::NAME, source }
}
