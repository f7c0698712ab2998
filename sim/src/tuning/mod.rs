//! Scheme parameters for a target false match rate: chosen on one part of the subjects, stated on the other.
//!
//! ```text
//! subjects ─split by seed─► tuning part ─► candidates ─► the lowest FNMR with FMR at most the target ─┐
//!                      └──► stating part ◄──────────────── measured once, with intervals ─────────────┘
//! ```

mod measure;
mod subjects;

pub use measure::{PartRates, Scores, measure};
pub use subjects::{Subject, split};

use crate::Error;
use biopay_biometrics::scheme::{ComparisonKind, SchemeId, SchemeParameters, build};

/// The scheme to tune, and the target.
#[derive(Clone, Debug)]
pub struct TuningPlan {
    /// The scheme.
    pub scheme: SchemeId,
    /// The false match rate per comparison to stay at or below.
    pub target_fmr: f64,
    /// The number of captures for an enrolment.
    pub enrolment_captures: usize,
    /// The seed of enrolments and of the split.
    pub seed: u64,
    /// The parameters that are not tuned.
    pub base: SchemeParameters,
}

/// One choice of parameters, with its rates on the tuning part.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The difference from other candidates.
    pub name: String,
    /// The parameters.
    pub parameters: SchemeParameters,
    /// Its rates on the tuning part.
    pub rates: PartRates,
}

/// The result of tuning.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// Every candidate, from the most to the least permissive.
    pub candidates: Vec<Candidate>,
    /// The index of the chosen candidate.
    pub chosen: usize,
    /// The rates of the chosen candidate on subjects who had no part in the choice.
    pub stated: PartRates,
}

impl Tuned {
    /// Returns the chosen candidate.
    pub fn best(&self) -> &Candidate {
        &self.candidates[self.chosen]
    }

    /// Writes the scheme's parameters as a part of a scenario.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if they cannot be written as TOML.
    pub fn to_toml(&self, scheme: SchemeId) -> Result<String, Error> {
        let unwritable = |e: toml::ser::Error| Error::Usage(e.to_string());
        let mut all = toml::Table::try_from(&self.best().parameters).map_err(unwritable)?;
        let own: toml::Table = SchemeParameters::keys(scheme)
            .into_iter()
            .filter_map(|key| all.remove(&key).map(|value| (key, value)))
            .collect();
        let parameters = toml::Table::from_iter([("parameters".to_owned(), own.into())]);
        toml::to_string(&toml::Table::from_iter([("schemes".to_owned(), parameters.into())])).map_err(unwritable)
    }
}

/// Chooses the parameters on the tuning part and states their rates on the other.
///
/// # Errors
///
/// [`Error::Usage`] if no candidate stays at or below the target, or a part is too small.
pub fn tune(plan: &TuningPlan, tuning: &[Subject], stating: &[Subject]) -> Result<Tuned, Error> {
    let (candidates, chosen) = candidates_on(plan, tuning)?;
    let scheme = build(plan.scheme, &candidates[chosen].parameters)?;
    let scores = measure(scheme.as_ref(), stating, plan.enrolment_captures, plan.seed)?;
    let stated = scores.rates(threshold_of(scheme.comparison()));
    Ok(Tuned { candidates, chosen, stated })
}

/// Chooses the parameters on the tuning part; the caller states the rates on other subjects.
///
/// # Errors
///
/// Those of [`tune`].
pub fn choose_on(plan: &TuningPlan, tuning: &[Subject]) -> Result<Candidate, Error> {
    let (mut candidates, chosen) = candidates_on(plan, tuning)?;
    Ok(candidates.swap_remove(chosen))
}

/// Measures every candidate, and finds the one with the lowest FNMR within the target.
fn candidates_on(plan: &TuningPlan, tuning: &[Subject]) -> Result<(Vec<Candidate>, usize), Error> {
    let scheme = build(plan.scheme, &plan.base)?;
    let example = tuning.iter().flat_map(|subject| &subject.templates).flatten().next();
    if let Some(lacking) = example.and_then(|template| scheme.lacks(template)) {
        return Err(Error::Usage(format!("{} needs {lacking}, which these samples lack", plan.scheme.name())));
    }
    let candidates = match scheme.comparison() {
        ComparisonKind::Threshold(_) => vec![by_threshold(plan, tuning)?],
        ComparisonKind::Equality => by_parameters(plan, tuning)?,
    };
    let within = |c: &Candidate| c.rates.fmr.value().is_some_and(|fmr| fmr <= plan.target_fmr);
    let fnmr = |i: &usize| candidates[*i].rates.fnmr.value().unwrap_or(1.0);
    // Of equals the last one, which has the longest key.
    let chosen =
        (0..candidates.len()).rev().filter(|&i| within(&candidates[i])).min_by(|a, b| fnmr(a).total_cmp(&fnmr(b)));
    let chosen = chosen.ok_or_else(|| {
        let name = plan.scheme.name();
        Error::Usage(format!("no parameters of {name} bring the FMR down to {} on these samples", plan.target_fmr))
    })?;
    Ok((candidates, chosen))
}

/// Scores once and takes the least threshold with no more false matches than the target allows.
fn by_threshold(plan: &TuningPlan, tuning: &[Subject]) -> Result<Candidate, Error> {
    let scheme = build(plan.scheme, &plan.base)?;
    let scores = measure(scheme.as_ref(), tuning, plan.enrolment_captures, plan.seed)?;
    let threshold = scores.threshold_for(plan.target_fmr);
    let mut parameters = plan.base.clone();
    let threshold = parameters
        .set_threshold(plan.scheme, threshold)
        .ok_or_else(|| Error::Usage(format!("{} has no threshold", plan.scheme.name())))?;
    Ok(Candidate { name: format!("threshold {threshold:.4}"), parameters, rates: scores.rates(threshold) })
}

fn by_parameters(plan: &TuningPlan, tuning: &[Subject]) -> Result<Vec<Candidate>, Error> {
    let one = |(name, parameters): (String, SchemeParameters)| {
        let scheme = build(plan.scheme, &parameters)?;
        let scores = measure(scheme.as_ref(), tuning, plan.enrolment_captures, plan.seed)?;
        Ok(Candidate { name, parameters, rates: scores.rates(measure::ACCEPTED) })
    };
    plan.base.candidates(plan.scheme).into_iter().map(one).collect()
}

fn threshold_of(comparison: ComparisonKind) -> f32 {
    match comparison {
        ComparisonKind::Threshold(threshold) => threshold,
        ComparisonKind::Equality => measure::ACCEPTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biopay_biometrics::Template;
    use biopay_datasets::stream::stream;
    use rand::RngExt;

    /// Subjects with vectors of their own, captured with noise; every ninth capture is not acquired.
    fn subjects(count: u64) -> Vec<Subject> {
        let subject = |s: u64| {
            let mut own = stream(s, "test/own", 0);
            let centre: Vec<f32> = (0..128).map(|_| own.random_range(-1.0f32..1.0)).collect();
            let capture = |n: u64| {
                let mut noise = stream(s, "test/noise", n);
                let vector = centre.iter().map(|c| c + 0.6 * noise.random_range(-1.0f32..1.0)).collect();
                (!(s + n).is_multiple_of(9)).then(|| Template::from_embedding(vector, 1_024))
            };
            Subject { templates: (0..6).map(capture).collect() }
        };
        (0..count).map(subject).collect()
    }

    #[test]
    fn every_scheme_is_tuned_to_its_target_and_its_parameters_load_into_a_scenario() {
        let (tuning, stating) = split(subjects(24), 1);
        assert_eq!((tuning.len(), stating.len()), (12, 12));
        for scheme in SchemeId::ALL {
            let plan = TuningPlan {
                scheme,
                target_fmr: 1e-2,
                enrolment_captures: 2,
                seed: 1,
                base: SchemeParameters::default(),
            };
            let tuned = tune(&plan, &tuning, &stating);
            if scheme == SchemeId::MinutiaeVault {
                // These samples are vectors.
                assert!(tuned.is_err_and(|error| error.to_string().contains("needs minutiae")));
                continue;
            }
            let tuned = tuned.unwrap();
            assert!(tuned.best().rates.fmr.value().unwrap() <= 1e-2, "{}", scheme.name());
            assert!(tuned.stated.failures_to_acquire > 0 && tuned.stated.fmr.total > 100);
            let text = tuned.to_toml(scheme).unwrap();
            let loaded: crate::Scenario = toml::from_str(&text).unwrap();
            assert_eq!(loaded.schemes.parameters, tuned.best().parameters, "{text}");
        }
    }

    #[test]
    fn a_target_that_nothing_meets_is_refused() {
        // Everybody has the same finger.
        let same: Vec<Subject> = (0..8).map(|_| subjects(1).remove(0)).collect();
        let base = SchemeParameters::default();
        let plan =
            TuningPlan { scheme: SchemeId::FuzzyCommitment, target_fmr: 0.1, enrolment_captures: 2, seed: 1, base };
        assert!(matches!(tune(&plan, &same[..4], &same[4..]), Err(Error::Usage(_))));
    }
}
