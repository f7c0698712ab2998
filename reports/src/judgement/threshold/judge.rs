//! Holds a run's figures against its thresholds.

use super::expression::{Aspect, Threshold};
use crate::figures::metric::{Metric, Unit};
use crate::statistics::evidence::limit::needed;
use crate::text::grouped;
use crate::text::needed_text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the evidence shows about a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The figure is on the right side.
    Passed,
    /// The interval straddles the limit, or there is no such figure.
    NotEnoughEvidence,
    /// The figure is on the wrong side.
    Failed,
}

impl Verdict {
    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotEnoughEvidence => "not enough evidence",
            Self::Failed => "failed",
        }
    }
}

/// The verdict on one figure against one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The threshold as it was written.
    pub threshold: String,
    /// The figure; the threshold's own words where the run has none.
    pub figure: String,
    /// What the evidence shows.
    pub verdict: Verdict,
    /// The observed value, with its interval and unit.
    pub observed: Option<Metric>,
    /// What a reader should know besides.
    pub note: String,
}

/// The verdicts on all figures that a scenario has thresholds for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Verdicts(pub Vec<Judged>);

impl Verdicts {
    /// Returns the worst verdict; `None` without thresholds.
    pub fn overall(&self) -> Option<Verdict> {
        self.0.iter().map(|judged| judged.verdict).max()
    }

    /// Counts the figures with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|judged| judged.verdict == verdict).count()
    }
}

/// Judges every threshold over the figures that it means. `is_whole` says that the run reached its end: part of a run
/// shows no more than that a limit was broken.
pub fn judge(thresholds: &[Threshold], metrics: &[Metric], is_whole: bool) -> Verdicts {
    let mut out = Vec::new();
    for threshold in thresholds {
        let before = out.len();
        out.extend(metrics.iter().filter(|m| threshold.means(m)).map(|m| judge_one(threshold, m, is_whole)));
        if out.len() == before {
            out.push(Judged {
                threshold: threshold.text.clone(),
                figure: threshold.words.join("."),
                verdict: Verdict::NotEnoughEvidence,
                observed: None,
                note: "the run has no such figure".into(),
            });
        }
    }
    Verdicts(out)
}

fn judge_one(threshold: &Threshold, metric: &Metric, is_whole: bool) -> Judged {
    let mut verdict = verdict(threshold, metric);
    let mut note = String::new();
    if verdict == Verdict::NotEnoughEvidence {
        note = shortage(threshold, metric);
    } else if verdict == Verdict::Passed && !is_whole {
        verdict = Verdict::NotEnoughEvidence;
        note = "the run was interrupted, or is one of several parts".into();
    }
    let (threshold, figure) = (threshold.text.clone(), metric.name.clone());
    Judged { threshold, figure, verdict, observed: Some(metric.clone()), note }
}

fn verdict(threshold: &Threshold, metric: &Metric) -> Verdict {
    let holds = |value: f64| threshold.comparator.holds(value, threshold.limit);
    let decided = |holds: bool| if holds { Verdict::Passed } else { Verdict::Failed };
    if threshold.aspect == Aspect::Estimate || !metric.sampled {
        return decided(holds(metric.value));
    }
    // A side that nothing bounds reaches as far as the figure can.
    let most = if metric.unit == Unit::Fraction { 1.0 } else { f64::INFINITY };
    let (lower, upper) = (metric.lower95.unwrap_or(0.0), metric.upper95.unwrap_or(most));
    let passes = match threshold.aspect {
        Aspect::Lower => holds(lower),
        Aspect::Upper => holds(upper),
        Aspect::Interval | Aspect::Estimate => holds(lower) && holds(upper),
    };
    match passes {
        true => Verdict::Passed,
        false if holds(lower) || holds(upper) => Verdict::NotEnoughEvidence,
        false => Verdict::Failed,
    }
}

fn shortage(threshold: &Threshold, metric: &Metric) -> String {
    let Some(rate) = metric.rate.filter(|_| threshold.comparator.wants_small()) else {
        return format!("{} samples leave it open", grouped(metric.total));
    };
    match needed(&rate, threshold.limit) {
        Some(needed) => format!("{} would decide at this rate", needed_text(needed)),
        None => "the rate is too near its limit for any number of trials".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::rate::Rate;

    fn rate(name: &str, count: u64, total: u64) -> Metric {
        let rate = Rate::independent(count, total);
        let interval = rate.interval().unwrap();
        Metric {
            name: name.into(),
            value: rate.value().unwrap(),
            unit: Unit::Fraction,
            lower95: Some(interval.lower),
            upper95: Some(interval.upper),
            method: None,
            together95: None,
            sampled: true,
            count,
            total,
            rate: Some(rate),
        }
    }

    fn verdict_of(text: &str, metric: Metric) -> Verdict {
        judge(&[text.parse().unwrap()], &[metric], true).overall().unwrap()
    }

    #[test]
    fn a_rate_is_judged_by_its_interval() {
        let limit = "fmr < 1e-4";
        assert_eq!(verdict_of(limit, rate("template.fmr", 0, 40_000)), Verdict::Passed);
        assert_eq!(verdict_of(limit, rate("template.fmr", 40, 40_000)), Verdict::Failed);
        assert_eq!(verdict_of(limit, rate("template.fmr", 0, 1_000)), Verdict::NotEnoughEvidence);
        assert_eq!(verdict_of("fmr.estimate < 1e-4", rate("template.fmr", 0, 1_000)), Verdict::Passed);
        assert_eq!(verdict_of("fmr.lower95 < 1e-4", rate("template.fmr", 0, 1_000)), Verdict::Passed);
        assert_eq!(verdict_of("fmr.upper95 < 1e-4", rate("template.fmr", 0, 1_000)), Verdict::NotEnoughEvidence);
    }

    #[test]
    fn a_shortage_says_how_many_would_do() {
        let judged = judge(&["fmr < 1e-4".parse().unwrap()], &[rate("template.fmr", 0, 1_000)], true);
        assert!(judged.0[0].note.contains("about 41,000 trials would decide"), "{}", judged.0[0].note);
    }

    #[test]
    fn a_threshold_means_every_figure_with_its_words() {
        let metrics = [rate("template.fmr", 0, 40_000), rate("biohash.fmr", 9, 100), rate("template.fnmr", 9, 100)];
        let all = judge(&["fmr < 1e-4".parse().unwrap()], &metrics, true);
        assert_eq!((all.0.len(), all.overall()), (2, Some(Verdict::Failed)));
        let one = judge(&["template.fmr < 1e-4".parse().unwrap()], &metrics, true);
        assert_eq!((one.0.len(), one.overall()), (1, Some(Verdict::Passed)));
    }

    #[test]
    fn no_figure_and_part_of_a_run_are_not_enough() {
        let thresholds = ["fnmr < 0.5".parse().unwrap()];
        assert_eq!(judge(&thresholds, &[], true).overall(), Some(Verdict::NotEnoughEvidence));
        let metrics = [rate("template.fnmr", 1, 100)];
        assert_eq!(judge(&thresholds, &metrics, true).overall(), Some(Verdict::Passed));
        assert_eq!(judge(&thresholds, &metrics, false).overall(), Some(Verdict::NotEnoughEvidence));
        assert_eq!(judge(&thresholds, &[rate("template.fnmr", 99, 100)], false).overall(), Some(Verdict::Failed));
    }
}
