//! What a scenario can decide, before it is run: how many comparisons of how many people stand behind each threshold, and
//! about how long it takes.

use super::trial::{self, Costs};
use crate::Error;
use crate::people::plan::{self, HandsetPlan, Journey, Task};
use crate::people::population::{captures_needed, comparison_probes};
use crate::scenario::{AttackPlan, Scenario};
use crate::shard::Shard;
use crate::stop::Stop;
use biopay_reports::cluster::{Design, MatedErrors, NonMatedErrors};
use biopay_reports::interval::Rate;
use biopay_reports::metric::{is_meant, slug};
use biopay_reports::prospect::{Prospect, prospect, samples_for_quantile};
use biopay_reports::records::Operation;
use biopay_reports::summary::QUANTILES;
use biopay_reports::threshold::{Aspect, Threshold};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a scenario takes, and what it can decide.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// Handsets, those of impostors included.
    pub handsets: usize,
    /// Registrations and payments.
    pub transactions: usize,
    /// Samples that are captured before the clock starts.
    pub captures: usize,
    /// Subjects that are compared with each other off line.
    pub subjects: usize,
    /// Mated and non-mated comparisons of each scheme.
    pub comparisons: [u64; 2],
    /// What each threshold can come to.
    pub thresholds: Vec<Decision>,
    /// Estimates of time and memory.
    pub costs: Costs,
}

/// What one threshold can come to for one figure.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// The threshold.
    pub threshold: String,
    /// The figure; the threshold's own words where no planned figure has its name.
    pub figure: String,
    /// What can be said.
    pub outlook: Outlook,
}

/// What can be said of a figure before it is measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outlook")]
pub enum Outlook {
    /// A rate that must be small.
    Rate {
        /// Comparisons or transactions.
        trials: u64,
        /// Subjects behind them.
        subjects: u64,
        /// As how many independent ones they count, by the stated correlations.
        independent: f64,
        /// What they can show.
        #[serde(flatten)]
        prospect: Prospect,
    },
    /// A rate at a threshold that the comparisons select: they must first show a threshold with such an FMR.
    AtFmr {
        /// The FMR.
        fmr: f64,
        /// What the non-mated comparisons can show of it.
        #[serde(flatten)]
        prospect: Prospect,
    },
    /// A percentile of latencies.
    Percentile {
        /// Latencies that are planned.
        latencies: u64,
        /// Independent latencies that bound it from above.
        needed: u64,
    },
    /// It is judged by its value alone.
    Exact,
    /// Nothing is planned behind it, or too many things to say.
    Unknown,
}

impl Outlook {
    /// Returns whether the design can show the limit to be met; `None` where that is not known.
    pub fn can_be_met(&self) -> Option<bool> {
        match self {
            Self::Rate { prospect, .. } | Self::AtFmr { prospect, .. } => Some(prospect.shown_up_to.is_some()),
            Self::Percentile { latencies, needed } => Some(latencies >= needed),
            Self::Exact => Some(true),
            Self::Unknown => None,
        }
    }
}

/// Plans a scenario and times a part of it.
///
/// # Errors
///
/// [`Error`]: those of drawing the plans, of making people and of a run.
pub fn forecast(scenario: &Scenario, stop: &Stop) -> Result<Forecast, Error> {
    let plans = plan::draw(scenario, Shard::WHOLE)?;
    let probes = comparison_probes(&plans, scenario.comparisons.subjects);
    let subjects: BTreeSet<u32> = probes.iter().map(|key| key.subject).collect();
    let mut captures: BTreeSet<_> = captures_needed(&scenario.biometric, &plans).into_iter().collect();
    captures.extend(&probes);
    captures.extend(crate::attack::captures_needed(scenario));
    let mut mated = MatedErrors::default();
    let (mut firsts, mut seen) = (vec![0u64; subjects.last().map_or(0, |last| *last as usize + 1)], BTreeSet::new());
    for key in &probes {
        mated.add(key.subject, false);
        firsts[key.subject as usize] += u64::from(seen.insert((key.subject, key.sensor)));
    }
    let is_enrolled = (0..firsts.len()).map(|subject| subjects.contains(&(subject as u32))).collect();
    let non_mated = NonMatedErrors::with_design(Design::EveryProbe { probes: firsts, is_enrolled });
    let planned = Planned { fnmr: mated.rate(), fmr: non_mated.rate(), plans: &plans, scenario };
    let transactions = plans.iter().map(|plan| plan.transactions.len()).sum();
    let comparisons = [planned.fnmr.total, planned.fmr.total];
    let costs = trial::costs(
        scenario,
        &trial::Work {
            handsets: plans.len(),
            captures: captures.len(),
            rows: comparisons.iter().sum::<u64>() * scenario.schemes.r#use.len() as u64,
            transactions,
            span: last_start(&plans),
        },
        stop,
    )?;
    Ok(Forecast {
        handsets: plans.len(),
        transactions,
        captures: captures.len(),
        subjects: subjects.len(),
        comparisons,
        thresholds: planned.decisions()?,
        costs,
    })
}

/// Returns the last intended start.
fn last_start(plans: &[HandsetPlan]) -> std::time::Duration {
    let starts = plans.iter().flat_map(|plan| &plan.transactions).map(|transaction| transaction.at.micros());
    std::time::Duration::from_micros(starts.max().unwrap_or(0))
}

/// The figures that a scenario plans.
struct Planned<'a> {
    fnmr: Rate,
    fmr: Rate,
    plans: &'a [HandsetPlan],
    scenario: &'a Scenario,
}

/// A planned figure.
enum Figure {
    Rate(Rate),
    AtFmr(f64),
    Percentile(u64, f64),
}

impl Planned<'_> {
    fn decisions(&self) -> Result<Vec<Decision>, Error> {
        let figures = self.figures();
        let mut out = Vec::new();
        for text in &self.scenario.thresholds {
            let threshold: Threshold = text.parse()?;
            if threshold.is_about_hunt() {
                continue;
            }
            let words = || threshold.words.iter().rev().map(String::as_str);
            let meant: Vec<_> = figures.iter().filter(|(name, _)| is_meant(words(), name)).collect();
            let decision = |figure: String, outlook| Decision { threshold: text.clone(), figure, outlook };
            if meant.is_empty() {
                out.push(decision(threshold.words.join("."), unplanned(&threshold)));
            }
            out.extend(meant.iter().map(|(name, figure)| decision(name.clone(), self.outlook(&threshold, figure))));
        }
        Ok(out)
    }

    fn outlook(&self, threshold: &Threshold, figure: &Figure) -> Outlook {
        let is_upper = threshold.comparator.wants_small() && threshold.aspect != Aspect::Lower;
        match figure {
            _ if threshold.aspect == Aspect::Estimate => Outlook::Exact,
            Figure::Rate(rate) if is_upper => prospect(rate, threshold.limit).map_or(Outlook::Unknown, |prospect| {
                let independent = rate.total as f64 / rate.design_effect;
                Outlook::Rate { trials: rate.total, subjects: rate.subjects, independent, prospect }
            }),
            Figure::AtFmr(fmr) => {
                prospect(&self.fmr, *fmr).map_or(Outlook::Unknown, |prospect| Outlook::AtFmr { fmr: *fmr, prospect })
            }
            Figure::Percentile(latencies, quantile) if is_upper => {
                Outlook::Percentile { latencies: *latencies, needed: samples_for_quantile(*quantile) }
            }
            Figure::Rate(_) | Figure::Percentile(..) => Outlook::Unknown,
        }
    }

    /// Lists the planned figures by their names.
    fn figures(&self) -> Vec<(String, Figure)> {
        let mut out = Vec::new();
        for id in &self.scenario.schemes.r#use {
            let name = slug(id.name());
            out.push((format!("{name}.fmr"), Figure::Rate(self.fmr)));
            out.push((format!("{name}.fnmr"), Figure::Rate(self.fnmr)));
            out.push((format!("{name}.eer"), Figure::Rate(self.fnmr)));
            for (word, fmr) in [("fmr100", 1e-2), ("fmr1000", 1e-3), ("fmr10000", 1e-4)] {
                out.push((format!("{name}.{word}"), Figure::AtFmr(fmr)));
            }
        }
        for ((scheme, journey), errors) in self.journeys() {
            let word = if journey == Journey::Impostor.name() { "far" } else { "frr" };
            out.push((format!("{}.{}.{word}", slug(scheme), slug(journey)), Figure::Rate(errors.rate())));
        }
        for plan in &self.scenario.attack {
            out.push((attack_figure(plan), Figure::Rate(Rate::independent(0, crate::attack::targets(plan)))));
        }
        let registrations = self.tasks().filter(|task| matches!(task, Task::Register(_))).count() as u64;
        let payments = self.tasks().count() as u64 - registrations;
        let operations = [
            (Operation::Register, registrations),
            (Operation::Login, payments),
            (Operation::Charge, payments),
            (Operation::Payment, payments),
        ];
        for (operation, count) in operations {
            for (word, quantile) in QUANTILES {
                out.push((format!("{}.{word}", slug(operation.name())), Figure::Percentile(count, quantile)));
            }
        }
        out
    }

    fn tasks(&self) -> impl Iterator<Item = Task> {
        self.plans.iter().flat_map(|plan| &plan.transactions).map(|transaction| transaction.task)
    }

    fn journeys(&self) -> BTreeMap<(&'static str, &'static str), MatedErrors> {
        let mut out: BTreeMap<_, MatedErrors> = BTreeMap::new();
        for plan in self.plans {
            for transaction in &plan.transactions {
                let Task::Pay { journey, .. } = transaction.task else { continue };
                out.entry((plan.scheme.name(), journey.name())).or_default().add(plan.account, false);
            }
        }
        out
    }
}

/// Names the share of successes of an attack, of whichever form and scheme.
fn attack_figure(plan: &AttackPlan) -> String {
    format!("attack.{}.rate", slug(plan.kind.name()))
}

/// Says what is known of a threshold on something that no plan counts.
fn unplanned(threshold: &Threshold) -> Outlook {
    match threshold.aspect {
        Aspect::Estimate => Outlook::Exact,
        Aspect::Interval | Aspect::Lower | Aspect::Upper => Outlook::Unknown,
    }
}
