//! Presentation attacks: artefacts before the sensor, with and without a detector.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::attackers::{ATTACKERS, attackers_capture};
use crate::attack::definition::{Description, Elsewhere, Requirement, one_defence, unchanged};
use crate::attack::findings::{Figure, Findings};
use crate::attack::offline_system::{OfflineSystem, Person};
use crate::programs::OwnDetector;
use crate::scenario::Configuration;
use biopay_biometrics::attack::Trial;
use biopay_biometrics::attack::presentation::{Presented, present};
use biopay_biometrics::presentation::{AttackDetector, Detector};
use biopay_biometrics::scheme::Scheme;
use biopay_biometrics::{AcquisitionFailure, Sample, Template};
use biopay_datasets::presentation::Species;
use biopay_reports::interval::Rate;
use rayon::prelude::*;

/// The share of bona fide presentations that the detector may reject in training.
const BPCER: f32 = 0.05;
/// The number of people on whom the detector is trained.
const TRAINED_ON: u64 = 80;
/// The capture number of an artefact's presentation; no other capture has it.
const ARTEFACT: u64 = 900_000;

/// An artefact of the owner before the sensor.
pub(in crate::attack) const PRESENTATION: Attack = Attack {
    description: Description {
        knowledge: "an artefact of the owner's face or finger",
        targets: 40,
        budget: 1,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "Android CDD 7.3.10, class 3: spoof acceptance of at most 7 %",
            max: 0.07,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(artefacts),
};

/// Presents an artefact of each owner to the owner's enrolment: a printed face, a replayed screen, a gelatine finger.
/// The hardened system has a detector, trained on other people; the control presents the living owner.
///
/// Counted as IAPAR: accepted over presented, what was not acquired included (ISO/IEC 30107-3:2023, 13.3).
fn artefacts(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let sensors = &system.population.sensors;
    let mut findings = Findings::default();
    let own = OwnDetector::start(&system.setup.scenario.biometric.detector)?;
    let configuration = system.setup.configuration;
    let trained = if configuration == Configuration::Hardened && own.is_none() { train(system)? } else { None };
    let takes_part = matches!(configuration, Configuration::Hardened | Configuration::Scenario);
    let own_part = own.as_ref().filter(|_| takes_part).map(|own| own as &dyn AttackDetector);
    let detector = own_part.or(trained.as_ref().map(|trained| trained as &dyn AttackDetector));
    for species in Species::ALL.into_iter().filter(|&species| sensors.can_imitate(species)) {
        let shown = show(system, species)?;
        for &id in &system.setup.scenario.schemes.r#use {
            let scheme = system.population.registry.scheme(id);
            findings.extend(of_species(system, species, scheme, &shown, detector));
        }
    }
    findings.extend(bona_fide(system, detector)?);
    let faults = own.iter().flat_map(OwnDetector::faults);
    findings.notes.extend(faults.map(|(why, times)| format!("Detector: {times} answers are missing: {why}.")));
    Ok(findings)
}

/// Trains a detector on people who neither have an account nor attack one.
fn train(system: &OfflineSystem<'_>) -> Result<Option<Detector>, Error> {
    let from = u64::from(system.setup.scenario.attacker(0) + ATTACKERS);
    let samples = system.population.sensors.training(from..from + TRAINED_ON)?;
    Ok(samples.and_then(|samples| Detector::train(&samples.bona_fide, &samples.attacks, BPCER)))
}

/// A presentation in an owner's name, and its result.
struct Shown<'a> {
    person: Person<'a>,
    sample: Sample,
    template: Result<Template, AcquisitionFailure>,
}

/// Presents each owner's artefact or, in the control, the living owner.
fn show<'a>(system: &OfflineSystem<'a>, species: Species) -> Result<Vec<Shown<'a>>, Error> {
    let sensors = &system.population.sensors;
    let is_control = system.setup.configuration == Configuration::Control;
    let shown = system.people().into_par_iter().map(|person| {
        let sample = match is_control {
            true => sensors.sample(attackers_capture(person.subject, 0))?,
            false => sensors.artefact(species, person.subject, ARTEFACT)?,
        };
        let Some(sample) = sample else { return Ok(None) };
        let template = sensors.template(&sample)?;
        Ok(Some(Shown { person, sample, template }))
    });
    Ok(shown.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
}

fn of_species(
    system: &OfflineSystem<'_>,
    species: Species,
    scheme: &dyn Scheme,
    shown: &[Shown<'_>],
    detector: Option<&dyn AttackDetector>,
) -> Findings {
    let rows = shown.iter().filter_map(|Shown { person, sample, template }| {
        let target = system.enrol(scheme, person.subject, person.references, 0)?;
        let presented = present(scheme, &target, sample, template.as_ref().map_err(Clone::clone), detector);
        let succeeded = presented == Presented::Accepted;
        let trial = Trial { target: person.subject, queries: 1, succeeded, value: None };
        Some(system.trial(&trial, outcome(presented)))
    });
    let is_control = system.setup.configuration == Configuration::Control;
    let form = if is_control { "the living owner" } else { species.name() };
    system.setup.trials(form, scheme.id().name(), rows)
}

fn outcome(presented: Presented) -> &'static str {
    match presented {
        Presented::NotAcquired => "not-acquired",
        Presented::Detected => "detected",
        Presented::Refused => "refused",
        Presented::Accepted => "accepted",
    }
}

/// Counts the living owners whom the detector rejects.
fn bona_fide(system: &OfflineSystem<'_>, detector: Option<&dyn AttackDetector>) -> Result<Findings, Error> {
    let Some(detector) = detector else { return Ok(Findings::default()) };
    let mut samples = Vec::new();
    for person in system.people() {
        samples.extend(system.population.sensors.sample(attackers_capture(person.subject, 0))?);
    }
    let rates = detector.rates(&samples);
    let (detected, total) = (u64::from(rates.detected), u64::from(rates.samples));
    let figure = Figure {
        measure: "BPCER of the detector",
        value: detected as f64 / total.max(1) as f64,
        interval: Rate::independent(detected, total).interval().map(|i| (i.lower, i.upper)),
        count: total,
        expected: Some((f64::from(BPCER), "what it was trained to")),
    };
    Ok(system.setup.figure("", "", figure))
}
