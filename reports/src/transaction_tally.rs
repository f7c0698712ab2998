//! Figures of transactions that come one by one: memory grows with subjects, outcomes and seconds, and by eight bytes a
//! charge (its reference at the bank), not with rows.

use crate::cluster::MatedErrors;
use crate::error::Error;
use crate::interval::Rate;
use crate::manifest::Manifest;
use crate::money::References;
use crate::records::Transaction;
use crate::run_folder::RunReader;
use crate::summary::{
    CHARGED, EnrolmentSummary, FAILURE_TO_ENROL, FAULTS, IMPOSTOR, JourneySummary, Outcome, REGISTERED, REGISTRATION,
    Throughput,
};
use crate::tables::{self, Table};
use crate::timeline::{End, Timeline};
use polars::prelude::{BooleanType, Column, DataFrame, PolarsDataType, PolarsError, StringType, UInt64Chunked};
use std::collections::BTreeMap;

/// Is one row of `transactions`, without the columns that no figure needs.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "as in Transaction")]
pub struct TransactionRow<'a> {
    pub account_subject: u32,
    pub kind: &'a str,
    pub journey: &'a str,
    pub scheme: &'a str,
    pub start_us: u64,
    pub end_us: u64,
    pub tries: u32,
    pub failures_to_acquire: u32,
    pub failures_to_derive: u32,
    pub qr_accepted: bool,
    pub outcome: &'a str,
    pub login_end_us: Option<u64>,
    pub amount_minor: i64,
    pub bank_reference: Option<&'a str>,
}

impl<'a> From<&'a Transaction> for TransactionRow<'a> {
    fn from(t: &'a Transaction) -> Self {
        Self {
            account_subject: t.account_subject,
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

/// Gathers transactions; the order does not matter.
pub struct TransactionTally {
    attempted: u64,
    failed_to_enrol: u64,
    registered: u64,
    journeys: Vec<((String, String), Journey)>,
    outcomes: Vec<((String, String), u64)>,
    logins: Finished,
    charges: Finished,
    timeline: Timeline,
    /// What the bank is said to have posted.
    pub references: References,
    /// Impostors' transactions in which the server took a QR for the enrolled one.
    pub false_accepts: u64,
}

#[derive(Default)]
struct Journey {
    errors: MatedErrors,
    charged: u64,
    failures_to_acquire: u64,
    failures_to_derive: u64,
    presentations: u64,
}

impl TransactionTally {
    /// Prepares to count the transactions of a run.
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            attempted: 0,
            failed_to_enrol: 0,
            registered: 0,
            journeys: Vec::new(),
            outcomes: Vec::new(),
            logins: Finished::default(),
            charges: Finished::default(),
            timeline: Timeline::over(manifest.duration_us),
            references: References::of(manifest),
            false_accepts: 0,
        }
    }

    /// Counts every transaction of a run folder, a part of the table at a time.
    pub fn read(run: &RunReader) -> Result<Self, Error> {
        let mut tally = Self::of(run.manifest());
        tables::read_frames::<Transaction>(run.folder(), &COLUMNS, |frame| tally.add_frame(&frame))?;
        Ok(tally)
    }

    /// Counts one transaction.
    pub fn add(&mut self, t: &TransactionRow<'_>) {
        *entry(&mut self.outcomes, t.kind, t.outcome) += 1;
        let is_charged = t.outcome == CHARGED;
        if let Some(at) = t.login_end_us {
            self.logins.add(at);
            self.timeline.login(at);
        }
        if is_charged {
            self.charges.add(t.end_us);
            self.references.add(t);
        }
        self.references.cut_off |= matches!(t.outcome, "connection-lost" | "unknown-outcome");
        self.timeline.transaction(t.start_us, t.end_us, end(t.outcome));
        if t.kind == REGISTRATION {
            self.attempted += 1;
            self.failed_to_enrol += u64::from(t.outcome == FAILURE_TO_ENROL);
            self.registered += u64::from(t.outcome == REGISTERED);
            return;
        }
        // One that ended before the biometric step says nothing about FAR or FRR.
        if t.tries + t.failures_to_acquire + t.failures_to_derive > 0 {
            let is_impostor = t.journey == IMPOSTOR;
            self.false_accepts += u64::from(is_impostor && t.qr_accepted);
            let journey = entry(&mut self.journeys, t.scheme, t.journey);
            journey.errors.add(t.account_subject, t.qr_accepted == is_impostor);
            journey.charged += u64::from(is_charged);
            journey.failures_to_acquire += u64::from(t.failures_to_acquire);
            journey.failures_to_derive += u64::from(t.failures_to_derive);
            journey.presentations += u64::from(t.tries);
        }
    }

    /// Returns how registration went.
    pub fn enrolment(&self) -> EnrolmentSummary {
        EnrolmentSummary { fte: Rate::independent(self.failed_to_enrol, self.attempted), registered: self.registered }
    }

    /// Returns the payments of each scheme and journey, by name.
    pub fn journeys(&self) -> Vec<JourneySummary> {
        let sorted: BTreeMap<_, _> = self.journeys.iter().map(|(key, journey)| (key, journey)).collect();
        let summary = |((scheme, journey), j): (&(String, String), &Journey)| JourneySummary {
            scheme: scheme.clone(),
            journey: journey.clone(),
            rate: j.errors.rate(),
            charged: j.charged,
            failures_to_acquire: j.failures_to_acquire,
            failures_to_derive: j.failures_to_derive,
            presentations: j.presentations,
        };
        sorted.into_iter().map(summary).collect()
    }

    /// Returns how often each outcome was reached, by kind and outcome.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let mut sorted = self.outcomes.clone();
        sorted.sort();
        sorted.into_iter().map(|((kind, outcome), count)| Outcome { kind, outcome, count }).collect()
    }

    /// Returns the rates of logins and charges.
    pub fn throughput(&self) -> Vec<Throughput> {
        vec![self.logins.throughput("login"), self.charges.throughput("charge")]
    }

    /// Returns what went on when.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn add_frame(&mut self, frame: &DataFrame) -> Result<(), Error> {
        let columns = Columns::of(frame)?;
        (0..frame.height()).for_each(|i| self.add(&columns.row(i)));
        Ok(())
    }
}

/// The columns that are read.
const COLUMNS: [&str; 14] = [
    "account_subject",
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

/// Holds a part of the table by columns, so that no text is copied.
struct Columns<'a> {
    account_subject: &'a [u32],
    words: [&'a Texts; 4],
    times_us: [&'a [u64]; 2],
    counts: [&'a [u32]; 3],
    qr_accepted: &'a <BooleanType as PolarsDataType>::Array,
    login_end_us: &'a UInt64Chunked,
    amount_minor: &'a [i64],
    bank_reference: &'a Texts,
}

impl<'a> Columns<'a> {
    /// Errors: [`Error::Table`] when a column is missing or of another type, [`Error::Null`] on an unexpected null.
    fn of(frame: &'a DataFrame) -> Result<Self, Error> {
        let u32s = |name| required(frame, name, |c: &'a Column| c.u32()?.cont_slice());
        let u64s = |name| required(frame, name, |c: &'a Column| c.u64()?.cont_slice());
        let texts = |name| required(frame, name, |c: &'a Column| Ok(c.str()?.downcast_as_array()));
        Ok(Self {
            account_subject: u32s("account_subject")?,
            words: [texts("kind")?, texts("journey")?, texts("scheme")?, texts("outcome")?],
            times_us: [u64s("start_us")?, u64s("end_us")?],
            counts: [u32s("tries")?, u32s("failures_to_acquire")?, u32s("failures_to_derive")?],
            qr_accepted: required(frame, "qr_accepted", |c: &'a Column| Ok(c.bool()?.downcast_as_array()))?,
            login_end_us: optional(frame, "login_end_us", |c: &'a Column| c.u64())?,
            amount_minor: required(frame, "amount_minor", |c: &'a Column| c.i64()?.cont_slice())?,
            bank_reference: optional(frame, "bank_reference", |c: &'a Column| Ok(c.str()?.downcast_as_array()))?,
        })
    }

    fn row(&self, i: usize) -> TransactionRow<'a> {
        let [kind, journey, scheme, outcome] = self.words.map(|words| words.value(i));
        let [start_us, end_us] = self.times_us.map(|times| times[i]);
        let [tries, failures_to_acquire, failures_to_derive] = self.counts.map(|counts| counts[i]);
        TransactionRow {
            account_subject: self.account_subject[i],
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

fn end(outcome: &str) -> End {
    match outcome {
        CHARGED => End::Charged,
        REGISTERED => End::Other,
        fault if FAULTS.contains(&fault) => End::Fault,
        _ => End::Refused,
    }
}

/// Finds a pair of words, or puts it there: there are few, and most rows have the first.
fn entry<'a, V: Default>(entries: &'a mut Vec<((String, String), V)>, first: &str, second: &str) -> &'a mut V {
    let found = entries.iter().position(|((a, b), _)| a == first && b == second);
    let place = found.unwrap_or_else(|| {
        entries.push(((first.to_owned(), second.to_owned()), V::default()));
        entries.len() - 1
    });
    &mut entries[place].1
}

/// Seconds that are counted in a vector: 46 days.
const DENSE_SECONDS: u64 = 4_000_000;

/// Counts how often something finished in each second.
#[derive(Default)]
struct Finished {
    count: u64,
    first_us: Option<u64>,
    last_us: u64,
    by_second: Vec<u32>,
    later: BTreeMap<u64, u32>,
}

impl Finished {
    fn add(&mut self, at_us: u64) {
        self.count += 1;
        self.first_us = Some(self.first_us.map_or(at_us, |first| first.min(at_us)));
        self.last_us = self.last_us.max(at_us);
        let second = at_us / 1_000_000;
        if second >= DENSE_SECONDS {
            *self.later.entry(second).or_default() += 1;
            return;
        }
        if self.by_second.len() <= second as usize {
            self.by_second.resize(second as usize + 1, 0);
        }
        self.by_second[second as usize] += 1;
    }

    fn throughput(&self, operation: &str) -> Throughput {
        let span_us = self.last_us - self.first_us.unwrap_or(self.last_us);
        let peak = self.by_second.iter().chain(self.later.values()).copied().max();
        Throughput {
            operation: operation.to_owned(),
            count: self.count,
            mean_per_s: (self.count >= 2 && span_us > 0).then(|| (self.count - 1) as f64 * 1e6 / span_us as f64),
            peak_per_s: u64::from(peak.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(journey: &'static str, account_subject: u32, is_accepted: bool) -> TransactionRow<'static> {
        TransactionRow {
            account_subject,
            kind: "payment",
            journey,
            scheme: "template",
            start_us: 0,
            end_us: 1_500_000,
            tries: 1,
            failures_to_acquire: 0,
            failures_to_derive: 0,
            qr_accepted: is_accepted,
            outcome: if is_accepted { CHARGED } else { "payment-page-left" },
            login_end_us: Some(u64::from(account_subject) * 100_000),
            amount_minor: 100,
            bank_reference: None,
        }
    }

    fn tally(rows: &[TransactionRow<'_>]) -> TransactionTally {
        let mut tally = TransactionTally::of(&Manifest::example());
        rows.iter().for_each(|row| tally.add(row));
        tally
    }

    #[test]
    fn far_counts_accepted_impostors_and_frr_rejected_subjects() {
        let tally = tally(&[
            payment("recapture", 1, true),
            payment("recapture", 2, false),
            payment(IMPOSTOR, 1, false),
            payment(IMPOSTOR, 2, true),
            payment(IMPOSTOR, 3, false),
        ]);
        let journeys = tally.journeys();
        let rate = |name: &str| journeys.iter().find(|j| j.journey == name).map(|j| (j.rate.count, j.rate.total));
        assert_eq!(rate("recapture"), Some((1, 2)));
        assert_eq!((rate(IMPOSTOR), tally.false_accepts), (Some((1, 3)), 1));
    }

    #[test]
    fn a_payment_refused_at_login_says_nothing_about_the_biometric() {
        let refused = TransactionRow { tries: 0, outcome: "wrong-credentials", ..payment("recapture", 1, false) };
        let tally = tally(&[refused]);
        assert!(tally.journeys().is_empty());
        assert_eq!(tally.timeline().refusals, [0, 1]);
    }

    #[test]
    fn throughput_is_counted_between_the_first_and_the_last() {
        let mut finished = Finished::default();
        [2_000_000, 1_000_000, 1_500_000].into_iter().for_each(|at| finished.add(at));
        let t = finished.throughput("login");
        assert_eq!((t.mean_per_s, t.peak_per_s), (Some(2.0), 2));
        assert_eq!(Finished::default().throughput("login").mean_per_s, None);
        finished.add(DENSE_SECONDS * 1_000_000);
        assert_eq!(finished.throughput("login").peak_per_s, 2);
    }
}
