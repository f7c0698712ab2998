//! Figures of transactions that come one by one: memory grows with subjects, outcomes and seconds, and by eight bytes a
//! charge (its reference at the bank), not with rows.

use super::money::{self, References};
use super::timeline::{End, Timeline};
use super::transaction_row::{COLUMNS, Columns, TransactionRow};
use crate::error::Error;
use crate::records::Transaction;
use crate::records::{Journey, Operation, TransactionKind, TransactionOutcome, tables};
use crate::run_folder::RunReader;
use crate::run_folder::manifest::Manifest;
use crate::statistics::evidence::cluster::{MatedErrors, NonMatedErrors};
use crate::statistics::evidence::rate::Rate;
use polars::prelude::DataFrame;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts of transactions that come one by one, in any order.
pub(crate) struct TransactionTally {
    attempted: u64,
    failed_to_enrol: u64,
    registered: u64,
    journeys: Vec<((String, String), JourneyCounts)>,
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
struct JourneyCounts {
    /// Errors of the owner, who is both account and presenter.
    own: MatedErrors,
    /// Errors of impostors, each of whom may try several accounts that others try as well.
    foreign: NonMatedErrors,
    charged: u64,
    failures_to_acquire: u64,
    failures_to_derive: u64,
    presentations: u64,
}

impl TransactionTally {
    /// Prepares to count the transactions of a run.
    pub(crate) fn of(manifest: &Manifest) -> Self {
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
    pub(crate) fn read(run: &RunReader) -> Result<Self, Error> {
        let mut tally = Self::of(run.manifest());
        tables::read_frames::<Transaction>(run.folder(), &COLUMNS, |frame| tally.add_frame(&frame))?;
        Ok(tally)
    }

    /// Counts one transaction.
    pub(crate) fn add(&mut self, t: &TransactionRow<'_>) {
        *entry(&mut self.outcomes, t.kind, t.outcome) += 1;
        let is_charged = t.outcome == TransactionOutcome::Charged;
        if let Some(at) = t.login_end_us {
            self.logins.add(at);
            self.timeline.login(at);
        }
        if is_charged {
            self.charges.add(t.end_us);
            self.references.add(t.account_subject, t.amount_minor, t.bank_reference);
        }
        self.references.cut_off |= money::may_have_charged(t.outcome);
        self.timeline.transaction(t.start_us, t.end_us, end(t.outcome));
        if t.kind == TransactionKind::Registration {
            self.attempted += 1;
            self.failed_to_enrol += u64::from(t.outcome == TransactionOutcome::FailureToEnrol);
            self.registered += u64::from(t.outcome == TransactionOutcome::Registered);
            return;
        }
        // One that ended before the biometric step says nothing about FAR or FRR.
        if t.tries + t.failures_to_acquire + t.failures_to_derive > 0 {
            let is_impostor = t.journey == Journey::Impostor;
            self.false_accepts += u64::from(is_impostor && t.qr_accepted);
            let journey = entry(&mut self.journeys, t.scheme, t.journey);
            match is_impostor {
                true => journey.foreign.add(t.presenter_subject, t.account_subject, t.qr_accepted),
                false => journey.own.add(t.account_subject, !t.qr_accepted),
            }
            journey.charged += u64::from(is_charged);
            journey.failures_to_acquire += u64::from(t.failures_to_acquire);
            journey.failures_to_derive += u64::from(t.failures_to_derive);
            journey.presentations += u64::from(t.tries);
        }
    }

    /// Returns how registration went.
    pub(crate) fn enrolment(&self) -> EnrolmentSummary {
        EnrolmentSummary { fte: Rate::independent(self.failed_to_enrol, self.attempted), registered: self.registered }
    }

    /// Returns the payments of each scheme and journey, by name.
    pub(crate) fn journeys(&self) -> Vec<JourneySummary> {
        let sorted: BTreeMap<_, _> = self.journeys.iter().map(|(key, journey)| (key, journey)).collect();
        let summary = |((scheme, journey), j): (&(String, String), &JourneyCounts)| JourneySummary {
            scheme: scheme.clone(),
            journey: journey.clone(),
            rate: if journey == &Journey::Impostor { j.foreign.rate() } else { j.own.rate() },
            charged: j.charged,
            failures_to_acquire: j.failures_to_acquire,
            failures_to_derive: j.failures_to_derive,
            presentations: j.presentations,
        };
        sorted.into_iter().map(summary).collect()
    }

    /// Returns how often each outcome was reached, by kind and outcome.
    pub(crate) fn outcomes(&self) -> Vec<OutcomeCount> {
        let mut sorted = self.outcomes.clone();
        sorted.sort();
        sorted.into_iter().map(|((kind, outcome), count)| OutcomeCount { kind, outcome, count }).collect()
    }

    /// Returns the rates of logins and charges.
    pub(crate) fn throughput(&self) -> Vec<Throughput> {
        vec![self.logins.throughput(Operation::Login), self.charges.throughput(Operation::Charge)]
    }

    /// Returns what went on when.
    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn add_frame(&mut self, frame: &DataFrame) -> Result<(), Error> {
        let columns = Columns::of(frame)?;
        (0..frame.height()).for_each(|i| self.add(&columns.row(i)));
        Ok(())
    }
}

/// The registrations of a run.
#[derive(Clone, Debug, Serialize)]
pub struct EnrolmentSummary {
    /// Registrations that gave no account, over all attempted: the failure-to-enrol rate counts those of them that
    /// failed for the biometric.
    pub fte: Rate,
    /// Accounts that were opened.
    pub registered: u64,
}

/// The payments of one journey with one scheme.
#[derive(Clone, Debug, Serialize)]
pub struct JourneySummary {
    /// The scheme.
    pub scheme: String,
    /// `stored`, `recapture`, `second-device` or `impostor`.
    pub journey: String,
    /// FRR over up to three tries; for impostors FAR.
    pub rate: Rate,
    /// Payments that were charged.
    pub charged: u64,
    /// Captures that gave no features.
    pub failures_to_acquire: u64,
    /// Probes that gave no payload.
    pub failures_to_derive: u64,
    /// Presentations that the server answered.
    pub presentations: u64,
}

impl JourneySummary {
    /// Whether the rate is a FAR.
    pub fn is_impostor(&self) -> bool {
        self.journey == Journey::Impostor
    }
}

/// How many transactions ended in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeCount {
    /// `registration` or `payment`.
    pub kind: String,
    /// The outcome's name.
    pub outcome: String,
    /// How many ended so.
    pub count: u64,
}

/// The throughput of one operation.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// The operation.
    pub operation: String,
    /// How many finished.
    pub count: u64,
    /// Count over the time between the first and the last; `None` below two. Units: per second.
    pub mean_per_s: Option<f64>,
    /// The most in one whole second of the run. Units: per second.
    pub peak_per_s: u64,
}

fn end(outcome: &str) -> End {
    match TransactionOutcome::of(outcome) {
        Some(TransactionOutcome::Charged) => End::Charged,
        Some(TransactionOutcome::Registered | TransactionOutcome::Reused) => End::Other,
        Some(other) if other.is_fault() => End::Fault,
        Some(_) | None => End::Refused,
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

/// How often something finished in each second.
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

    fn throughput(&self, operation: Operation) -> Throughput {
        let span_us = self.last_us - self.first_us.unwrap_or(self.last_us);
        let peak = self.by_second.iter().chain(self.later.values()).copied().max();
        Throughput {
            operation: operation.name().to_owned(),
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
            presenter_subject: account_subject + 1_000,
            kind: "payment",
            journey,
            scheme: "template",
            start_us: 0,
            end_us: 1_500_000,
            tries: 1,
            failures_to_acquire: 0,
            failures_to_derive: 0,
            qr_accepted: is_accepted,
            outcome: if is_accepted { TransactionOutcome::Charged.name() } else { "payment-page-left" },
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
            payment(Journey::Impostor.name(), 1, false),
            payment(Journey::Impostor.name(), 2, true),
            payment(Journey::Impostor.name(), 3, false),
        ]);
        let journeys = tally.journeys();
        let rate = |name: &str| journeys.iter().find(|j| j.journey == name).map(|j| (j.rate.count, j.rate.total));
        assert_eq!(rate("recapture"), Some((1, 2)));
        assert_eq!((rate(Journey::Impostor.name()), tally.false_accepts), (Some((1, 3)), 1));
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
        let t = finished.throughput(Operation::Login);
        assert_eq!((t.mean_per_s, t.peak_per_s), (Some(2.0), 2));
        assert_eq!(Finished::default().throughput(Operation::Login).mean_per_s, None);
        finished.add(DENSE_SECONDS * 1_000_000);
        assert_eq!(finished.throughput(Operation::Login).peak_per_s, 2);
    }
}
