//! The survey: all schemes on the same samples.

use super::counts_file::CountsFile;
use super::counts_file::SampleFigures;
use super::engine::{Engine, Outputs, evaluate};
use super::exhaustive::Exhaustive;
use super::figures::{Figures, HasScore};
use super::helper_only;
use super::linkage::{self, Attacker};
use super::low_fmr::at_targets;
use super::sample_set::Half;
use super::scheme_row::SchemeRow;
use super::scorer::{SchemeScorer, Scorer, comparator, device_token};
use super::source::{SampleSource, synthesise};
use super::symbol_cost::SymbolCosts;
use super::weakness::weaknesses;
use super::{Comparator, ComparisonPlan, Method, Protocol, SampleSet, SchemeChoice, TokenCondition, committed_bits};
use crate::Error;
use crate::modality::ModalityId;
use crate::progress::Stage;
use crate::tuning::{TuningPlan, choose_on};
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{ComparisonKind, Scheme, SchemeId, SchemeParameters, TokenUse, build};
use biopay_datasets::stream::stream;
use biopay_reports::security::EffectiveSecurity;
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use rand::Rng;
use serde::Serialize;

/// The options of a survey.
#[derive(Clone, Debug)]
pub struct SurveyOptions {
    /// The parameters of all schemes; `None` takes the modality's defaults.
    pub parameters: Option<SchemeParameters>,
    /// The false match rate for which each scheme's parameters are chosen on half of the subjects; all rates are then
    /// stated on the other half. `None` takes the parameters as they are, on all subjects.
    pub target_fmr: Option<f64>,
    /// Samples that a reference is enrolled from.
    pub enrolled: usize,
    /// The seed of samples, enrolments and tokens.
    pub seed: u64,
}

/// One modality's table.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// The modality's name.
    pub modality: &'static str,
    /// The source of the samples.
    pub source: String,
    /// Whether the samples were made from a seed.
    pub is_synthetic: bool,
    /// The samples that were compared.
    pub samples: SampleFigures,
    /// Samples that a reference was enrolled from.
    pub enrolled_from: usize,
    /// The unprotected template on the same samples: every pair by cosine.
    pub unprotected: Figures,
    /// One row for each scheme.
    pub schemes: Vec<SchemeRow>,
    /// Schemes left out, each with the reason.
    pub left_out: LeftOut,
}

/// Of a costly scheme's non-mated comparisons one in so many is made.
const COSTLY_EVERY: usize = 20;
/// The number of derivations that are timed.
const TIMED: usize = 200;
/// The number of times that each of their payloads is verified.
const VERIFIED: usize = 5;

/// Compares all schemes on the source's samples, or on synthetic ones if it has none.
///
/// # Errors
///
/// [`Error::File`]; samples that give no rate; parameters out of range.
pub fn survey(
    modality: ModalityId,
    source: &SampleSource,
    options: &SurveyOptions,
    symbols: &mut SymbolCosts,
) -> Result<Survey, Error> {
    let set = if source.is_given() {
        source.load(modality, &Method::Comparator(Comparator::FixedLengthBinary))?
    } else {
        synthesise(modality, &source.synthetic(options.seed), source.extractor.clone())?
    };
    let parameters = options.parameters.clone().unwrap_or_else(|| (modality.definition().usual_parameters)());
    let (ids, mut left_out) = fitting(&set, &parameters)?;
    let chosen = choose(&set, &ids, &parameters, options)?;
    let set = if options.target_fmr.is_some() { set.half(Half::Odd)? } else { set };
    let plan = ComparisonPlan::enrolled(&set, options.enrolled)?;
    let mut schemes = Vec::new();
    for (id, chosen) in ids.into_iter().zip(chosen) {
        match scheme_row((modality, &set, &plan), id, &chosen, options, symbols) {
            Ok(row) => schemes.push(row),
            // One scheme that serves nobody here does not take the other rows away.
            Err(Error::NotEnoughEvidence(why)) => left_out.push((id.name(), why)),
            Err(other) => return Err(other),
        }
    }
    if schemes.is_empty() {
        let why = left_out.into_iter().map(|(scheme, why)| format!("{scheme}: {why}")).collect::<Vec<_>>();
        return Err(Error::NotEnoughEvidence(why.join("; ")));
    }
    Ok(Survey {
        modality: modality.name(),
        source: source.title(modality),
        is_synthetic: !source.is_given(),
        samples: SampleFigures::of(&set, 0),
        enrolled_from: options.enrolled,
        unprotected: unprotected(&set)?,
        left_out,
        schemes,
    })
}

/// One scheme's parameters, and their name if they were tuned.
type Chosen = (SchemeParameters, Option<String>);

/// Schemes left out, each with the reason.
type LeftOut = Vec<(&'static str, String)>;

/// Lists the schemes that the samples serve, and those left out.
fn fitting(set: &SampleSet, parameters: &SchemeParameters) -> Result<(Vec<SchemeId>, LeftOut), Error> {
    let example = set.fixed_length()?.iter().flatten().next();
    let (mut ids, mut left_out) = (Vec::new(), Vec::new());
    for id in parameters.ids() {
        match example.map(|template| build(id, parameters).map(|scheme| scheme.lacks(template))).transpose()?.flatten()
        {
            Some(lacking) => left_out.push((id.name(), format!("these samples have no {lacking}"))),
            None => ids.push(id),
        }
    }
    Ok((ids, left_out))
}

/// Chooses every scheme's parameters on one half of the subjects, if there is a target.
fn choose(
    set: &SampleSet,
    ids: &[SchemeId],
    base: &SchemeParameters,
    options: &SurveyOptions,
) -> Result<Vec<Chosen>, Error> {
    let Some(target_fmr) = options.target_fmr else {
        return Ok(ids.iter().map(|_| (base.clone(), None)).collect());
    };
    let tuning = set.half(Half::Even)?.by_subject()?;
    let stage = Stage::new("tuning schemes", ids.len() as u64);
    let one = |scheme: SchemeId| {
        let enrolment_captures = options.enrolled;
        let plan = TuningPlan { scheme, target_fmr, enrolment_captures, seed: options.seed, base: base.clone() };
        let chosen = match choose_on(&plan, &tuning) {
            Ok(candidate) => (candidate.parameters, Some(candidate.name)),
            // Nothing reaches the target: the row says so, with the defaults' rates.
            Err(Error::Usage(_)) => (base.clone(), None),
            Err(other) => return Err(other),
        };
        stage.add(1);
        Ok(chosen)
    };
    ids.iter().copied().map(one).collect()
}

fn scheme_row(
    (modality, set, plan): (ModalityId, &SampleSet, &ComparisonPlan),
    id: SchemeId,
    (parameters, tuned): &Chosen,
    options: &SurveyOptions,
    symbols: &mut SymbolCosts,
) -> Result<SchemeRow, Error> {
    let choice = |token| SchemeChoice { id, parameters: parameters.clone(), token, seed: options.seed };
    let (stolen, own) = (choice(TokenCondition::Stolen), choice(TokenCondition::Own));
    let thinned = build(id, parameters)?.is_costly().then(|| plan.thinned(COSTLY_EVERY));
    let plan = thinned.as_ref().unwrap_or(plan);
    let scorer = SchemeScorer::new(set, plan, &stolen)?;
    let scheme = scorer.scheme();
    let keyed = scheme.token_use() == TokenUse::Keys;
    let figures = rates(set, plan, &scorer, id)?;
    let own_token = if keyed { rates(set, plan, &SchemeScorer::new(set, plan, &own)?, id)?.scheme } else { None };
    let stolen_token = figures.scheme.expect("a scheme was evaluated");
    let mut row = SchemeRow {
        scheme: id.name(),
        tuned: tuned.clone(),
        comparison: scheme.comparison(),
        at_fmr: at_targets(scheme.comparison(), &figures.points, &stolen_token, figures.strictest_fmr.as_ref()),
        is_revocable: is_revocable(set, scheme, options.seed)?,
        security: EffectiveSecurity::new(scheme.key_bits(), &stolen_token.fmr, committed_bits(scheme, set.people()?)),
        eer: figures.eer,
        key_bits: scheme.key_bits(),
        unlinkability_naive: linkage::measure(set, &own, Attacker::Naive)?,
        unlinkability_unknown_token: linkage::measure(set, &own, Attacker::General)?,
        unlinkability_stolen_token: if keyed { linkage::measure(set, &own, Attacker::FullDisclosure)? } else { None },
        helper_only: helper_only::measure(set, modality, &stolen)?,
        payload_bytes: scorer.payload_bytes(),
        symbol: symbols.of(scorer.payload_bytes())?,
        derivation_ms: derivation_ms(plan, &scorer),
        verification_us: verification_us(plan, &scorer),
        failures_to_enrol: scorer.failures_to_enrol(),
        stolen_token,
        own_token,
        fails_at: Vec::new(),
    };
    row.fails_at = weaknesses(&row);
    Ok(row)
}

/// Enrols one subject twice from the same sample, and returns whether the second record refuses the first payload.
fn is_revocable(set: &SampleSet, scheme: &dyn Scheme, seed: u64) -> Result<bool, Error> {
    let mut rng = stream(seed, "evaluation/revocation", 0);
    let token = device_token(seed, 0);
    let enrols =
        |template: &Template, rng: &mut dyn Rng| scheme.enrol(std::slice::from_ref(template), Some(&token), rng).ok();
    for template in set.fixed_length()?.iter().flatten() {
        let Some((old, new)) = enrols(template, &mut rng).zip(enrols(template, &mut rng)) else { continue };
        return Ok(!scheme.verify(&scheme.record(&new.payload)?, &old.payload).accepted);
    }
    Ok(true)
}

fn rates(set: &SampleSet, plan: &ComparisonPlan, scorer: &SchemeScorer<'_>, id: SchemeId) -> Result<Figures, Error> {
    let file = evaluate(set, plan, &Engine::ByReference(scorer), id.name(), &Outputs::default())?;
    let has_score = match scorer.scheme().comparison() {
        ComparisonKind::Equality => HasScore::No,
        ComparisonKind::Threshold(_) => HasScore::Yes,
    };
    Figures::new(&file, SampleFigures::of(set, scorer.failures_to_enrol()), Some((id.name(), has_score)))
}

fn unprotected(set: &SampleSet) -> Result<Figures, Error> {
    let file = exhaustive(set, Comparator::FixedLength)?;
    Figures::new(&file, SampleFigures::of(set, 0), None)
}

fn exhaustive(set: &SampleSet, kind: Comparator) -> Result<CountsFile, Error> {
    let plan = ComparisonPlan::samples(set, Protocol::All);
    if !Exhaustive::takes(set, kind) {
        let scorer = comparator(set, kind)?;
        return evaluate(set, &plan, &Engine::ByReference(scorer.as_ref()), "", &Outputs::default());
    }
    let engine = Engine::Exhaustive(Exhaustive::new(set, kind)?);
    evaluate(set, &plan, &engine, "", &Outputs::default())
}

/// Lists the comparisons that are timed.
fn timed(plan: &ComparisonPlan) -> impl Iterator<Item = (usize, usize)> {
    let references = plan.references().len();
    (0..TIMED).map(move |i| {
        let probes = plan.probes(i % references);
        (i % references, probes[i % probes.len()] as usize)
    })
}

/// Times derivations and verifications one after the other. Units: milliseconds.
fn derivation_ms(plan: &ComparisonPlan, scorer: &SchemeScorer<'_>) -> f64 {
    let clock = SystemClock::new();
    for (reference, probe) in timed(plan) {
        std::hint::black_box(scorer.compare(reference, probe));
    }
    clock.elapsed().as_secs_f64() * 1e3 / TIMED as f64
}

/// Times verifications of payloads that were derived before, as the server does them. Units: microseconds.
fn verification_us(plan: &ComparisonPlan, scorer: &SchemeScorer<'_>) -> Option<f64> {
    let presented: Vec<_> = timed(plan).filter_map(|(reference, probe)| scorer.presented(reference, probe)).collect();
    let clock = SystemClock::new();
    for _ in 0..VERIFIED {
        for (record, payload) in &presented {
            std::hint::black_box(scorer.scheme().verify(record, payload));
        }
    }
    let count = VERIFIED * presented.len();
    (count > 0).then(|| clock.elapsed().as_secs_f64() * 1e6 / count as f64)
}
