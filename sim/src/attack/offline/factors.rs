//! The error rates again, with what was stolen beside the finger.

use super::Bench;
use crate::Error;
use crate::attack::findings::{Figure, Findings};
use biopay_biometrics::Template;
use biopay_biometrics::attack::stolen_factor::verdicts;
use biopay_biometrics::attack::{Stolen, Target};
use biopay_biometrics::scheme::Scheme;
use biopay_reports::interval::Rate;
use biopay_reports::rates::ScoreSet;

/// Presents every subject's probe to every enrolment, with nothing, the token, the helper data or both of the target's,
/// and says the false match rate at the scheme's threshold and, where there are scores, the equal error rate.
pub fn stolen_factors(bench: &Bench<'_>) -> Result<Findings, Error> {
    bench.each_scheme(&bench.parameters(), |scheme| {
        let people = bench.people();
        let enrolled = people
            .iter()
            .filter_map(|p| Some((bench.enrol(scheme, p.subject, p.references, 0)?, vec![p.probe.clone()])));
        let (targets, probes): (Vec<Target>, Vec<Vec<Template>>) = enrolled.unzip();
        let mut findings = Findings::default();
        for stolen in Stolen::ALL {
            findings.extend(of_state(bench, scheme, &targets, &probes, stolen));
        }
        Ok(findings)
    })
}

fn of_state(
    bench: &Bench<'_>,
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
    let mut findings = bench.setup.figure(&form, id, of("FMR", accepted, found.non_mated.len() as u64));
    let refused = found.mated.iter().filter(|verdict| !verdict.accepted).count() as u64;
    findings.extend(bench.setup.figure(&form, id, of("FNMR", refused, found.mated.len() as u64)));
    let (mated, non_mated) = found.scores();
    if mated.iter().chain(&non_mated).any(|score| score.is_finite()) {
        let count = (mated.len() + non_mated.len()) as u64;
        let value = ScoreSet::new(mated, non_mated).equal_error_rate();
        let figure = Figure { measure: "EER", value, interval: None, count, expected: None };
        findings.extend(bench.setup.figure(&form, id, figure));
    }
    findings
}
