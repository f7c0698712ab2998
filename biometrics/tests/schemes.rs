//! What every scheme promises, whichever it is: the suite that a new scheme passes through its entry in the list alone.
//!
//! Round trip, strangers, sizes, revocation, tokens, determinism, helpers that were changed, payloads of other schemes,
//! hostile bytes.

use biopay_biometrics::scheme::BODY_BYTES_MAX;
use biopay_biometrics::scheme::{
    CommitmentCode, CommitmentParameters, ComparisonKind, DeviceToken, HelperData, IndexVariant, Registry, Scheme,
    SchemeId, SchemeParameters, Selection, ServerRecord, TokenUse,
};
use biopay_biometrics::{Error, PlacedMinutia, QrPayload, Template};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The bytes of helper data that the protocol carries.
const HELPER_BYTES_MAX: usize = 32_768;

/// A template like a fingerprint's: 256 numbers, 1,024 bits that follow from them, and 40 minutiae.
fn template(seed: u64) -> Template {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let real = (0..256).map(|_| rng.random_range(-1.0f32..1.0)).collect();
    let mut within = |from: f32, to: f32| rng.random_range(from..to);
    let minutia = |_| PlacedMinutia {
        x: within(-120.0, 120.0),
        y: within(-150.0, 150.0),
        angle: within(0.0, std::f32::consts::TAU),
        quality: within(0.0, 1.0),
    };
    Template::from_embedding(real, 1_024).with_minutiae((0..40).map(minutia).collect())
}

/// The defaults, and every other variant that a parameter chooses.
fn registries() -> Vec<Registry> {
    let [mut urp, mut rotated] = [(); 2].map(|()| SchemeParameters::default());
    urp.index_of_max.variant = IndexVariant::Permutation;
    rotated.index_of_max.variant = IndexVariant::RotatedPermutation;
    let commitment = |code, selection| SchemeParameters {
        fuzzy_commitment: CommitmentParameters { code, selection, ..Default::default() },
        ..Default::default()
    };
    let all = [
        SchemeParameters::default(),
        SchemeParameters::for_embeddings(),
        urp,
        rotated,
        commitment(CommitmentCode::Bch { length: 511, correctable: 87 }, Selection::Reliable),
        commitment(CommitmentCode::ReedSolomonHadamard { blocks: 16, message_symbols: 10 }, Selection::All),
    ];
    all.iter().map(|parameters| Registry::new(parameters).expect("the parameters are in range")).collect()
}

#[test]
fn the_same_template_is_accepted_another_is_not_and_sizes_are_bounded() {
    for registry in registries() {
        for scheme in registry.iter() {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let enrolment = scheme.enrol(&[template(1)], None, &mut rng).unwrap();
            assert!(enrolment.payload.body.len() <= BODY_BYTES_MAX && enrolment.helper.0.len() <= HELPER_BYTES_MAX);
            let record = scheme.record(&enrolment.payload).unwrap();
            let derived = scheme.derive(&template(1), &enrolment.helper, None).unwrap();
            assert_eq!(derived, enrolment.payload, "{}", scheme.id().name());
            assert!(scheme.verify(&record, &derived).accepted);
            for other in 2..12 {
                let accepted = scheme
                    .derive(&template(other), &enrolment.helper, None)
                    .is_ok_and(|payload| scheme.verify(&record, &payload).accepted);
                // The likeliest to err is digest, with 10 times 2^-16.
                assert!(!accepted, "{} accepts subject {other}", scheme.id().name());
            }
        }
    }
}

#[test]
fn revocation_is_what_each_scheme_says() {
    for registry in registries() {
        for scheme in registry.iter() {
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            let [old, new] = [(); 2].map(|()| scheme.enrol(&[template(1)], None, &mut rng).unwrap());
            let record = scheme.record(&new.payload).unwrap();
            let is_irrevocable = matches!(scheme.id(), SchemeId::Digest | SchemeId::Template);
            assert_eq!(scheme.verify(&record, &old.payload).accepted, is_irrevocable, "{}", scheme.id().name());
        }
    }
}

#[test]
fn a_token_is_needed_exactly_where_it_keys_the_projection() {
    let token = DeviceToken([7; 32]);
    for scheme in Registry::new(&SchemeParameters::default()).unwrap().iter() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let enrolment = scheme.enrol(&[template(1)], Some(&token), &mut rng).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        let with = |token| scheme.derive(&template(1), &enrolment.helper, token);
        assert!(scheme.verify(&record, &with(Some(&token)).unwrap()).accepted);
        match scheme.token_use() {
            TokenUse::Keys => {
                assert_eq!(with(None), Err(Error::MissingToken));
                assert!(!scheme.verify(&record, &with(Some(&DeviceToken([8; 32]))).unwrap()).accepted);
            }
            TokenUse::Ignored => assert_eq!(with(None), Ok(enrolment.payload)),
        }
    }
}

#[test]
fn the_same_randomness_gives_the_same_bytes_and_a_payload_survives_its_journey() {
    let token = DeviceToken([5; 32]);
    for (first, second) in registries().into_iter().zip(registries()) {
        for (scheme, again) in first.iter().zip(second.iter()) {
            let enrol = |scheme: &dyn Scheme| {
                let mut rng = ChaCha8Rng::seed_from_u64(6);
                scheme.enrol(&[template(1), template(1)], Some(&token), &mut rng).unwrap()
            };
            let (a, b) = (enrol(scheme), enrol(again));
            assert_eq!((&a.payload, &a.helper), (&b.payload, &b.helper), "{}", scheme.id().name());
            let derive = |scheme: &dyn Scheme| scheme.derive(&template(1), &a.helper, Some(&token)).unwrap();
            assert_eq!(derive(scheme), derive(again), "{}", scheme.id().name());
            assert_eq!(QrPayload::from_bytes(&a.payload.to_bytes()).as_ref(), Ok(&a.payload));
            assert!(scheme.record(&a.payload).unwrap().0 == again.record(&b.payload).unwrap().0);
        }
    }
}

/// Whoever stores or carries a helper can change it. That may lock the subject out, and never lets a stranger in.
#[test]
fn a_helper_that_was_changed_lets_no_stranger_in() {
    for registry in registries() {
        for scheme in registry.iter() {
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            let enrolment = scheme.enrol(&[template(1)], None, &mut rng).unwrap();
            let record = scheme.record(&enrolment.payload).unwrap();
            let whole = enrolment.helper.0.len();
            for at in (0..whole).step_by(whole.div_ceil(40).max(1)) {
                let mut helper = enrolment.helper.clone();
                helper.0[at] ^= 0x55;
                let _ = scheme.derive(&template(1), &helper, None).map(|payload| scheme.verify(&record, &payload));
                // The likeliest to err is digest, which has no helper: at most 40 times 2^-16.
                let stranger = scheme.derive(&template(2), &helper, None);
                let accepted = stranger.is_ok_and(|payload| scheme.verify(&record, &payload).accepted);
                assert!(!accepted, "{} at byte {at}", scheme.id().name());
            }
        }
    }
}

#[test]
fn a_changed_helper_gives_nothing_that_is_accepted() {
    // Where the server compares for equality; a threshold scheme's helper only keys its projection.
    for registry in registries() {
        for scheme in registry.iter().filter(|scheme| scheme.comparison() == ComparisonKind::Equality) {
            let mut rng = ChaCha8Rng::seed_from_u64(6);
            let enrolment = scheme.enrol(&[template(1)], None, &mut rng).unwrap();
            let record = scheme.record(&enrolment.payload).unwrap();
            for at in (0..enrolment.helper.0.len()).step_by(7) {
                let mut helper = enrolment.helper.clone();
                helper.0[at] ^= 1 << (at % 8);
                let derived = scheme.derive(&template(1), &helper, None);
                // What a code corrects is accepted still, and is the payload that was enrolled.
                let is_own = derived.as_ref() == Ok(&enrolment.payload);
                assert!(
                    is_own || !derived.is_ok_and(|d| scheme.verify(&record, &d).accepted),
                    "{}",
                    scheme.id().name()
                );
            }
        }
    }
}

#[test]
fn no_scheme_takes_what_another_made() {
    let registry = Registry::new(&SchemeParameters::default()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let made: Vec<_> = registry.iter().map(|scheme| scheme.enrol(&[template(1)], None, &mut rng).unwrap()).collect();
    for scheme in registry.iter() {
        for other in made.iter().filter(|other| other.payload.scheme != scheme.id()) {
            let (own, foreign) = (scheme.id().name(), other.payload.scheme.name());
            assert!(scheme.record(&other.payload).is_err(), "{own} records a payload of {foreign}");
            let own_made = made.iter().find(|made| made.payload.scheme == scheme.id()).unwrap();
            let record = scheme.record(&own_made.payload).unwrap();
            assert!(!scheme.verify(&record, &other.payload).accepted, "{own} accepts a payload of {foreign}");
        }
    }
}

#[test]
fn what_a_template_lacks_is_a_failure_to_enrol() {
    let without_minutiae = Template::from_embedding(vec![0.5; 256], 1_024);
    for scheme in Registry::new(&SchemeParameters::default()).unwrap().iter() {
        assert_eq!(scheme.lacks(&template(1)), None);
        let enrolled = scheme.enrol(std::slice::from_ref(&without_minutiae), None, &mut ChaCha8Rng::seed_from_u64(7));
        assert_eq!(scheme.lacks(&without_minutiae).is_some(), enrolled.is_err(), "{}", scheme.id().name());
    }
}

#[test]
fn nothing_to_enrol_is_a_named_failure() {
    for scheme in Registry::new(&SchemeParameters::default()).unwrap().iter() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let not_a_number = Template::new(vec![f32::NAN; 256], vec![f32::NAN; 1_024]);
        let shapes = [template(1), Template::new(vec![1.0; 8], vec![1.0; 8])];
        for references in [&[][..], &[not_a_number], &shapes] {
            let enrolled = scheme.enrol(references, None, &mut rng);
            assert!(matches!(enrolled, Err(Error::FailureToEnrol(_))), "{}", scheme.id().name());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn damaged_helpers_and_hostile_records_never_panic(
        seed: u64,
        cut: prop::sample::Index,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..8),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        short in 0usize..1_024,
    ) {
        for registry in registries() {
            for scheme in registry.iter() {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let enrolment = scheme.enrol(&[template(1)], None, &mut rng).unwrap();
                let record = scheme.record(&enrolment.payload).unwrap();
                let whole = enrolment.helper.0.clone();
                let mut damaged = whole.clone();
                flips.iter().filter(|_| !whole.is_empty()).for_each(|(at, flip)| damaged[at.index(whole.len())] ^= flip);
                let truncated = whole[..if whole.is_empty() { 0 } else { cut.index(whole.len()) }].to_vec();
                for helper in [damaged, truncated, bytes.clone()] {
                    if let Ok(payload) = scheme.derive(&template(1), &HelperData(helper), None) {
                        let _ = scheme.verify(&record, &payload);
                    }
                }
                let fewer_bits = Template::new(vec![1.0; 3], vec![0.5; short]);
                let _ = scheme.derive(&fewer_bits, &enrolment.helper, None);
                let forged = QrPayload { scheme: scheme.id(), body: bytes.clone() };
                prop_assert!(!scheme.verify(&record, &forged).accepted);
                prop_assert!(!scheme.verify(&ServerRecord(bytes.clone()), &enrolment.payload).accepted);
            }
        }
    }
}
