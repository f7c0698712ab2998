//! Hill climbing on a score or a decision.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::definition::{Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use crate::attack::findings::{Figure, Findings};
use crate::attack::offline_system::{OfflineSystem, mean};
use crate::scenario::Configuration;
use biopay_biometrics::QrPayload;
use biopay_biometrics::attack::hill_climbing::expected_queries;
use biopay_biometrics::attack::{Leak, PayloadClimber, Stolen, Strategy, TemplateClimber, TemplateModel, Trial, drive};
use biopay_biometrics::scheme::{ComparisonKind, Scheme, build};
use std::sync::Arc;

/// The greatest number of queries to an equality scheme: each derives, and there is no score to follow.
const BUDGET_OF_EQUALITY: u64 = 20;
/// The number of targets attacked in an equality scheme: a failed derivation costs the attacker no query, but time.
const TARGETS_OF_EQUALITY: usize = 4;

/// Hill climbing on what a scheme's verdicts leak.
pub(in crate::attack) const SCORE_CLIMBING: Attack = Attack {
    description: Description {
        knowledge: "accept or reject; the score in the control",
        targets: 10,
        budget: 4_000,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "ISO/IEC 19792:2009: no score for an attacker to climb on",
            max: RESISTED,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(climbing),
};

/// Climbs towards each scheme's reference: from accept or reject alone or, in the control, from the score.
fn climbing(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let parameters = system.parameters();
    let leak = match system.setup.configuration {
        Configuration::Control => Leak::Score,
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => Leak::Decision,
    };
    let strangers = system.strangers(1);
    if strangers.is_empty() {
        return Ok(Findings::default());
    }
    let people = Arc::new(TemplateModel::new(&strangers));
    system.each_scheme(&parameters, |scheme| {
        let Some(own) = system.attackers_own(scheme) else { return Ok(Findings::default()) };
        let is_threshold = matches!(scheme.comparison(), ComparisonKind::Threshold(_));
        let budget = if is_threshold { system.setup.budget } else { BUDGET_OF_EQUALITY };
        let mut trials = Vec::new();
        let targets = if is_threshold { usize::MAX } else { TARGETS_OF_EQUALITY };
        for person in system.people().into_iter().take(targets) {
            let Some(target) = system.enrol(scheme, person.subject, person.references, 0) else { continue };
            let rng = system.rng(scheme.id().name(), person.subject);
            let mut strategy: Box<dyn Strategy> = match is_threshold {
                true => Box::new(PayloadClimber::new(scheme, &own.enrolment.payload, rng)),
                false => {
                    let scheme: Arc<dyn Scheme> = build(scheme.id(), &parameters)?;
                    Box::new(TemplateClimber::new(scheme, Stolen::Both.factors(&target, &own), people.clone(), rng))
                }
            };
            let mut oracle = |payload: &_| leak.of(target.verify(scheme, payload));
            let (queries, succeeded) = drive(strategy.as_mut(), &mut oracle, budget);
            trials.push(Trial { target: person.subject, queries, succeeded, value: None });
        }
        Ok(rows(system, scheme, &trials, &own.enrolment.payload))
    })
}

fn rows(system: &OfflineSystem<'_>, scheme: &dyn Scheme, trials: &[Trial], payload: &QrPayload) -> Findings {
    let name = |trial: &Trial| if trial.succeeded { "accepted" } else { "given-up-or-spent" };
    let form = match system.setup.configuration {
        Configuration::Control => "on a leaked score",
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => "on accept or reject",
    };
    let id = scheme.id().name();
    let mut findings = system.setup.trials(form, id, trials.iter().map(|trial| system.trial(trial, name(trial))));
    let queries: Vec<f64> = trials.iter().filter(|t| t.succeeded).map(|t| t.queries as f64).collect();
    if let Some((value, interval)) = mean(&queries) {
        let figure = Figure {
            measure: "queries to first acceptance",
            value,
            interval: Some(interval),
            count: queries.len() as u64,
            // What theory says is of a score that leaks, which only the control's does.
            expected: (system.setup.configuration == Configuration::Control).then(|| theory(scheme, payload)).flatten(),
        };
        findings.extend(system.setup.figure(form, id, figure));
    }
    findings
}

/// Returns the expected number of queries for climbing bit by bit, where a payload consists of bits.
fn theory(scheme: &dyn Scheme, payload: &QrPayload) -> Option<(f64, &'static str)> {
    let (Some(symbols), ComparisonKind::Threshold(threshold)) = (scheme.symbols(payload), scheme.comparison()) else {
        return None;
    };
    let expected = || f64::from(expected_queries(symbols.count, symbols.values, threshold));
    (symbols.values == 2).then(|| (expected(), "2 (t - 1/2) n wrong bits, each met once"))
}
