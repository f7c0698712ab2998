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
//! | `hunt.violations`, `hunt.seeds.count`, `hunt.charges.count`, `hunt.states.count` | broken promises of a hunt, and how much of it there was: `biopay hunt` judges them, a run leaves them out |

use crate::records::{Component, Defence, EVENTS, TransactionOutcome};
use crate::statistics::evidence::method::Method;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::evidence::selection::Selected;
use crate::summary::attack::AttackSummary;
use crate::summary::{LatencySummary, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The interval that holds at 95 % together with those of all other rates whose names have the same last word, as of
    /// every scheme's FMR or of every attack (Bonferroni); nothing where there is one alone, or no rate.
    #[serde(default)]
    pub together95: Option<(f64, f64)>,
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

/// The first word of the figures of a hunt, which no run has.
pub const HUNT: &str = "hunt";

impl Metric {
    /// A number that was counted, and no sample.
    pub fn counted(name: String, count: u64) -> Self {
        Self::exact(name, count as f64, Unit::Count, count)
    }

    fn exact(name: String, value: f64, unit: Unit, count: u64) -> Self {
        Self {
            name,
            value,
            unit,
            lower95: None,
            upper95: None,
            method: None,
            together95: None,
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

    pub(crate) fn rate(name: String, rate: &Rate) -> Option<Self> {
        let interval = rate.interval();
        Some(Self {
            name,
            value: rate.value()?,
            unit: Unit::Fraction,
            lower95: interval.map(|i| i.lower),
            upper95: interval.map(|i| i.upper),
            method: Some(rate.method),
            together95: None,
            sampled: true,
            count: rate.count,
            total: rate.total,
            rate: Some(*rate),
        })
    }
}

/// Lists every figure of a run. Rates without trials are left out.
pub fn metrics(summary: &Summary) -> Vec<Metric> {
    let mut out = Vec::new();
    comparisons(&mut out, summary);
    transactions(&mut out, summary);
    summary.latencies.iter().for_each(|l| latencies(&mut out, l));
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
    read_together(&mut out);
    out
}

/// Adds the intervals of rates that are read together.
fn read_together(metrics: &mut [Metric]) {
    let last = |metric: &Metric| metric.name.rsplit('.').next().unwrap_or_default().to_owned();
    let mut families: BTreeMap<String, usize> = BTreeMap::new();
    metrics.iter().filter(|m| m.rate.is_some()).for_each(|m| *families.entry(last(m)).or_default() += 1);
    for metric in metrics {
        let family = families.get(&last(metric)).copied().filter(|figures| *figures > 1);
        let interval = metric.rate.zip(family).and_then(|(rate, figures)| rate.together(figures));
        metric.together95 = interval.map(|i| (i.lower, i.upper));
    }
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

fn latencies(out: &mut Vec<Metric>, l: &LatencySummary) {
    for estimate in &l.estimates {
        out.push(Metric {
            lower95: estimate.lower95_us,
            upper95: estimate.upper95_us,
            method: Some(estimate.method),
            sampled: true,
            ..Metric::exact(
                format!("{}.{}", slug(&l.operation), estimate.word),
                estimate.value_us,
                Unit::Microseconds,
                l.count,
            )
        });
    }
    let exact =
        |word: &str, value: f64, unit| Metric::exact(format!("{}.{word}", slug(&l.operation)), value, unit, l.count);
    out.push(exact("max", l.max_us as f64, Unit::Microseconds));
    out.push(exact("count", l.count as f64, Unit::Count));
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

    #[test]
    fn names_are_words() {
        assert_eq!(slug("Index of max.1"), "index-of-max-1");
    }
}
