//! The rates of an evaluation, for people and as JSON.

use super::counts_file::{CountsFile, SampleFigures};
use crate::Error;
use biopay_reports::cluster::{MatedErrors, NonMatedErrors};
use biopay_reports::curve::SubjectScores;
use biopay_reports::html::{needed_text, rate_with_method, security_text, selected_text};
use biopay_reports::interval::{Dependence, OneTry, Rate};
use biopay_reports::limit::{Conformance, against};
use biopay_reports::requirement::{REQUIREMENTS, Requirement};
use biopay_reports::security::EffectiveSecurity;
use biopay_reports::selection::Selected;
use serde::Serialize;
use std::fmt::Write;

/// The rates of an evaluation. Rates are of the comparisons that took place; samples that were not acquired are in the
/// failure-to-acquire rate alone (ISO/IEC 19795-1).
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
    /// Its interval.
    pub eer_interval: Option<Selected>,
    /// Decidability; `None` where a scheme gives no score, or the scores do not spread.
    pub d_prime: Option<f64>,
    /// FMR and FNMR at the lowest FNMR with FMR at most 1 in 100, 1,000, 10,000, 100,000 and 1,000,000, as far as the
    /// comparisons show a threshold with such an FMR, and where no false match was seen.
    pub points: Vec<PointRates>,
    /// FMR and FNMR as the scheme decides, where a scheme was evaluated.
    pub scheme: Option<PointRates>,
    /// What bounds the security of the scheme's payload; `None` where no scheme was evaluated.
    pub security: Option<EffectiveSecurity>,
    /// The FMR at a threshold that no non-mated comparison reached.
    pub strictest_fmr: Option<Rate>,
    /// Named requirements and whether they are met: by the scheme's rates, or else at the lowest threshold at which the
    /// upper bound of the FMR meets the limit.
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
    /// False non-matches, at this threshold.
    pub fnmr: Rate,
    /// FNMR with the interval that allows for the threshold being chosen from the same comparisons; `None` where it was
    /// not.
    pub fnmr_selected: Option<Selected>,
    /// FAR and FRR of one try, where samples were not acquired.
    pub one_try: Option<OneTry>,
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

const POINTS: [(&str, f64); 5] =
    [("FMR100", 1e-2), ("FMR1000", 1e-3), ("FMR10000", 1e-4), ("FMR100000", 1e-5), ("FMR1000000", 1e-6)];

impl Figures {
    /// Computes all rates. `scheme` names the scheme, and says whether its scores order payloads.
    ///
    /// # Errors
    /// [`Error::NotEnoughEvidence`] where no mated or no non-mated comparison took place.
    pub fn new(file: &CountsFile, samples: SampleFigures, scheme: Option<(&str, HasScore)>) -> Result<Self, Error> {
        let scores = file.counts.subject_scores(file.design().clone());
        let set = scores.set();
        check(set.mated.total(), set.non_mated.total(), &samples)?;
        let has_scores = scheme.is_none_or(|(_, has)| has == HasScore::Yes);
        let acquisition = samples.failure_to_acquire.filter(|fta| fta.count > 0);
        let mut points = if has_scores { points(&scores) } else { Vec::new() };
        let mut decided = scheme.map(|(name, _)| decided(name, file, has_scores.then_some(&scores)));
        for point in points.iter_mut().chain(&mut decided) {
            point.one_try = acquisition.and_then(|fta| OneTry::of(&fta, &point.fmr, &point.fnmr));
        }
        let eer_interval = scores.equal_error_rate().filter(|_| has_scores);
        Ok(Self {
            samples,
            mated: set.mated.total(),
            non_mated: set.non_mated.total(),
            eer: eer_interval.map(|eer| eer.value),
            eer_interval,
            d_prime: set.decidability().filter(|_| has_scores),
            requirements: REQUIREMENTS.iter().map(|r| requirement(r, decided.as_ref(), &scores)).collect(),
            strictest_fmr: has_scores.then(|| scores.rates(&[f32::INFINITY])[0].fmr),
            points,
            security: None,
            scheme: decided,
        })
    }

    /// Adds what bounds the security of the scheme's payload: its key, the rates' FMR and the committed bits.
    pub fn with_security(mut self, key_bits: Option<usize>, committed_bits: Option<f64>) -> Self {
        self.security =
            self.scheme.as_ref().map(|decided| EffectiveSecurity::new(key_bits, &decided.fmr, committed_bits));
        self
    }

    /// Writes the rates for people.
    pub fn to_text(&self, title: &str) -> String {
        let mut out = String::new();
        let samples = &self.samples;
        // Scores that were made elsewhere may name no samples, or nobody at all.
        let of = match (samples.images, samples.subjects) {
            (0, 0) => String::new(),
            (0, subjects) => format!("{subjects} subjects, "),
            (images, subjects) => format!("{images} samples of {subjects} subjects, "),
        };
        let _ = writeln!(out, "{title}: {of}{} mated and {} non-mated comparisons", self.mated, self.non_mated);
        for (reason, count) in &samples.failures_to_acquire {
            let _ = writeln!(out, "  failure to acquire: {count} of {} ({reason})", samples.images);
        }
        if let Some(fta) = samples.failure_to_acquire.filter(|fta| fta.count > 0) {
            let _ = writeln!(out, "  FTA       {}", rate_with_method(&fta));
        }
        out += &samples.intake.to_text();
        if samples.failures_to_enrol > 0 {
            let _ = writeln!(out, "  failures to enrol: {}", samples.failures_to_enrol);
        }
        if let Some(eer) = &self.eer_interval {
            let d_prime = self.d_prime.map_or(String::new(), |d| format!("   d' {d:.2}"));
            let _ = writeln!(out, "  EER       {}{d_prime}", selected_text(eer));
        }
        self.points.iter().chain(&self.scheme).for_each(|point| point.write(&mut out));
        if let Some(security) = &self.security {
            let _ = writeln!(out, "  security   {}", security_text(security));
        }
        for r in &self.requirements {
            let _ = writeln!(out, "  {:<28} {}", r.name, verdict_text(r.verdict));
        }
        out
    }
}

fn check(mated: u64, non_mated: u64, samples: &SampleFigures) -> Result<(), Error> {
    let missing = match (mated, non_mated) {
        (0, 0) => "no comparison took place",
        (0, _) => "no mated comparison took place",
        (_, 0) => "no non-mated comparison took place",
        (_, _) => return Ok(()),
    };
    let failures: u64 = samples.failures_to_acquire.values().sum();
    let reasons: Vec<&str> = samples.failures_to_acquire.keys().map(String::as_str).collect();
    let why = match failures {
        0 => format!("{} references could not be enrolled", samples.failures_to_enrol),
        _ => format!("{failures} of {} samples were not acquired ({})", samples.images, reasons.join("; ")),
    };
    Err(Error::NotEnoughEvidence(format!("{missing}: {why}")))
}

impl PointRates {
    fn write(&self, out: &mut String) {
        let fnmr = match &self.fnmr_selected {
            Some(selected) => format!("{}, {}/{}", selected_text(selected), self.fnmr.count, self.fnmr.total),
            None => rate_with_method(&self.fnmr),
        };
        let _ = writeln!(out, "  {:<10} FNMR {fnmr}   FMR {}", self.name, rate_with_method(&self.fmr));
        if let Some(one_try) = &self.one_try {
            let (far, frr) = (selected_text(&one_try.far), selected_text(&one_try.frr));
            let _ = writeln!(out, "  {:<10} FRR of one try {frr}   FAR of one try {far}", "");
        }
    }
}

/// Whether a scheme's scores order payloads, or only say equal or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HasScore {
    /// The scores order payloads.
    Yes,
    /// The scores distinguish only equal from unequal.
    No,
}

/// Writes a verdict, with what would be enough.
pub fn verdict_text(verdict: Conformance) -> String {
    match verdict {
        Conformance::Met => "met".into(),
        Conformance::NotMet => "not met".into(),
        Conformance::NotEnoughEvidence { needed: Some(needed) } => {
            format!("not enough evidence: {} would be enough at this rate", needed_text(needed))
        }
        Conformance::NotEnoughEvidence { needed: None } => "not enough evidence".into(),
    }
}

fn points(scores: &SubjectScores) -> Vec<PointRates> {
    let stated = POINTS.iter().filter_map(|&(name, fmr)| Some((name, fmr, scores.fnmr_at(fmr)?)));
    let mut named: Vec<(&str, f32, Option<Selected>)> =
        stated.map(|(name, fmr, selected)| (name, scores.set().lowest_fnmr(fmr).threshold, Some(selected))).collect();
    named.push(("ZeroFMR", scores.set().lowest_fnmr(0.0).threshold, None));
    let thresholds: Vec<f32> = named.iter().map(|point| point.1).collect();
    let point = |((name, threshold, fnmr_selected), rates): ((&str, f32, Option<Selected>), _)| {
        let biopay_reports::curve::PointRates { fmr, fnmr, .. } = rates;
        // Where every comparison may match there is no threshold.
        let threshold = Some(threshold).filter(|t| t.is_finite() && *t > f32::MIN);
        PointRates { name: name.to_owned(), threshold, fmr, fnmr, fnmr_selected, one_try: None }
    };
    named.into_iter().zip(scores.rates(&thresholds)).map(point).collect()
}

/// Returns the rates as the scheme itself decided. Where errors are few, those at other thresholds show how alike they are,
/// for a scheme that has any.
fn decided(name: &str, file: &CountsFile, scores: Option<&SubjectScores>) -> PointRates {
    let mut mated = MatedErrors::default();
    for (subject, _, comparisons, accepted) in file.counts.mated() {
        mated.add_counts(subject, comparisons - accepted, comparisons);
    }
    let fmr = false_matches(file, scores.and_then(SubjectScores::fmr_dependence));
    let fnmr = mated.rate_with(scores.and_then(SubjectScores::fnmr_dependence));
    PointRates { name: name.to_owned(), threshold: None, fmr, fnmr, fnmr_selected: None, one_try: None }
}

fn false_matches(file: &CountsFile, least: Option<Dependence>) -> Rate {
    let (errors, pairs) = file.counts.false_accepts();
    let mut counted = NonMatedErrors::with_design(file.design().clone());
    let Some(pairs) = pairs else { return counted.rate_of(errors, least) };
    pairs.iter().for_each(|&(a, b)| counted.add_error(a, b));
    counted.rate_with(least)
}

fn requirement(r: &Requirement, decided: Option<&PointRates>, scores: &SubjectScores) -> RequirementFigure {
    let judged = |verdict| RequirementFigure { name: r.name, source: r.source, verdict };
    if let Some(point) = decided {
        return judged(r.verdict(&point.fmr, &point.fnmr));
    }
    match scores.within(r.false_match_max) {
        Some(point) => judged(r.verdict(&point.fmr, &point.fnmr)),
        None => {
            let strictest = scores.rates(&[f32::INFINITY])[0].fmr;
            judged(against(&strictest, r.false_match_max))
        }
    }
}
