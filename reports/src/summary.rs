//! The figures of a run, computed from its records alone.

use crate::attack::{self, AttackSummary};
use crate::band::Band;
use crate::error::Error;
use crate::interval::Rate;
use crate::latency::{INTENDED, LatencyRecorder};
use crate::manifest::Manifest;
use crate::network::{NetworkTally, ProfileSummary, Traffic};
use crate::rates::ScoreSet;
use crate::records::{AttackFigure, ServerFigure};
use crate::run_folder::{Records, RunReader};
use crate::scheme_tally::SchemeTally;
use crate::timeline::Timeline;
use crate::transaction_tally::{TransactionRow, TransactionTally};
use serde::Serialize;

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
    /// How fast logins and charges went.
    pub throughput: Vec<Throughput>,
    /// What went on when.
    pub timeline: Timeline,
    /// Impostors' transactions in which the server took a QR for the enrolled one.
    pub false_accepts: u64,
    /// What the connections carried.
    pub traffic: Traffic,
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
    /// Intervals of both rates over the thresholds, where the scheme gives scores.
    #[serde(skip)]
    pub band: Option<Band>,
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
/// Outcomes that are the server's, the bank's or the network's fault, and no customer's.
pub const FAULTS: [&str; 5] = ["overloaded", "connection-lost", "unknown-outcome", "bank-unreachable", "throttled"];

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

/// Holds how fast an operation went.
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

impl Summary {
    /// Computes the figures.
    pub fn new(manifest: Manifest, records: &Records) -> Self {
        let mut tallies = Tallies {
            schemes: SchemeTally::default(),
            transactions: TransactionTally::of(&manifest),
            network: NetworkTally::default(),
        };
        records.comparisons.iter().for_each(|c| tallies.schemes.add(c));
        records.transactions.iter().for_each(|t| tallies.transactions.add(&TransactionRow::from(t)));
        records.network.iter().for_each(|n| tallies.network.add(n));
        Self::of(manifest, records, tallies)
    }

    /// Reads a run and computes its figures. The long tables (comparisons, transactions, network) pass through a part at
    /// a time, and are left out of the records that are returned.
    pub fn read(run: &RunReader) -> Result<(Self, Records), Error> {
        let mut schemes = SchemeTally::default();
        run.each_comparison(|c| schemes.add(c))?;
        let (transactions, network) = (TransactionTally::read(run)?, NetworkTally::read(run)?);
        let records = run.records_but_long_tables()?;
        Ok((Self::of(run.manifest().clone(), &records, Tallies { schemes, transactions, network }), records))
    }

    fn of(manifest: Manifest, records: &Records, tallies: Tallies) -> Self {
        let Tallies { schemes, mut transactions, network } = tallies;
        let schemes = schemes.finish();
        Self {
            attacks: attack::summaries(&records.attacks, &schemes),
            attack_figures: records.attack_figures.clone(),
            schemes,
            enrolment: transactions.enrolment(),
            journeys: transactions.journeys(),
            outcomes: transactions.outcomes(),
            latencies: latencies(&records.latency),
            throughput: transactions.throughput(),
            timeline: transactions.timeline().clone(),
            false_accepts: transactions.false_accepts,
            traffic: network.traffic(),
            network: network.profiles(&records.server, &records.latency),
            money_violations: transactions.references.violations(&records.server),
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

/// Holds what the long tables came to.
struct Tallies {
    schemes: SchemeTally,
    transactions: TransactionTally,
    network: NetworkTally,
}

fn server_figure(figure: &ServerFigure) -> (String, String, f64) {
    (figure.component.clone(), figure.name.clone(), figure.value)
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
