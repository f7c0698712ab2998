//! The figures of a run, computed from its records alone.

use super::attack::{self, AttackSummary};
use super::latency::{LatencySummary, latencies};
use super::network::{NetworkTally, ProfileSummary, Traffic};
use super::scheme::{SchemeSummary, SchemeTally};
use super::timeline::Timeline;
use super::transaction::{EnrolmentSummary, JourneySummary, OutcomeCount, Throughput, TransactionTally};
use super::transaction_row::TransactionRow;
use crate::error::Error;
use crate::records::{AttackFigure, Operation, ServerFigure};
use crate::run_folder::manifest::Manifest;
use crate::run_folder::{Records, RunReader};
use serde::Serialize;

/// Every figure that the terminal, the JSON file and the HTML report show.
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
    pub outcomes: Vec<OutcomeCount>,
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
            attacks: attack::summaries(&records.attacks, &schemes, &manifest.attack_terms),
            attack_figures: records.attack_figures.clone(),
            schemes,
            enrolment: transactions.enrolment(),
            journeys: transactions.journeys(),
            outcomes: transactions.outcomes(),
            latencies: latencies(&records.latency, &network.traffic()),
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

    /// Returns the threshold with which a scheme compared scores; `None` where it compares for equality.
    pub fn threshold(&self, scheme: &str) -> Option<f64> {
        self.manifest.operating_thresholds.get(scheme).copied()
    }

    /// Finds an operation's latencies.
    pub fn latency(&self, operation: Operation) -> Option<&LatencySummary> {
        self.latencies.iter().find(|l| l.operation == operation)
    }
}

/// Counts of the long tables.
struct Tallies {
    schemes: SchemeTally,
    transactions: TransactionTally,
    network: NetworkTally,
}

fn server_figure(figure: &ServerFigure) -> (String, String, f64) {
    (figure.component.clone(), figure.name.clone(), figure.value)
}
