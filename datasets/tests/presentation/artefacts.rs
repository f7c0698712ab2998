//! How often artefacts are accepted, and how often they are caught.

use crate::subjects::{SEED, artefact, camera, each, living, sensor, template};
use biopay_biometrics::attack::Target;
use biopay_biometrics::attack::presentation::{Presented, accepted, present};
use biopay_biometrics::presentation::{AttackDetector, Detector};
use biopay_biometrics::scheme::{Scheme, SchemeId, SchemeParameters, build};
use biopay_biometrics::{AcquisitionFailure, Modality, Sample, Template};
use biopay_datasets::presentation::{Species, TrainingSamples};
use biopay_datasets::stream::stream;
use rayon::prelude::*;

const TRAINING: u64 = 80;
const SUBJECTS: u64 = 40;
/// Captures at enrolment, as the schemes' default thresholds were chosen for.
const ENROLMENT: u64 = 3;
const BPCER: f32 = 0.05;

/// Takes the test subjects' captures for enrolment, once for all schemes.
fn captures(modality: Modality) -> Vec<Vec<Template>> {
    let one = |subject| (1..=ENROLMENT).filter_map(|n| template(&living(modality, subject, n)).ok()).collect();
    each(TRAINING..TRAINING + SUBJECTS, one)
}

/// Enrols them; one who cannot be is left out, and stays out of every count.
fn targets(scheme: &dyn Scheme, captures: &[Vec<Template>]) -> Vec<(usize, Target)> {
    let one = |(i, captures): (usize, &Vec<Template>)| {
        let mut rng = stream(SEED, "test/presentation", i as u64);
        Some((i, Target::enrol_with_token(scheme, i as u32, captures, &mut rng).ok()?))
    };
    captures.iter().enumerate().filter_map(one).collect()
}

/// Holds fresh samples of the test subjects, or artefacts of them, with their templates.
struct Shown {
    samples: Vec<Sample>,
    templates: Vec<Result<Template, AcquisitionFailure>>,
}

impl Shown {
    fn new(make: impl Fn(u64) -> Sample + Sync + Send) -> Self {
        let samples = each(TRAINING..TRAINING + SUBJECTS, make);
        let templates = samples.par_iter().map(template).collect();
        Self { samples, templates }
    }

    /// Presents all at their own subjects' enrolments; how many are accepted, and of how many.
    fn accepted(
        &self,
        scheme: &dyn Scheme,
        targets: &[(usize, Target)],
        guard: Option<&dyn AttackDetector>,
    ) -> (u32, u32) {
        let one = |&(i, ref target): &(usize, Target)| {
            let template = self.templates[i].as_ref().map_err(|&why| why);
            present(scheme, target, &self.samples[i], template, guard)
        };
        accepted(&targets.iter().map(one).collect::<Vec<Presented>>())
    }
}

fn detector(modality: Modality) -> Detector {
    let ((camera, nuisance), (sensor, quality)) = (camera(), sensor());
    let training = match modality {
        Modality::Face => TrainingSamples::faces(SEED, 0..TRAINING, &camera, nuisance),
        Modality::Fingerprint => TrainingSamples::fingers(SEED, 0..TRAINING, &sensor, quality),
    };
    Detector::train(&training.bona_fide, &training.attacks, BPCER).expect("there are samples of both kinds")
}

#[test]
fn artefacts_are_accepted_without_a_detector_and_seldom_with_one() {
    for modality in [Modality::Face, Modality::Fingerprint] {
        let (detector, captures) = (detector(modality), captures(modality));
        let fresh = Shown::new(|subject| living(modality, subject, 20));
        let bpcer = detector.rates(&fresh.samples);
        println!(
            "{modality:?}: BPCER {}/{} (threshold at {BPCER} of the training part)",
            bpcer.detected, bpcer.samples
        );
        assert!(bpcer.detected_share() < 0.25, "{bpcer:?}");
        for species in Species::ALL.into_iter().filter(|species| species.modality() == modality) {
            let attack = Shown::new(|subject| artefact(species, subject, 20));
            let caught = detector.rates(&attack.samples);
            println!("{}: APCER {}/{}", species.name(), caught.samples - caught.detected, caught.samples);
            assert!(caught.missed_share() < 0.35, "{} {caught:?}", species.name());
            for id in [SchemeId::Template, SchemeId::FuzzyCommitment, SchemeId::BioHash, SchemeId::IndexOfMax] {
                let scheme = build(id, &SchemeParameters::default()).expect("the defaults are in range");
                let targets = targets(scheme.as_ref(), &captures);
                let living = fresh.accepted(scheme.as_ref(), &targets, None);
                let [without, with] = [None, Some(&detector as &dyn AttackDetector)]
                    .map(|d| attack.accepted(scheme.as_ref(), &targets, d));
                println!("   {}: living {living:?}; IAPAR {without:?}, with the detector {with:?}", id.name());
                // An attack that cannot succeed measures nothing; and what is caught cannot be accepted.
                assert!(id != SchemeId::Template || without.0 * 5 > without.1, "{}", species.name());
                assert!(with.0 * 2 <= without.0 || with.0 < 3, "{} {}", species.name(), id.name());
            }
        }
    }
}

#[test]
fn a_species_that_was_not_trained_on_is_caught_less_often() {
    let bona_fide = each(0..TRAINING, |subject| living(Modality::Face, subject, 10));
    let known = each(0..TRAINING, |subject| artefact(Species::PrintedFace, subject, 10));
    let detector = Detector::train(&bona_fide, &known, BPCER).expect("there are samples of both kinds");
    let [print, screen] = [Species::PrintedFace, Species::ReplayedScreen]
        .map(|species| detector.rates(&each(TRAINING..TRAINING + SUBJECTS, |subject| artefact(species, subject, 20))));
    println!(
        "trained on prints alone: APCER {:.3} of prints, {:.3} of screens",
        print.missed_share(),
        screen.missed_share()
    );
    assert!(print.missed_share() < 0.35);
}
