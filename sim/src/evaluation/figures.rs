//! The rates of an evaluation, for people and as JSON.

use super::counts_file::{CountsFile, SampleFigures};
use biopay_reports::cluster::{Design, MatedErrors, NonMatedErrors};
use biopay_reports::html::rate_text;
use biopay_reports::interval::Rate;
use biopay_reports::limit::Conformance;
use biopay_reports::rates::ScoreSet;
use biopay_reports::requirement::REQUIREMENTS;
use serde::Serialize;
use std::fmt::Write;

/// The rates of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The samples that were compared.
    #[serde(flatten)]
    pub samples: SampleFigures,
    /// Mated comparisons.
    pub mated: u64,
    /// Non-mated comparisons.
    pub non_mated: u64,
    /// Equal error rate by the interval rule; `None` where a scheme gives no score.
    pub eer: Option<f64>,
    /// Decidability; `None` where a scheme gives no score.
    pub d_prime: Option<f64>,
    /// FMR and FNMR at the lowest FNMR with FMR at most 1 in 100, 1,000 and 10,000, as far as there are comparisons
    /// 1 in 100,000 and 1,000,000, and 0.
    pub points: Vec<PointRates>,
    /// FMR and FNMR as the scheme decides, where a scheme was evaluated.
    pub scheme: Option<PointRates>,
    /// Named requirements and whether the scheme's rates, or else those at FMR10000, meet them.
    pub requirements: Vec<RequirementFigure>,
}

/// Both error rates at one operating point.
#[derive(Clone, Debug, Serialize)]
pub struct PointRates {
    /// `FMR100` and so on, `ZeroFMR` or the scheme's name.
    pub name: String,
    /// The threshold; `None` where a scheme decides by itself.
    pub threshold: Option<f32>,
    /// False matches.
    pub fmr: Rate,
    /// False non-matches.
    pub fnmr: Rate,
}

/// One requirement and its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct RequirementFigure {
    /// The requirement's name.
    pub name: &'static str,
    /// Its source, with its limits.
    pub source: &'static str,
    /// Whether it is met.
    #[serde(flatten)]
    pub verdict: Conformance,
}

const POINTS: [(&str, f64); 6] = [
    ("FMR100", 1e-2),
    ("FMR1000", 1e-3),
    ("FMR10000", 1e-4),
    ("FMR100000", 1e-5),
    ("FMR1000000", 1e-6),
    ("ZeroFMR", 0.0),
];

/// The lowest target that is stated on any set; a lower one is stated only if the set could show one false match at it.
const ALWAYS_STATED: f64 = 1e-5;

/// The operating point that requirements apply to if no scheme decides.
const REQUIREMENT_POINT: &str = "FMR10000";

impl Figures {
    /// Computes all rates. `scheme` is the scheme's name, and whether its scores order payloads.
    pub fn new(file: &CountsFile, samples: SampleFigures, scheme: Option<(&str, HasScore)>) -> Self {
        let set = file.counts.scores();
        let has_scores = !set.is_empty() && scheme.is_none_or(|(_, has)| has == HasScore::Yes);
        let points = if has_scores { points(file, &set) } else { Vec::new() };
        let decided = scheme.map(|(name, _)| decided(name, file));
        let judged = decided.as_ref().or_else(|| points.iter().find(|p| p.name == REQUIREMENT_POINT));
        Self {
            samples,
            mated: set.mated.total(),
            non_mated: set.non_mated.total(),
            eer: has_scores.then(|| set.equal_error_rate()),
            d_prime: has_scores.then(|| set.decidability()),
            requirements: judged.map(requirements).unwrap_or_default(),
            points,
            scheme: decided,
        }
    }

    /// Writes the rates for people.
    pub fn to_text(&self, title: &str) -> String {
        let mut out = String::new();
        let samples = &self.samples;
        let _ = writeln!(
            out,
            "{title}: {} samples of {} subjects, {} mated and {} non-mated comparisons",
            samples.images, samples.subjects, self.mated, self.non_mated
        );
        for (reason, count) in &samples.failures_to_acquire {
            let _ = writeln!(out, "  failure to acquire: {count} of {} ({reason})", samples.images);
        }
        if samples.failures_to_enrol > 0 {
            let _ = writeln!(out, "  failures to enrol: {}", samples.failures_to_enrol);
        }
        if let Some((eer, d_prime)) = self.eer.zip(self.d_prime) {
            let _ = writeln!(out, "  EER       {:.2} %   d' {d_prime:.2}", 100.0 * eer);
        }
        for p in self.points.iter().chain(&self.scheme) {
            let _ = writeln!(out, "  {:<10} FNMR {}   FMR {}", p.name, rate_text(&p.fnmr), rate_text(&p.fmr));
        }
        for r in &self.requirements {
            let _ = writeln!(out, "  {:<28} {}", r.name, verdict_text(r.verdict));
        }
        out
    }
}

/// Whether a scheme's scores order payloads, or only distinguish equal from unequal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HasScore {
    /// The scores order payloads.
    Yes,
    /// The scores distinguish only equal from unequal.
    No,
}

/// Returns a verdict in words.
pub fn verdict_text(verdict: Conformance) -> String {
    match verdict {
        Conformance::Met => "met".into(),
        Conformance::NotMet => "not met".into(),
        Conformance::NotEnoughEvidence { comparisons_needed: Some(n) } => {
            format!("not enough evidence: about {n} comparisons would do at this rate")
        }
        Conformance::NotEnoughEvidence { comparisons_needed: None } => "not enough evidence".into(),
    }
}

fn points(file: &CountsFile, set: &ScoreSet) -> Vec<PointRates> {
    let non_mated = set.non_mated.total() as f64;
    let can_show = |fmr: f64| fmr <= 0.0 || fmr > ALWAYS_STATED || fmr * non_mated >= 1.0;
    let shown = POINTS.iter().filter(|&&(_, fmr)| can_show(fmr));
    shown.map(|&(name, fmr)| point(name, file, set, set.lowest_fnmr(fmr).threshold)).collect()
}

fn point(name: &str, file: &CountsFile, set: &ScoreSet, threshold: f32) -> PointRates {
    let mut mated = MatedErrors::default();
    for (subject, score, comparisons, _) in file.counts.mated() {
        mated.add_counts(subject, if score < threshold { comparisons } else { 0 }, comparisons);
    }
    let total = set.non_mated.total();
    let errors = total - set.non_mated.below(threshold);
    let pairs = file.counts.tail(threshold).map(|pairs| pairs.collect::<Vec<_>>());
    let fmr = non_mated_rate(file.design(), errors, total, pairs.as_deref());
    PointRates { name: name.to_owned(), threshold: Some(threshold), fmr, fnmr: mated.rate() }
}

/// Returns the rates as the scheme itself decided.
fn decided(name: &str, file: &CountsFile) -> PointRates {
    let mut mated = MatedErrors::default();
    for (subject, _, comparisons, accepted) in file.counts.mated() {
        mated.add_counts(subject, comparisons - accepted, comparisons);
    }
    let (errors, pairs) = file.counts.false_accepts();
    let total = file.counts.scores().non_mated.total();
    PointRates {
        name: name.to_owned(),
        threshold: None,
        fmr: non_mated_rate(file.design(), errors, total, pairs),
        fnmr: mated.rate(),
    }
}

/// Returns a rate, with its clustered interval if the subjects of all false matches and the plan's design are known.
fn non_mated_rate(design: Option<Design>, errors: u64, total: u64, pairs: Option<&[(u32, u32)]>) -> Rate {
    let Some((design, pairs)) = design.zip(pairs) else { return Rate::independent(errors, total) };
    let mut clustered = NonMatedErrors::with_design(design);
    pairs.iter().for_each(|&(a, b)| clustered.add_error(a, b));
    let rate = clustered.rate();
    debug_assert_eq!((rate.count, rate.total), (errors, total), "the design and the counts agree");
    rate
}

fn requirements(point: &PointRates) -> Vec<RequirementFigure> {
    let figure = |r: &biopay_reports::requirement::Requirement| RequirementFigure {
        name: r.name,
        source: r.source,
        verdict: r.verdict(&point.fmr, &point.fnmr),
    };
    REQUIREMENTS.iter().map(figure).collect()
}
