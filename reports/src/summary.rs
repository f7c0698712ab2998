//! The figures of a run, computed from its records alone.

use crate::attack::{self, AttackSummary};
use crate::cluster::MatedErrors;
use crate::error::Error;
use crate::interval::Rate;
use crate::latency::{INTENDED, LatencyRecorder};
use crate::manifest::Manifest;
use crate::money;
use crate::network::{ProfileSummary, profiles};
use crate::rates::ScoreSet;
use crate::records::{AttackFigure, ServerFigure, Transaction};
use crate::run_folder::{Records, RunReader};
use crate::scheme_tally::SchemeTally;
use serde::Serialize;
use std::collections::BTreeMap;

/// Operations in the order in which a handset meets them; others follow by name.
const OPERATIONS: [&str; 15] = [
    "extract",
    "derive",
    "encode-symbol",
    "scan-symbol",
    "connect",
    "register",
    "register-credentials",
    "login",
    "bind-account",
    "fetch-helper",
    "begin-payment",
    "present-qr",
    "submit-code",
    "charge",
    "payment",
];

/// Holds every figure that the terminal, the JSON file and the HTML report show.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What was run.
    pub manifest: Manifest,
    /// Comparison error rates, one entry a scheme.
    pub schemes: Vec<SchemeSummary>,
    /// Registrations.
    pub enrolment: EnrolmentSummary,
    /// Payments, one entry a scheme and journey.
    pub journeys: Vec<JourneySummary>,
    /// How often each outcome was reached, by kind and outcome.
    pub outcomes: Vec<Outcome>,
    /// Attacks, one entry a form, scheme and configuration.
    pub attacks: Vec<AttackSummary>,
    /// What attacks measured besides.
    #[serde(skip)]
    pub attack_figures: Vec<AttackFigure>,
    /// Latency percentiles by operation.
    pub latencies: Vec<LatencySummary>,
    /// Logins and charges over time.
    pub throughput: Vec<Throughput>,
    /// What each link profile cost, where there were several or simulated ones.
    pub network: Vec<ProfileSummary>,
    /// Postings at the bank that handsets and books disagree about; `None` where the run has no audit.
    pub money_violations: Option<u64>,
    /// What server and bank reported of themselves.
    pub server: Vec<(String, String, f64)>,
}

/// Holds a scheme's error rates per comparison.
#[derive(Clone, Debug, Serialize)]
pub struct SchemeSummary {
    /// The scheme.
    pub scheme: String,
    /// False non-match rate at the scheme's operating point; failures to derive count as non-matches.
    pub fnmr: Rate,
    /// False match rate at the scheme's operating point.
    pub fmr: Rate,
    /// Comparisons that failed before there was a score.
    pub failures: u64,
    /// Equal error rate by the interval rule, where the scheme gives scores.
    pub eer: Option<f64>,
    /// Lowest FNMR with FMR at most 1 in 100.
    pub fmr100: Option<f64>,
    /// Lowest FNMR with FMR at most 1 in 1,000.
    pub fmr1000: Option<f64>,
    /// Sorted scores, for the plots.
    #[serde(skip)]
    pub scores: Option<ScoreSet>,
}

/// Holds how registration went.
#[derive(Clone, Debug, Serialize)]
pub struct EnrolmentSummary {
    /// Registrations that gave no account, over all attempted: the failure-to-enrol rate counts those of them that
    /// failed for the biometric.
    pub fte: Rate,
    /// Accounts that were opened.
    pub registered: u64,
}

/// Holds the payments of one journey with one scheme.
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
    /// Says whether the rate is a FAR.
    pub fn is_impostor(&self) -> bool {
        self.journey == IMPOSTOR
    }
}

/// The journey of somebody who presents a finger that is not the enrolled one.
pub const IMPOSTOR: &str = "impostor";
/// The kind of a transaction that opens an account.
pub const REGISTRATION: &str = "registration";
/// The outcome of an opened account.
pub const REGISTERED: &str = "registered";
/// The outcome of a charged payment.
pub const CHARGED: &str = "charged";
/// The outcome of a registration that failed for the biometric.
pub const FAILURE_TO_ENROL: &str = "failure-to-enrol";

/// Counts one way in which transactions ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// `registration` or `payment`.
    pub kind: String,
    /// The outcome's name.
    pub outcome: String,
    /// How many ended so.
    pub count: u64,
}

/// Holds an operation's latency percentiles. Units: microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LatencySummary {
    pub operation: String,
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
    /// From the instant at which the open loop meant to begin, where that was recorded.
    pub intended: Option<Intended>,
}

impl LatencySummary {
    /// Says whether it is an operation over all handsets, and from its sending: what counts from the intended start stands
    /// beside its operation, and what a link profile cost in a table of its own.
    pub fn is_whole(&self) -> bool {
        !self.operation.contains('@')
    }
}

/// Holds latency percentiles from the instant at which an open loop meant to begin. Units: microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Intended {
    pub p50_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
}

/// Holds how often an operation finished over time.
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
    /// Finished in each second of the run.
    pub by_second: Vec<u64>,
}

impl Summary {
    /// Computes the figures.
    pub fn new(manifest: Manifest, records: &Records) -> Self {
        let mut tally = SchemeTally::default();
        records.comparisons.iter().for_each(|c| tally.add(c));
        Self::with_schemes(manifest, records, tally)
    }

    /// Reads a run and computes its figures. The comparisons pass through a part at a time, and are left out of the
    /// records that are returned.
    pub fn read(run: &RunReader) -> Result<(Self, Records), Error> {
        let mut tally = SchemeTally::default();
        run.each_comparison(|c| tally.add(c))?;
        let records = run.records_but_comparisons()?;
        Ok((Self::with_schemes(run.manifest().clone(), &records, tally), records))
    }

    fn with_schemes(manifest: Manifest, records: &Records, tally: SchemeTally) -> Self {
        let schemes = tally.finish();
        Self {
            attacks: attack::summaries(&records.attacks, &schemes),
            attack_figures: records.attack_figures.clone(),
            schemes,
            enrolment: enrolment(&records.transactions),
            journeys: journeys(&records.transactions),
            outcomes: outcomes(&records.transactions),
            latencies: latencies(&records.latency),
            throughput: throughputs(&records.transactions),
            network: profiles(records),
            money_violations: money::violations(records, &manifest),
            server: records.server.iter().map(server_figure).collect(),
            manifest,
        }
    }

    /// Finds a scheme's operating threshold in the scenario that the run was made from.
    pub fn threshold(&self, scheme: &str) -> Option<f64> {
        self.manifest.scenario["schemes"]["parameters"][format!("{scheme}-threshold")].as_f64()
    }

    /// Finds an operation's latencies.
    pub fn latency(&self, operation: &str) -> Option<&LatencySummary> {
        self.latencies.iter().find(|l| l.operation == operation)
    }
}

fn server_figure(figure: &ServerFigure) -> (String, String, f64) {
    (figure.component.clone(), figure.name.clone(), figure.value)
}

fn enrolment(transactions: &[Transaction]) -> EnrolmentSummary {
    let registrations = || transactions.iter().filter(|t| t.kind == REGISTRATION);
    let failed = registrations().filter(|t| t.outcome == FAILURE_TO_ENROL).count();
    let registered = registrations().filter(|t| t.outcome == REGISTERED).count();
    EnrolmentSummary {
        fte: Rate::independent(failed as u64, registrations().count() as u64),
        registered: registered as u64,
    }
}

fn journeys(transactions: &[Transaction]) -> Vec<JourneySummary> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Transaction>> = BTreeMap::new();
    for t in transactions.iter().filter(|t| t.kind != REGISTRATION && reached_presentation(t)) {
        groups.entry((&t.scheme, &t.journey)).or_default().push(t);
    }
    groups.into_iter().map(|((scheme, journey), group)| self::journey(scheme, journey, &group)).collect()
}

/// Says whether a transaction came to the biometric step: one that ended before says nothing about FAR or FRR.
fn reached_presentation(t: &Transaction) -> bool {
    t.tries + t.failures_to_acquire + t.failures_to_derive > 0
}

fn journey(scheme: &str, journey: &str, group: &[&Transaction]) -> JourneySummary {
    let mut errors = MatedErrors::default();
    for t in group {
        errors.add(t.account_subject, t.qr_accepted == (journey == IMPOSTOR));
    }
    let sum = |f: fn(&Transaction) -> u32| group.iter().map(|t| u64::from(f(t))).sum();
    JourneySummary {
        scheme: scheme.to_owned(),
        journey: journey.to_owned(),
        rate: errors.rate(),
        charged: group.iter().filter(|t| t.outcome == CHARGED).count() as u64,
        failures_to_acquire: sum(|t| t.failures_to_acquire),
        failures_to_derive: sum(|t| t.failures_to_derive),
        presentations: sum(|t| t.tries),
    }
}

fn outcomes(transactions: &[Transaction]) -> Vec<Outcome> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for t in transactions {
        *counts.entry((&t.kind, &t.outcome)).or_default() += 1;
    }
    let named =
        |((kind, outcome), count): ((&str, &str), u64)| Outcome { kind: kind.into(), outcome: outcome.into(), count };
    counts.into_iter().map(named).collect()
}

fn latencies(recorder: &LatencyRecorder) -> Vec<LatencySummary> {
    let intended = |operation: &str| {
        let h = recorder.operation(&format!("{operation}{INTENDED}"))?;
        let [p50_us, p99_us, p999_us] = [0.5, 0.99, 0.999].map(|q| h.value_at_quantile(q));
        Some(Intended { p50_us, p99_us, p999_us })
    };
    let mut out: Vec<_> = recorder
        .operations()
        .map(|(operation, h)| LatencySummary {
            operation: operation.to_owned(),
            count: h.len(),
            mean_us: h.mean(),
            p50_us: h.value_at_quantile(0.5),
            p90_us: h.value_at_quantile(0.9),
            p99_us: h.value_at_quantile(0.99),
            p999_us: h.value_at_quantile(0.999),
            max_us: h.max(),
            intended: intended(operation),
        })
        .collect();
    let place = |name: &str| OPERATIONS.iter().position(|&o| o == name).unwrap_or(OPERATIONS.len());
    out.sort_by(|a, b| (place(&a.operation), &a.operation).cmp(&(place(&b.operation), &b.operation)));
    out
}

fn throughputs(transactions: &[Transaction]) -> Vec<Throughput> {
    let logins = transactions.iter().filter_map(|t| t.login_end_us).collect();
    let charges = transactions.iter().filter(|t| t.outcome == CHARGED).map(|t| t.end_us).collect();
    vec![throughput("login", logins), throughput("charge", charges)]
}

/// The longest run that is plotted second by second: a day and a bit.
const TIMELINE_SECONDS_MAX: usize = 100_000;

fn throughput(operation: &str, mut ends_us: Vec<u64>) -> Throughput {
    ends_us.sort_unstable();
    let count = ends_us.len() as u64;
    let span_us = ends_us.last().zip(ends_us.first()).map_or(0, |(last, first)| last - first);
    let seconds = ends_us.last().map_or(0, |&last| last as usize / 1_000_000 + 1);
    // A run of months in virtual time is no plot of seconds, nor worth a vector of them.
    let mut by_second = vec![0; if seconds > TIMELINE_SECONDS_MAX { 0 } else { seconds }];
    if !by_second.is_empty() {
        ends_us.iter().for_each(|&t| by_second[t as usize / 1_000_000] += 1);
    }
    let in_one_second = ends_us.chunk_by(|a, b| a / 1_000_000 == b / 1_000_000);
    Throughput {
        operation: operation.to_owned(),
        count,
        mean_per_s: (count >= 2 && span_us > 0).then(|| (count - 1) as f64 * 1e6 / span_us as f64),
        peak_per_s: in_one_second.map(|second| second.len() as u64).max().unwrap_or(0),
        by_second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(journey: &str, account: u32, presenter: u32, accepted: bool) -> Transaction {
        Transaction {
            handset: account,
            account_subject: account,
            presenter_subject: presenter,
            kind: "payment".into(),
            journey: journey.into(),
            scheme: "template".into(),
            intended_start_us: 0,
            start_us: 0,
            end_us: 1_500_000,
            tries: 1,
            failures_to_acquire: 0,
            failures_to_derive: 0,
            qr_accepted: accepted,
            outcome: if accepted { CHARGED } else { "payment-page-left" }.into(),
            login_end_us: Some(u64::from(account) * 100_000),
            amount_minor: 100,
            bank_reference: None,
        }
    }

    #[test]
    fn far_counts_accepted_impostors_and_frr_rejected_subjects() {
        let transactions = vec![
            payment("recapture", 1, 1, true),
            payment("recapture", 2, 2, false),
            payment(IMPOSTOR, 1, 9, false),
            payment(IMPOSTOR, 2, 9, true),
            payment(IMPOSTOR, 3, 9, false),
        ];
        let journeys = journeys(&transactions);
        let rate = |name: &str| journeys.iter().find(|j| j.journey == name).map(|j| (j.rate.count, j.rate.total));
        assert_eq!(rate("recapture"), Some((1, 2)));
        assert_eq!(rate(IMPOSTOR), Some((1, 3)));
    }

    #[test]
    fn a_payment_refused_at_login_says_nothing_about_the_biometric() {
        let mut refused = payment("recapture", 1, 1, false);
        refused.tries = 0;
        refused.outcome = "wrong-credentials".into();
        assert!(journeys(&[refused]).is_empty());
    }

    #[test]
    fn throughput_is_counted_between_the_first_and_the_last() {
        let t = throughput("login", vec![2_000_000, 1_000_000, 1_500_000]);
        assert_eq!((t.mean_per_s, t.peak_per_s, t.by_second), (Some(2.0), 2, vec![0, 2, 1]));
        assert_eq!(throughput("login", vec![]).mean_per_s, None);
    }
}
