//! The error rates when the attacker has stolen the token, the helper data or both.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::definition::{Description, one_defence, unchanged};
use crate::attack::findings::{Figure, Findings};
use crate::attack::offline_system::OfflineSystem;
use biopay_biometrics::Template;
use biopay_biometrics::attack::stolen_factor::verdicts;
use biopay_biometrics::attack::{Stolen, Target};
use biopay_biometrics::scheme::Scheme;
use biopay_reports::interval::Rate;
use biopay_reports::rates::ScoreSet;

/// The attack `stolen-factors`.
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
    let of = |measure, errors: u64, total: u64| {
        let rate = Rate::independent(errors, total);
        Figure {
            measure,
            value: errors as f64 / total.max(1) as f64,
            interval: rate.interval().map(|i| (i.lower, i.upper)),
            count: total,
            expected: None,
        }
    };
    let accepted = found.non_mated.iter().filter(|verdict| verdict.accepted).count() as u64;
    let mut findings = system.setup.figure(&form, id, of("FMR", accepted, found.non_mated.len() as u64));
    let refused = found.mated.iter().filter(|verdict| !verdict.accepted).count() as u64;
    findings.extend(system.setup.figure(&form, id, of("FNMR", refused, found.mated.len() as u64)));
    let (mated, non_mated) = found.scores();
    if mated.iter().chain(&non_mated).any(|score| score.is_finite()) {
        let count = (mated.len() + non_mated.len()) as u64;
        let value = ScoreSet::new(mated, non_mated).equal_error_rate();
        let figure = Figure { measure: "EER", value, interval: None, count, expected: None };
        findings.extend(system.setup.figure(&form, id, figure));
    }
    findings
}
