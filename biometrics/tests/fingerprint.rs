//! Fingerprints from image to score, on patterns whose minutiae are known.

#[path = "support/ridges.rs"]
mod ridges;

use biopay_biometrics::fingerprint::record::Record;
use biopay_biometrics::fingerprint::{Extractor, Features, MinutiaeTemplate, compare};
use biopay_biometrics::{AcquisitionFailure, Error, Sample};
use ndarray::Array2;
use ridges::{Pose, Ridges};

fn extract(sample: &Sample) -> Features {
    Extractor::new().extract(sample).expect("the pattern is clear")
}

fn template(ridges: &Ridges, pose: Pose) -> MinutiaeTemplate {
    MinutiaeTemplate::new(&extract(&ridges.draw(374, 388, pose)))
}

fn failure(sample: &Sample) -> AcquisitionFailure {
    match Extractor::new().extract(sample) {
        Err(Error::FailureToAcquire(reason)) => reason,
        other => panic!("expected a failure to acquire, got {other:?}"),
    }
}

fn image(rows: usize, columns: usize, grey: impl Fn(usize, usize) -> u8) -> Sample {
    Sample::fingerprint(Array2::from_shape_fn((rows, columns), |(y, x)| grey(y, x)), 500)
}

/// A hash of the position: noise without any correlation.
fn noise(y: usize, x: usize) -> u8 {
    let mut h = (y as u32).wrapping_mul(0x9e37_79b9) ^ (x as u32).wrapping_mul(0x85eb_ca6b);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297a_2d39);
    (h >> 16) as u8
}

#[test]
fn the_drawn_minutiae_are_found_where_they_are() {
    let ridges = Ridges::random(7, 30);
    let found = extract(&ridges.draw(400, 400, Pose::STRAIGHT)).minutiae;
    let well_inside = |m: &&(f32, f32, f32)| ((m.0 - 200.0) / 200.0).hypot((m.1 - 200.0) / 200.0) < 0.8;
    let drawn: Vec<_> = ridges.minutiae.iter().filter(well_inside).collect();
    let hit = |m: &&&(f32, f32, f32)| found.iter().any(|f| (f.x - m.0).hypot(f.y - m.1) < 8.0);
    let hits = drawn.iter().filter(hit).count();
    assert!(hits * 10 >= drawn.len() * 9, "{hits} of {} found", drawn.len());
    assert!(found.len() <= drawn.len() + 8, "{} found, {} drawn", found.len(), drawn.len());
}

#[test]
fn a_finger_scores_higher_against_itself_than_against_any_other() {
    let poses = [
        Pose { noise: 2, ..Pose::STRAIGHT },
        Pose { rotation: 0.5, shift: (25.0, -30.0), noise: 3, ..Pose::STRAIGHT },
        Pose { rotation: -0.3, shift: (-40.0, 20.0), bend: 6.0, noise: 4 },
    ];
    let fingers: Vec<Ridges> = (1..=6).map(|seed| Ridges::random(seed, 35)).collect();
    let references: Vec<_> = fingers.iter().map(|f| template(f, Pose::STRAIGHT)).collect();
    let probes: Vec<Vec<_>> = fingers.iter().map(|f| poses.map(|pose| template(f, pose)).into()).collect();
    let score = |i: usize, j: usize, k: usize| compare(&references[i], &probes[j][k]).0;
    let pairs = || (0..6).flat_map(|i| (0..6).flat_map(move |j| (0..3).map(move |k| (i, j, k))));
    let mated = pairs().filter(|p| p.0 == p.1).map(|(i, j, k)| score(i, j, k)).fold(f32::MAX, f32::min);
    let other = pairs().filter(|p| p.0 != p.1).map(|(i, j, k)| score(i, j, k)).fold(0.0, f32::max);
    assert!(mated > 1.5 * other, "lowest mated {mated}, highest non-mated {other}");
}

#[test]
fn any_resolution_gives_the_same_minutiae() {
    let ridges = Ridges::random(3, 30);
    let at_500 = ridges.draw(360, 360, Pose::STRAIGHT);
    let reference = MinutiaeTemplate::new(&extract(&at_500));
    let itself = compare(&reference, &reference).0;
    for (ppi, side) in [(1000u16, 720usize), (400, 288)] {
        let scale = 360.0 / side as f32;
        let pixels = Array2::from_shape_fn((side, side), |(y, x)| {
            let at = |i: usize| (((i as f32 + 0.5) * scale) as usize).min(359);
            at_500.pixels[[at(y), at(x)]]
        });
        let probe = MinutiaeTemplate::new(&extract(&Sample::fingerprint(pixels, ppi)));
        let score = compare(&reference, &probe).0;
        assert!(score > 0.4 * itself, "{ppi}: {score} of {itself}");
    }
}

#[test]
fn a_record_of_the_standard_still_matches() {
    let (one, other) = (Ridges::random(11, 35), Ridges::random(12, 35));
    let through_record = |ridges: &Ridges, pose| {
        let bytes = Record::new(&extract(&ridges.draw(374, 388, pose))).unwrap().to_bytes();
        let record = Record::from_bytes(&bytes).unwrap();
        let minutiae = record.views[0].minutiae.clone();
        MinutiaeTemplate::new(&Features::from_minutiae(record.columns.into(), record.rows.into(), minutiae).unwrap())
    };
    let pose = Pose { rotation: 0.2, noise: 5, ..Pose::STRAIGHT };
    let probe = through_record(&one, pose);
    let mated = compare(&through_record(&one, Pose::STRAIGHT), &probe).0;
    let non_mated = compare(&through_record(&other, Pose::STRAIGHT), &probe).0;
    assert!(mated > 2.0 * non_mated, "mated {mated}, non-mated {non_mated}");
}

#[test]
fn the_stages_are_shown_in_order() {
    let mut stages = Vec::new();
    let sample = Ridges::random(1, 30).draw(374, 388, Pose::STRAIGHT);
    Extractor::new().extract_traced(&sample, &mut |stage, _| stages.push(stage)).unwrap();
    let named = ["segmentation", "orientation", "frequency", "enhancement", "binarisation", "thinning", "minutiae"];
    assert!(named.iter().all(|stage| stages.contains(stage)), "{stages:?}");
    assert_eq!(stages.first(), Some(&"resampled"));
    assert_eq!(stages.last(), Some(&"minutiae"));
}

#[test]
fn hopeless_images_are_failures_to_acquire_with_a_reason() {
    use AcquisitionFailure::*;
    assert_eq!(failure(&image(1, 1, |_, _| 0)), TooSmall);
    assert_eq!(failure(&image(0, 300, |_, _| 0)), TooSmall);
    assert_eq!(failure(&image(20_000, 20_000, |_, _| 0)), TooLarge);
    assert_eq!(failure(&Sample::fingerprint(Array2::zeros((300, 300)), 72)), Resolution);
    assert_eq!(failure(&Sample::face(Array2::zeros((300, 300)))), NoSubject);
    for grey in [0, 128, 255] {
        assert_eq!(failure(&image(300, 300, |_, _| grey)), Blank);
    }
    assert_eq!(failure(&image(374, 388, noise)), NoSubject);
    // A ramp has contrast everywhere and a line nowhere.
    assert_eq!(failure(&image(300, 300, |y, x| ((x + y) / 3) as u8)), NoSubject);
    // Straight stripes are ridges without a single minutia.
    assert_eq!(failure(&image(300, 300, |y, _| if y / 5 % 2 == 0 { 40 } else { 220 })), TooFewFeatures);
}

#[test]
fn things_that_are_no_fingers_are_not_taken_for_one() {
    let board = image(300, 300, |y, x| if (y / 20 + x / 20) % 2 == 0 { 40 } else { 220 });
    let face = image(300, 300, |y, x| {
        let from = |cy: f32, cx: f32| (y as f32 - cy).hypot(x as f32 - cx);
        let dark = from(110.0, 110.0) < 18.0
            || from(110.0, 190.0) < 18.0
            || (from(170.0, 150.0) - 60.0).abs() < 5.0 && y > 190;
        if dark {
            30
        } else if from(150.0, 150.0) < 120.0 {
            190
        } else {
            90
        }
    });
    assert_eq!([failure(&board), failure(&face)], [AcquisitionFailure::NoSubject; 2]);
}

#[test]
fn extraction_and_comparison_repeat_exactly() {
    let sample = Ridges::random(5, 30).draw(374, 388, Pose::STRAIGHT);
    let (first, second) = (extract(&sample), extract(&sample));
    assert_eq!(first, second);
    let (a, b) = (MinutiaeTemplate::new(&first), MinutiaeTemplate::new(&second));
    assert_eq!(a, b);
    assert_eq!(compare(&a, &b), compare(&b, &a));
}

#[test]
fn empty_templates_score_nothing() {
    let empty = MinutiaeTemplate::new(&Features::from_minutiae(300, 300, Vec::new()).unwrap());
    let full = template(&Ridges::random(1, 30), Pose::STRAIGHT);
    assert_eq!(compare(&empty, &full).0, 0.0);
    assert_eq!(compare(&full, &empty).0, 0.0);
    assert_eq!(compare(&empty, &empty).0, 0.0);
}
