//! Hill climbing on a score.

use super::{Bench, mean};
use crate::Error;
use crate::attack::Configuration;
use crate::attack::findings::{Figure, Findings};
use biopay_biometrics::attack::hill_climbing::expected_queries;
use biopay_biometrics::attack::{Leak, PayloadClimber, Population, Stolen, Strategy, TemplateClimber, Trial, drive};
use biopay_biometrics::scheme::{ComparisonKind, Scheme, SchemeId, build};
use std::sync::Arc;

/// What an equality scheme is asked at most: each query derives, and there is no score to follow.
const BUDGET_OF_EQUALITY: u64 = 20;
/// How many of its targets are attacked: what fails to derive costs the attacker no query, but time.
const TARGETS_OF_EQUALITY: usize = 4;

/// Climbs at each scheme on what its verdicts leak: nothing but accept or reject, or, in the control, the score.
pub fn climbing(bench: &Bench<'_>) -> Result<Findings, Error> {
    let parameters = bench.parameters();
    let leak = match bench.setup.configuration {
        Configuration::Control => Leak::Score,
        _ => Leak::Decision,
    };
    let strangers = bench.strangers(1);
    if strangers.is_empty() {
        return Ok(Findings::default());
    }
    let people = Arc::new(Population::new(&strangers));
    bench.each_scheme(&parameters, |scheme| {
        let Some(own) = bench.attackers_own(scheme) else { return Ok(Findings::default()) };
        let is_threshold = matches!(scheme.comparison(), ComparisonKind::Threshold(_));
        let budget = if is_threshold { bench.setup.plan.budget() } else { BUDGET_OF_EQUALITY };
        let mut trials = Vec::new();
        let targets = if is_threshold { usize::MAX } else { TARGETS_OF_EQUALITY };
        for person in bench.people().into_iter().take(targets) {
            let Some(target) = bench.enrol(scheme, person.subject, person.references, 0) else { continue };
            let rng = bench.rng(scheme.id().name(), person.subject);
            let mut strategy: Box<dyn Strategy> = match is_threshold {
                true => Box::new(PayloadClimber::new(&own.enrolment.payload, rng)),
                false => {
                    let scheme: Arc<dyn Scheme> = build(scheme.id(), &parameters)?.into();
                    Box::new(TemplateClimber::new(scheme, Stolen::Both.factors(&target, &own), people.clone(), rng))
                }
            };
            let mut oracle = |payload: &_| leak.of(target.verify(scheme, payload));
            let (queries, succeeded) = drive(strategy.as_mut(), &mut oracle, budget);
            trials.push(Trial { target: person.subject, queries, succeeded, value: None });
        }
        Ok(rows(bench, scheme, &trials, own.enrolment.payload.body.as_slice()))
    })
}

fn rows(bench: &Bench<'_>, scheme: &dyn Scheme, trials: &[Trial], body: &[u8]) -> Findings {
    let name = |trial: &Trial| if trial.succeeded { "accepted" } else { "given-up-or-spent" };
    let form = match bench.setup.configuration {
        Configuration::Control => "on a leaked score",
        _ => "on accept or reject",
    };
    let id = scheme.id().name();
    let mut findings = bench.setup.trials(form, id, trials.iter().map(|trial| bench.trial(trial, name(trial))));
    let queries: Vec<f64> = trials.iter().filter(|t| t.succeeded).map(|t| t.queries as f64).collect();
    if let Some((value, interval)) = mean(&queries) {
        let figure = Figure {
            measure: "queries to first acceptance",
            value,
            interval: Some(interval),
            count: queries.len() as u64,
            expected: theory(scheme, body),
        };
        findings.extend(bench.setup.figure(form, id, figure));
    }
    findings
}

/// What climbing bit by bit takes where a payload is bits.
fn theory(scheme: &dyn Scheme, body: &[u8]) -> Option<(f64, &'static str)> {
    let (SchemeId::Template | SchemeId::BioHash, ComparisonKind::Threshold(threshold)) =
        (scheme.id(), scheme.comparison())
    else {
        return None;
    };
    let bits = u16::from_le_bytes([*body.first()?, *body.get(1)?]);
    Some((f64::from(expected_queries(usize::from(bits), 2, threshold)), "2 (t - 1/2) n wrong bits, each met once"))
}
