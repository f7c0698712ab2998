//! Every figure of a run under one name, with what is known of its uncertainty: what thresholds, comparisons, sweeps
//! and exports speak of.
//!
//! | name | figure |
//! |---|---|
//! | `SCHEME.fmr`, `.fnmr`, `.eer`, `.fmr100`, `.fmr1000`, `.fmr10000` | error rates per comparison |
//! | `SCHEME.impostor.far`, `SCHEME.JOURNEY.frr` | error rates per transaction |
//! | `enrolment.fte` | failures to enrol |
//! | `attack.NAME.FORM.SCHEME.rate` | successes of an attack on the hardened system, or between the run's own handsets; spaces are dashes |
//! | `attack.NAME.FORM.SCHEME.scenario-rate` | on the scenario's own server |
//! | `attack.NAME.FORM.SCHEME.literal-rate`, `.control-rate` | on the patent's own design, and in the negative control |
//! | `OPERATION.p50`, `.p90`, `.p99`, `.p999`, `.mean`, `.max`, `.count` | latency, in microseconds |
//! | `OPERATION.throughput`, `.peak` | logins and charges a second |
//! | `KIND.OUTCOME.share` | how transactions ended |
//! | `datagrams.per-charge`, `bytes.per-charge`, `round-trips.per-charge`, `events.per-charge` | what the whole run cost over its charges, counted exactly: UDP datagrams and their bytes at the handsets, handshakes and answered requests, and in virtual time the simulator's events |
//! | `money.violations` | books that disagree; absent where the run has no audit |

use crate::records::{Component, Defence, EVENTS, TransactionOutcome};
use crate::run_folder::latency::LatencyRecorder;
use crate::statistics::beta;
use crate::statistics::evidence::method::Method;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::evidence::selection::Selected;
use crate::statistics::interval::CONFIDENCE;
use crate::summary::attack::AttackSummary;
use crate::summary::network::Traffic;
use crate::summary::{LatencySummary, Summary};
use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The last words of all names.
pub const LAST_WORDS: [&str; 24] = [
    "fmr",
    "fnmr",
    "eer",
    "fmr100",
    "fmr1000",
    "fmr10000",
    "far",
    "frr",
    "fte",
    "rate",
    "scenario-rate",
    "literal-rate",
    "control-rate",
    "share",
    "p50",
    "p90",
    "p99",
    "p999",
    "mean",
    "max",
    "count",
    "throughput",
    "peak",
    PER_CHARGE,
];
/// The last word of what a charge costs.
pub const PER_CHARGE: &str = "per-charge";
/// The quantiles by their last words.
pub const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];
/// The standard normal quantile at 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A share in [0, 1].
    Fraction,
    /// Microseconds.
    Microseconds,
    /// A number of things.
    Count,
    /// Things a second.
    PerSecond,
}

/// One figure of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it is counted in.
    pub unit: Unit,
    /// Lower bound of the 95 % interval; nothing where there is none, or no bound on this side.
    pub lower95: Option<f64>,
    /// Upper bound of the 95 % interval; nothing where there is none, or too few samples bound it.
    pub upper95: Option<f64>,
    /// How the interval was computed; nothing where there is none.
    #[serde(default)]
    pub method: Option<Method>,
    /// Whether the figure is uncertain: a sample stands behind it.
    pub sampled: bool,
    /// Errors, successes or samples behind it.
    pub count: u64,
    /// Trials behind it; the same as the count where it is no rate.
    pub total: u64,
    /// The counts with all their intervals, where it is a rate.
    #[serde(skip)]
    pub rate: Option<Rate>,
}

impl Metric {
    fn exact(name: String, value: f64, unit: Unit, count: u64) -> Self {
        Self {
            name,
            value,
            unit,
            lower95: None,
            upper95: None,
            method: None,
            sampled: false,
            count,
            total: count,
            rate: None,
        }
    }

    fn selected(name: String, selected: &Selected, comparisons: u64) -> Self {
        Self {
            lower95: Some(selected.lower95),
            upper95: Some(selected.upper95),
            sampled: true,
            method: Some(selected.method),
            ..Self::exact(name, selected.value, Unit::Fraction, comparisons)
        }
    }

    fn rate(name: String, rate: &Rate) -> Option<Self> {
        let interval = rate.interval();
        Some(Self {
            name,
            value: rate.value()?,
            unit: Unit::Fraction,
            lower95: interval.map(|i| i.lower),
            upper95: interval.map(|i| i.upper),
            method: Some(rate.method),
            sampled: true,
            count: rate.count,
            total: rate.total,
            rate: Some(*rate),
        })
    }
}

/// Lists every figure of a run. Rates without trials are left out.
pub fn metrics(summary: &Summary, latency: &LatencyRecorder) -> Vec<Metric> {
    let mut out = Vec::new();
    comparisons(&mut out, summary);
    transactions(&mut out, summary);
    for l in &summary.latencies {
        if let Some(histogram) = latency.operation(&l.operation) {
            latencies(&mut out, l, histogram, independent(&l.operation, histogram.len(), &summary.traffic));
        }
    }
    for t in &summary.throughput {
        if let Some(mean) = t.mean_per_s {
            out.push(Metric::exact(format!("{}.throughput", t.operation), mean, Unit::PerSecond, t.count));
        }
        out.push(Metric::exact(format!("{}.peak", t.operation), t.peak_per_s as f64, Unit::PerSecond, t.count));
    }
    costs(&mut out, summary);
    if let Some(violations) = summary.money_violations {
        out.push(Metric::exact("money.violations".into(), violations as f64, Unit::Count, violations));
    }
    out
}

fn comparisons(out: &mut Vec<Metric>, summary: &Summary) {
    for s in &summary.schemes {
        let name = slug(&s.scheme);
        out.extend(Metric::rate(format!("{name}.fmr"), &s.fmr));
        out.extend(Metric::rate(format!("{name}.fnmr"), &s.fnmr));
        let comparisons = s.fmr.total + s.fnmr.total;
        for (word, value) in [("eer", s.eer), ("fmr100", s.fmr100), ("fmr1000", s.fmr1000), ("fmr10000", s.fmr10000)] {
            out.extend(value.map(|value| Metric::selected(format!("{name}.{word}"), &value, comparisons)));
        }
    }
}

fn transactions(out: &mut Vec<Metric>, summary: &Summary) {
    for j in &summary.journeys {
        let word = if j.is_impostor() { "far" } else { "frr" };
        out.extend(Metric::rate(format!("{}.{}.{word}", slug(&j.scheme), slug(&j.journey)), &j.rate));
    }
    out.extend(Metric::rate("enrolment.fte".into(), &summary.enrolment.fte));
    for a in &summary.attacks {
        out.extend(Metric::rate(attack_name(a), &a.success));
    }
    for o in &summary.outcomes {
        let total = summary.outcomes.iter().filter(|other| other.kind == o.kind).map(|other| other.count).sum();
        let name = format!("{}.{}.share", slug(&o.kind), slug(&o.outcome));
        out.extend(Metric::rate(name, &Rate::independent(o.count, total)));
    }
}

/// Names an attack's share of successes. The plain word is that of the system that is to resist; the others' words are
/// their own, so that a limit on `attack.replay.rate` does not ask it of the negative control.
fn attack_name(a: &AttackSummary) -> String {
    let word = match Defence::of(&a.configuration) {
        Some(Defence::PatentLiteral) => "literal-rate",
        Some(Defence::Control) => "control-rate",
        Some(Defence::Scenario) => "scenario-rate",
        Some(Defence::Hardened | Defence::AsConfigured) | None => "rate",
    };
    let parts = ["attack", &a.attack, &a.variant, &a.scheme, word];
    parts.iter().filter(|part| !part.is_empty()).map(|part| slug(part)).collect::<Vec<_>>().join(".")
}

/// What the whole run cost over its charges.
fn costs(out: &mut Vec<Metric>, summary: &Summary) {
    let charges: u64 =
        summary.outcomes.iter().filter(|o| o.outcome == TransactionOutcome::Charged).map(|o| o.count).sum();
    let sum = |is_meant: &dyn Fn(&str, &str) -> bool| {
        summary.server.iter().filter(|(component, name, _)| is_meant(component, name)).map(|f| f.2).sum::<f64>()
    };
    let answered = sum(&|component, name| {
        component == Component::Server && name.starts_with("operations.") && name.ends_with(".count")
    });
    let round_trips = if answered > 0.0 { answered + summary.traffic.connections as f64 } else { 0.0 };
    let costs = [
        ("datagrams", summary.traffic.datagrams as f64),
        ("bytes", summary.traffic.bytes as f64),
        ("round-trips", round_trips),
        ("events", sum(&|component, name| component == Component::Simulator && name == EVENTS)),
    ];
    for (name, cost) in costs.into_iter().filter(|(_, cost)| charges > 0 && *cost > 0.0) {
        out.push(Metric::exact(format!("{name}.{PER_CHARGE}"), cost / charges as f64, Unit::Count, charges));
    }
}

/// Returns as how many independent latencies those of an operation count. Where handsets have different links, the share of
/// each link decides an operation over all of them, and its latencies are worth no more than a handset each; those of one
/// link all count.
pub(crate) fn independent(operation: &str, count: u64, traffic: &Traffic) -> u64 {
    let is_of_one_link = operation.split('@').skip(1).any(|word| traffic.profiles.contains(word));
    let is_mixed = traffic.profiles.len() > 1 && !is_of_one_link;
    if is_mixed { count.min(traffic.handsets) } else { count }
}

fn latencies(out: &mut Vec<Metric>, l: &LatencySummary, histogram: &Histogram<u64>, independent: u64) {
    let metric = |word: &str, value: f64, (lower95, upper95): (Option<f64>, Option<f64>)| Metric {
        name: format!("{}.{word}", slug(&l.operation)),
        value,
        unit: Unit::Microseconds,
        lower95,
        upper95,
        method: Some(Method::OrderStatistics),
        sampled: true,
        count: l.count,
        total: l.count,
        rate: None,
    };
    for (word, quantile) in QUANTILES {
        out.push(metric(
            word,
            histogram.value_at_quantile(quantile) as f64,
            quantile_interval(histogram, quantile, independent),
        ));
    }
    let half = (independent > 1).then(|| Z * histogram.stdev() / (independent as f64).sqrt());
    out.push(metric("mean", l.mean_us, (half.map(|h| l.mean_us - h), half.map(|h| l.mean_us + h))));
    let exact =
        |word: &str, value: f64, unit| Metric::exact(format!("{}.{word}", slug(&l.operation)), value, unit, l.count);
    out.push(exact("max", l.max_us as f64, Unit::Microseconds));
    out.push(exact("count", l.count as f64, Unit::Count));
}

/// Returns the distribution-free 95 % interval of a quantile from order statistics; a bound is missing where too few
/// samples lie beyond the quantile to give one. `n` says as how many independent samples they count.
///
/// Source: Hahn and Meeker 1991, "Statistical Intervals", section 5.2.
fn quantile_interval(histogram: &Histogram<u64>, quantile: f64, n: u64) -> (Option<f64>, Option<f64>) {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    // P(at least k of n samples lie at or below the quantile).
    let at_least = |k: u64| if k == 0 { 1.0 } else { beta::regularized(quantile, k as f64, (n - k + 1) as f64) };
    let first = |holds: &dyn Fn(u64) -> bool| {
        let (mut low, mut high) = (0, n + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        low
    };
    // The sample of rank l lies above the quantile when fewer than l do not: as rarely as the tail.
    let lower = first(&|k| k > n || at_least(k) < 1.0 - tail).saturating_sub(1);
    let upper = first(&|k| k > n || at_least(k) <= tail);
    let ranked = |rank: u64| histogram.value_at_quantile(rank as f64 / n as f64) as f64;
    ((lower >= 1).then(|| ranked(lower)), (upper <= n).then(|| ranked(upper)))
}

/// Returns whether words, the last first, name a figure: the last words are equal, and the others are among the name's in
/// their order. `fmr` is that of every scheme, `template.fmr` that of one.
pub fn is_meant<'a>(mut words: impl Iterator<Item = &'a str>, name: &str) -> bool {
    let mut names = name.split('.').rev();
    words.next() == names.next() && words.all(|word| names.any(|name| name == word))
}

/// Makes a word of a name: dashes for spaces, no dots.
pub fn slug(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '.', '_'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut out = Histogram::new(3).unwrap();
        values.into_iter().for_each(|v| out.record(v).unwrap());
        out
    }

    /// Expected ranks: scipy.stats.binom.ppf(0.025, 100, 0.5) = 40 and ppf(0.975, 100, 0.5) + 1 = 61.
    #[test]
    fn a_medians_interval_has_the_binomial_ranks() {
        assert_eq!(quantile_interval(&histogram(1..=100), 0.5, 100), (Some(40.0), Some(61.0)));
    }

    #[test]
    fn over_several_links_a_handset_counts_once() {
        let traffic = |profiles: &[&str]| Traffic {
            profiles: profiles.iter().map(|p| (*p).to_owned()).collect(),
            handsets: 20,
            ..Traffic::default()
        };
        let mixed = traffic(&["2g", "4g"]);
        assert_eq!(independent("charge", 100, &mixed), 20);
        assert_eq!(independent("charge@4g", 100, &mixed), 100);
        assert_eq!(independent("charge@intended", 100, &mixed), 20);
        assert_eq!(independent("charge", 100, &traffic(&["4g"])), 100);
        let (lower, upper) = quantile_interval(&histogram(1..=100), 0.5, 20);
        assert!(lower.unwrap() < 40.0 && upper.unwrap() > 61.0, "{lower:?} {upper:?}");
    }

    #[test]
    fn few_samples_bound_no_high_quantile() {
        let (lower, upper) = quantile_interval(&histogram(1..=50), 0.99, 50);
        assert!(lower.is_some() && upper.is_none(), "{lower:?} {upper:?}");
        assert!(quantile_interval(&histogram(1..=1_000), 0.99, 1_000).1.is_some());
    }

    /// Of 400 samples of 300 uniform values, 95 % of the intervals hold the quantile; 370 fail once in 10⁶ seeds only.
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let covered = (0..400)
            .filter(|_| {
                let h = histogram((0..300).map(|_| rng.random_range(0..1_000)));
                let (lower, upper) = quantile_interval(&h, 0.9, h.len());
                lower.unwrap() <= 900.0 && 899.0 <= upper.unwrap()
            })
            .count();
        assert!((364..=399).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn names_are_words() {
        assert_eq!(slug("Index of max.1"), "index-of-max-1");
    }
}
