//! The comparison of all subjects with each other, off line: FMR and FNMR of the schemes that handsets and server use.

use crate::Error;
use crate::parts::Parts;
use crate::people::population::{Owner, Population};
use crate::people::sensors::{CaptureKey, Captured};
use biopay_biometrics::scheme::{HelperData, Scheme, SchemeId, ServerRecord};
use biopay_reports::records::{Comparison, FAILURE_TO_ACQUIRE};
use rayon::prelude::*;

/// Compares probes with every enrolment of the shard among the first `subjects` owners, for every scheme in use. A
/// failure becomes a row with its reason.
///
/// Calls `progress` after each reference. Mated comparisons use all probes, non-mated ones each subject's first probe
/// on each sensor. The rows have the order of scheme, reference and probe.
pub(super) fn all_pairs(
    population: &Population,
    schemes: &[SchemeId],
    probes: &[CaptureKey],
    subjects: u32,
    parts: &Parts,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Comparison>, Error> {
    let made = |&key: &CaptureKey| Some((key, population.sensors.find(key)?));
    let probes: Vec<(CaptureKey, &Captured)> = probes.iter().filter_map(made).collect();
    let firsts = first_on_each_sensor(&probes);
    let mut rows = Vec::new();
    for &id in schemes {
        let scheme = population.registry.scheme(id);
        let references: Vec<_> =
            population.owners.range(..subjects).filter_map(|(_, o)| reference(o, scheme)).collect();
        let of_one = |reference: &Reference<'_>| {
            let mated = probes.iter().filter(|(key, _)| key.subject == reference.subject);
            let non_mated = firsts.iter().filter(|(key, _)| key.subject != reference.subject);
            let rows: Vec<_> = mated.chain(non_mated).map(|p| compare(population, scheme, reference, p)).collect();
            progress(1);
            rows
        };
        for (number, block) in references.chunks(BLOCK * rayon::current_num_threads()).enumerate() {
            let name = format!("comparisons-{}-{number}-of-{}", id.name(), block.len());
            let compared = || Ok(block.par_iter().map(of_one).collect::<Vec<_>>().concat());
            rows.extend(parts.find_or_make(&name, |_| true, compared)?);
        }
    }
    Ok(rows)
}

/// The references of one part of a run for each thread.
const BLOCK: usize = 64;

struct Reference<'a> {
    subject: u32,
    helper: &'a HelperData,
    record: ServerRecord,
}

/// Makes the server's record of an enrolment, as registration does; `None` after a failure to enrol.
fn reference<'a>(owner: &'a Owner, scheme: &dyn Scheme) -> Option<Reference<'a>> {
    let enrolment = owner.enrolments.get(&scheme.id())?;
    let record = scheme.record(&enrolment.payload).ok()?;
    Some(Reference { subject: owner.subject, helper: &enrolment.helper, record })
}

/// Returns each subject's first probe on each sensor. Shape: `probes` sorted by subject, sensor and number.
fn first_on_each_sensor<'a>(probes: &[(CaptureKey, &'a Captured)]) -> Vec<(CaptureKey, &'a Captured)> {
    let mut firsts = probes.to_vec();
    firsts.dedup_by_key(|(key, _)| (key.subject, key.sensor));
    firsts
}

fn compare(
    population: &Population,
    scheme: &dyn Scheme,
    reference: &Reference<'_>,
    (key, captured): &(CaptureKey, &Captured),
) -> Comparison {
    let outcome = match &captured.template {
        Err(reason) => Err(format!("{FAILURE_TO_ACQUIRE}: {reason}")),
        Ok(template) => scheme.derive(template, reference.helper, None).map_err(|e| e.to_string()),
    };
    let verdict = outcome.as_ref().ok().map(|payload| scheme.verify(&reference.record, payload));
    let device = |sensor| population.sensors.device(sensor).to_owned();
    Comparison {
        scheme: scheme.id().name().to_owned(),
        reference_subject: reference.subject,
        probe_subject: key.subject,
        reference_device: device(crate::people::sensors::Sensor::Handset),
        probe_device: device(key.sensor),
        score: verdict.and_then(|v| v.score),
        accepted: verdict.is_some_and(|v| v.accepted),
        failure: outcome.err(),
        probe_capture: Some(key.number),
    }
}
