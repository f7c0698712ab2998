//! The error rates when the attacker has stolen the token, the helper data or both.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::definition::{Description, Elsewhere, one_defence, unchanged};
use crate::attack::findings::{Figure, Findings};
use crate::attack::offline_system::OfflineSystem;
use biopay_biometrics::Template;
use biopay_biometrics::attack::stolen_factor::verdicts;
use biopay_biometrics::attack::{Stolen, Target};
use biopay_biometrics::scheme::{ComparisonDecision, Scheme};
use biopay_reports::cluster::{Design, MatedErrors, NonMatedErrors};
use biopay_reports::curve::SubjectScores;
use biopay_reports::interval::Rate;
use biopay_reports::rates::ScoreSet;
use std::collections::BTreeMap;

/// The error rates again, with token, helper data or both stolen beside the finger.
pub(in crate::attack) const STOLEN_FACTORS: Attack = Attack {
    description: Description {
        knowledge: "a part of: the finger of another, the device token, the helper data",
        targets: 20,
        budget: 1,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: None,
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(stolen_factors),
};

/// Presents every subject's probe to every enrolment, with nothing, the token, the helper data or both of the target,
/// and returns the false match rate at the scheme's threshold and, for schemes with scores, the equal error rate.
fn stolen_factors(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    system.each_scheme(&system.parameters(), |scheme| {
        let people = system.people();
        let enrolled = people
            .iter()
            .filter_map(|p| Some((system.enrol(scheme, p.subject, p.references, 0)?, vec![p.probe.clone()])));
        let (targets, probes): (Vec<Target>, Vec<Vec<Template>>) = enrolled.unzip();
        let mut findings = Findings::default();
        for stolen in Stolen::ALL {
            findings.extend(of_state(system, scheme, &targets, &probes, stolen));
        }
        Ok(findings)
    })
}

fn of_state(
    system: &OfflineSystem<'_>,
    scheme: &dyn Scheme,
    targets: &[Target],
    probes: &[Vec<Template>],
    stolen: Stolen,
) -> Findings {
    let (form, id) = (format!("stolen: {}", stolen.name()), scheme.id().name());
    let found = verdicts(scheme, targets, probes, stolen);
    // Whose presentation each verdict is of: every target's own probes, and the first probe of each other subject.
    let subject = |at: usize| targets[at].subject;
    let own = (0..targets.len()).flat_map(|i| probes[i].iter().map(move |_| subject(i)));
    let others = (0..targets.len()).flat_map(|i| {
        (0..targets.len()).filter(move |&j| j != i && !probes[j].is_empty()).map(move |j| (subject(i), subject(j)))
    });
    let mated: Vec<(u32, &ComparisonDecision)> = own.zip(&found.mated).collect();
    let non_mated: Vec<((u32, u32), &ComparisonDecision)> = others.zip(&found.non_mated).collect();
    let (mut false_rejects, mut false_accepts) = (MatedErrors::default(), NonMatedErrors::default());
    mated.iter().for_each(|(subject, verdict)| false_rejects.add(*subject, !verdict.accepted));
    non_mated.iter().for_each(|((a, b), verdict)| false_accepts.add(*a, *b, verdict.accepted));
    let mut findings = Findings::default();
    for (measure, rate) in [("FMR", false_accepts.rate()), ("FNMR", false_rejects.rate())] {
        findings
            .extend(figure_of(measure, &rate).map_or_else(Findings::default, |f| system.setup.figure(&form, id, f)));
    }
    if let Some(eer) = scores(&mated, &non_mated).and_then(|scores| scores.equal_error_rate()) {
        let (interval, count) = (Some((eer.lower95, eer.upper95)), (mated.len() + non_mated.len()) as u64);
        let figure = Figure { measure: "EER", value: eer.value, interval, count, expected: None };
        findings.extend(system.setup.figure(&form, id, figure));
    }
    findings
}

/// States a rate with its interval; `None` without trials.
fn figure_of(measure: &'static str, rate: &Rate) -> Option<Figure> {
    let interval = rate.interval().map(|i| (i.lower, i.upper));
    Some(Figure { measure, value: rate.value()?, interval, count: rate.total, expected: None })
}

/// Gathers the scores with their subjects; `None` for a scheme without scores.
fn scores(
    mated: &[(u32, &ComparisonDecision)],
    non_mated: &[((u32, u32), &ComparisonDecision)],
) -> Option<SubjectScores> {
    let score = |verdict: &ComparisonDecision| verdict.score.unwrap_or(f32::NEG_INFINITY);
    let own: Vec<(f32, u32, u64)> = mated.iter().map(|(subject, v)| (score(v), *subject, 1)).collect();
    let pair = |(a, b): (u32, u32)| (a.min(b), a.max(b));
    let others: Vec<(f32, (u32, u32))> = non_mated.iter().map(|(of, v)| (score(v), pair(*of))).collect();
    if !own.iter().map(|s| s.0).chain(others.iter().map(|s| s.0)).any(f32::is_finite) {
        return None;
    }
    let set = ScoreSet::new(own.iter().map(|s| s.0).collect(), others.iter().map(|s| s.0).collect());
    let mut trials: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    others.iter().for_each(|(_, pair)| *trials.entry(*pair).or_default() += 1);
    Some(SubjectScores::new(set, own, others, f32::NEG_INFINITY, Design::Listed(trials.into_iter().collect())))
}
