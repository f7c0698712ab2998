//! Every figure of two runs, side by side.

use super::pairs::{self, ErrorCells};
use super::statistics::{Change, Latencies, holm, means, quantiles, rates};
use crate::error::Error;
use crate::figures::metric::{Metric, Unit, metrics, slug};
use crate::run_folder::RunReader;
use crate::run_folder::latency::LatencyRecorder;
use crate::summary::network::Traffic;
use crate::summary::{MEAN, QUANTILES, SchemeSummary, Summary, Weight};
use serde::Serialize;
use std::collections::BTreeMap;

/// Adjusted p-values below this are findings.
const SIGNIFICANCE: f64 = 0.05;

/// The figures of one of two runs that are compared.
pub struct Side {
    /// What the run is called.
    pub name: String,
    pub(super) metrics: Vec<Metric>,
    pub(super) seed: u64,
    pub(super) latency: LatencyRecorder,
    /// The schemes with their scores, for the plots.
    pub(super) schemes: Vec<SchemeSummary>,
    traffic: Traffic,
    /// Whose comparisons erred, by figure.
    errors: BTreeMap<String, ErrorCells>,
}

impl Side {
    /// Reads a run's figures.
    pub fn read(run: &RunReader, name: &str) -> Result<Self, Error> {
        let (summary, records) = Summary::read(run)?;
        Ok(Self::of(name, &summary, records.latency))
    }

    /// Takes a run's figures.
    pub fn of(name: &str, summary: &Summary, latency: LatencyRecorder) -> Self {
        let of = |word: &str, scheme: &str| format!("{}.{word}", slug(scheme));
        let errors = summary.schemes.iter().flat_map(|s| {
            [(of("fnmr", &s.scheme), s.mated_errors.clone()), (of("fmr", &s.scheme), s.non_mated_errors.clone())]
        });
        Self {
            name: name.to_owned(),
            metrics: metrics(summary),
            seed: summary.manifest.seed,
            latency,
            schemes: summary.schemes.clone(),
            traffic: summary.traffic.clone(),
            errors: errors.collect(),
        }
    }

    /// Finds an operation by its name in figures, and as how many independent latencies its own count for a quantile, or
    /// for the mean.
    fn latencies(&self, operation: &str, quantile: Option<f64>) -> Option<Latencies<'_>> {
        let (name, histogram) = self.latency.operations().find(|(name, _)| slug(name) == operation)?;
        let weight = Weight { latency: &self.latency, traffic: &self.traffic };
        Some(Latencies { histogram, independent: weight.independent(name, quantile).0 })
    }
}

/// The result of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It is greater than before.
    Greater,
    /// It is less than before.
    Less,
    /// The difference may be chance.
    NotShown,
    /// There is no test for it, or too little to test.
    NotTested,
}

/// One figure of both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The figure's name.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// The first run's figure; nothing where only the second has it.
    pub first: Option<Metric>,
    /// The second run's figure.
    pub second: Option<Metric>,
    /// Second less first, in the figure's unit.
    pub change: Option<f64>,
    /// The 95 % interval of the change.
    pub change95: Option<(f64, f64)>,
    /// The test's p-value by itself.
    pub p_value: Option<f64>,
    /// The p-value adjusted for all tests of the comparison.
    pub p_adjusted: Option<f64>,
    /// What it comes to.
    pub finding: Finding,
}

impl Difference {
    /// Returns the change as a share of the first run's figure; nothing where that is 0.
    pub fn relative(&self) -> Option<f64> {
        let first = self.first.as_ref()?.value;
        self.change.filter(|_| first != 0.0).map(|change| change / first)
    }
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the first run is called.
    pub first: String,
    /// What the second run is called.
    pub second: String,
    /// Changes of latencies up to this share are noise.
    pub noise: f64,
    /// Why the runs are not strictly comparable.
    pub cautions: Vec<String>,
    /// Every figure that one of them has.
    pub differences: Vec<Difference>,
}

/// Compares every figure. `noise` is the share by which latencies of equal runs may differ besides chance.
pub fn compare(first: &Side, second: &Side, noise: f64, cautions: Vec<String>) -> Comparison {
    let names = first.metrics.iter().chain(second.metrics.iter().filter(|m| find(first, &m.name).is_none()));
    let differences = names.map(|m| difference(first, second, m, noise)).collect();
    judged((first.name.clone(), second.name.clone()), noise, cautions, differences)
}

/// Adjusts all tests of a comparison together.
pub(super) fn judged(
    (first, second): (String, String),
    noise: f64,
    cautions: Vec<String>,
    mut differences: Vec<Difference>,
) -> Comparison {
    let tested: Vec<usize> = (0..differences.len()).filter(|&i| differences[i].p_value.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|&i| differences[i].p_value).collect();
    for (&i, p) in tested.iter().zip(holm(&p_values)) {
        differences[i].p_adjusted = Some(p);
        differences[i].finding = finding(p, differences[i].change);
    }
    Comparison { first, second, noise, cautions, differences }
}

/// Returns what an adjusted p-value means for a change.
pub(super) fn finding(p_adjusted: f64, change: Option<f64>) -> Finding {
    match change {
        Some(change) if p_adjusted < SIGNIFICANCE && change > 0.0 => Finding::Greater,
        Some(change) if p_adjusted < SIGNIFICANCE && change < 0.0 => Finding::Less,
        _ => Finding::NotShown,
    }
}

pub(super) fn find<'a>(side: &'a Side, name: &str) -> Option<&'a Metric> {
    side.metrics.iter().find(|m| m.name == name)
}

fn difference(first: &Side, second: &Side, metric: &Metric, noise: f64) -> Difference {
    let (a, b) = (find(first, &metric.name), find(second, &metric.name));
    let tested = a.zip(b).and_then(|(a, b)| test(first, second, a, b, noise));
    Difference {
        name: metric.name.clone(),
        unit: metric.unit,
        first: a.cloned(),
        second: b.cloned(),
        change: a.zip(b).map(|(a, b)| b.value - a.value),
        change95: tested.map(|t| t.interval),
        p_value: tested.map(|t| t.p_value),
        p_adjusted: None,
        finding: Finding::NotTested,
    }
}

fn test(first: &Side, second: &Side, a: &Metric, b: &Metric, noise: f64) -> Option<Change> {
    if let Some((ra, rb)) = a.rate.as_ref().zip(b.rate.as_ref()) {
        let cells = first.errors.get(&a.name).zip(second.errors.get(&a.name));
        // Runs of one seed compare the same samples of the same people.
        let paired = cells.filter(|_| first.seed == second.seed && (ra.total, ra.subjects) == (rb.total, rb.subjects));
        return paired.map_or_else(|| rates(ra, rb), |(a, b)| Some(pairs::rates(a, b, ra.total)));
    }
    let (operation, word) = a.name.rsplit_once('.')?;
    let quantile = QUANTILES.iter().find(|(name, _)| *name == word).map(|(_, quantile)| *quantile);
    let both = || Some((first.latencies(operation, quantile)?, second.latencies(operation, quantile)?));
    match quantile {
        Some(quantile) => both().and_then(|(a, b)| quantiles(a, b, quantile, noise)),
        None if word == MEAN => both().and_then(|(a, b)| means(a, b, noise)),
        None => None,
    }
}
