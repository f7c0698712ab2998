//! What artefacts achieve at the sensor: acceptance with and without a detector, per species, on synthetic subjects.
//! `cargo test --release -p biopay-datasets --test presentation -- --nocapture` prints the figures.
//! With `BIOPAY_PRESENTATION_SHEETS=FOLDER` it writes living and attack samples there to be looked at.

mod sheets;

use biopay_biometrics::attack::Target;
use biopay_biometrics::attack::presentation::{Presented, accepted, present};
use biopay_biometrics::face::Extractor as FaceExtractor;
use biopay_biometrics::fingerprint::Extractor as FingerExtractor;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::presentation::Detector;
use biopay_biometrics::scheme::{Scheme, SchemeId, SchemeParameters, build};
use biopay_biometrics::{AcquisitionFailure, Error, Modality, Sample, Template};
use biopay_datasets::presentation::{Species, gelatine_finger, printed_face, replayed_screen};
use biopay_datasets::stream::stream;
use biopay_datasets::{face, fingerprint};
use rayon::prelude::*;

const TRAINING: u64 = 120;
const SUBJECTS: u64 = 60;
const SEED: u64 = 77;
/// Captures at enrolment, as the schemes' default thresholds were chosen for.
const ENROLMENT: u64 = 3;
const BPCER: f32 = 0.05;

fn living(modality: Modality, subject: u64, number: u64) -> Sample {
    match modality {
        Modality::Face => {
            let (device, nuisance) = camera();
            face::Face::generate(SEED, subject).capture(&device, nuisance, number).sample
        }
        Modality::Fingerprint => {
            let (device, quality) = sensor();
            fingerprint::Finger::generate(SEED, subject, None).capture(&device, quality, number).sample
        }
    }
}

fn artefact(species: Species, subject: u64, number: u64) -> Sample {
    let ((camera, nuisance), (sensor, quality)) = (camera(), sensor());
    match species {
        Species::PrintedFace => printed_face(&face::Face::generate(SEED, subject), &camera, nuisance, number).0,
        Species::ReplayedScreen => replayed_screen(&face::Face::generate(SEED, subject), &camera, nuisance, number).0,
        Species::GelatineFinger => {
            gelatine_finger(&fingerprint::Finger::generate(SEED, subject, None), &sensor, quality, number)
        }
    }
}

fn camera() -> (face::Device, face::Nuisance) {
    (face::Device::named("handset").expect("it is built in"), face::Nuisance::new(0.4).expect("it is in range"))
}

fn sensor() -> (fingerprint::Device, fingerprint::CaptureQuality) {
    let quality = fingerprint::CaptureQuality::new(0.8).expect("it is in range");
    (fingerprint::Device::named("optical").expect("it is built in"), quality)
}

fn template(sample: &Sample) -> Result<Template, AcquisitionFailure> {
    let made = match sample.modality {
        Modality::Face => FaceExtractor::builtin().template(sample),
        Modality::Fingerprint => {
            FingerExtractor::new().extract(sample).and_then(|f| FixedLength::builtin().template(&f))
        }
    };
    made.map_err(|error| match error {
        Error::FailureToAcquire(why) => why,
        other => panic!("{other}"),
    })
}

fn each<T: Send>(subjects: std::ops::Range<u64>, make: impl Fn(u64) -> T + Sync + Send) -> Vec<T> {
    subjects.into_par_iter().map(make).collect()
}

/// Enrols the test's subjects; one who cannot be is left out, and stays out of every count.
fn targets(scheme: &dyn Scheme, modality: Modality) -> Vec<(u64, Target)> {
    let one = |subject| {
        let captures: Vec<Template> =
            (1..=ENROLMENT).filter_map(|number| template(&living(modality, subject, number)).ok()).collect();
        let mut rng = stream(SEED, "test/presentation", subject);
        Some((subject, Target::enrol_with_token(scheme, subject as u32, &captures, &mut rng).ok()?))
    };
    each(TRAINING..TRAINING + SUBJECTS, one).into_iter().flatten().collect()
}

fn detector(modality: Modality) -> Detector {
    let bona_fide = each(0..TRAINING, |subject| living(modality, subject, 10));
    let species = Species::ALL.into_iter().filter(|species| species.modality() == modality);
    let attacks: Vec<Sample> = species.flat_map(|s| each(0..TRAINING, |subject| artefact(s, subject, 10))).collect();
    Detector::train(&bona_fide, &attacks, BPCER).expect("there are samples of both kinds")
}

#[test]
fn artefacts_are_accepted_without_a_detector_and_seldom_with_one() {
    for modality in [Modality::Face, Modality::Fingerprint] {
        let detector = detector(modality);
        let fresh = each(TRAINING..TRAINING + SUBJECTS, |subject| living(modality, subject, 20));
        let bpcer = detector.rates(&fresh);
        println!(
            "{modality:?}: BPCER {}/{} (threshold at {BPCER} of the training part)",
            bpcer.detected, bpcer.samples
        );
        assert!(bpcer.detected_share() < 0.25, "{bpcer:?}");
        let species: Vec<Species> = Species::ALL.into_iter().filter(|s| s.modality() == modality).collect();
        for &species in &species {
            let attacks = each(TRAINING..TRAINING + SUBJECTS, |subject| artefact(species, subject, 20));
            let caught = detector.rates(&attacks);
            println!("{}: APCER {}/{}", species.name(), caught.samples - caught.detected, caught.samples);
            assert!(caught.missed_share() < 0.35, "{} {caught:?}", species.name());
            let templates: Vec<_> = attacks.par_iter().map(template).collect();
            for id in [SchemeId::Template, SchemeId::FuzzyCommitment, SchemeId::BioHash, SchemeId::IndexOfMax] {
                let scheme = build(id, &SchemeParameters::default()).expect("the defaults are in range");
                let enrolled = targets(scheme.as_ref(), modality);
                let outcomes = |guard: Option<&Detector>, samples: &[Sample], templates: &[Result<Template, _>]| {
                    let one = |(subject, target): &(u64, Target)| {
                        let i = (subject - TRAINING) as usize;
                        let template: Result<&Template, AcquisitionFailure> = templates[i].as_ref().map_err(|&why| why);
                        present(scheme.as_ref(), target, &samples[i], template, guard)
                    };
                    enrolled.iter().map(one).collect::<Vec<Presented>>()
                };
                let own: Vec<_> = fresh.par_iter().map(template).collect();
                let living = accepted(&outcomes(None, &fresh, &own));
                let without = accepted(&outcomes(None, &attacks, &templates));
                let with = accepted(&outcomes(Some(&detector), &attacks, &templates));
                println!(
                    "   {}: living accepted {}/{}; IAPAR {}/{} without a detector, {}/{} with it",
                    id.name(),
                    living.0,
                    living.1,
                    without.0,
                    without.1,
                    with.0,
                    with.1
                );
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
