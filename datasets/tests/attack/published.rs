//! Attacks on the schemes that the field publishes: inversion of one and of several records, at the schemes' parameters for
//! embeddings.

use crate::inversion::{Means, Tokens, measure};
use crate::people::{DIMENSION, enrolled, scheme, subjects};
use biopay_biometrics::Template;
use biopay_biometrics::attack::Target;
use biopay_biometrics::scheme::{
    Enrolment, HelperData, IronMask, IronMaskParameters, Parameters, PolyProtect, PolyProtectParameters, SchemeId,
};
use biopay_datasets::stream::stream;

const SUBJECTS: u64 = 40;

/// The cosine that one in 10,000 non-mated pairs of embeddings reaches.
const MATCH: f32 = 0.39;

#[test]
fn records_of_the_published_transforms_are_inverted_with_the_token_and_not_without() {
    for (id, least) in [(SchemeId::PolyProtect, 0.9), (SchemeId::MlpHash, 0.7), (SchemeId::BloomFilter, 0.3)] {
        let scheme = scheme(id);
        for tokens in [Tokens::Both, Tokens::None] {
            let Means { cosine, here, elsewhere } = measure(scheme.as_ref(), tokens).unwrap();
            println!("{}: tokens {tokens:?}: cosine {cosine:.3}, here {here:.2}, elsewhere {elsewhere:.2}", id.name());
            match tokens {
                Tokens::Both => assert!(cosine > least, "{} {cosine}", id.name()),
                Tokens::Here | Tokens::None => assert!(cosine < 0.3, "{} {cosine}", id.name()),
            }
        }
    }
    assert!(measure(scheme(SchemeId::IronMask).as_ref(), Tokens::None).is_none(), "a digest of a key tells nothing");
}

/// Says which captures a subject is enrolled from at several services.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Captures {
    Same,
    Own,
}

/// Inverts the payloads of each subject at some services, and returns the mean cosine to the first service's capture with the
/// share that would match it as an embedding.
fn recovered(overlap: usize, services: usize, captures: Captures) -> (f32, f32) {
    let parameters = PolyProtectParameters { overlap, ..PolyProtectParameters::for_embeddings() };
    let scheme = PolyProtect::new(parameters).expect("the parameters are in range");
    let people = subjects(0..SUBJECTS, services as u64);
    let capture = |service: usize| if captures == Captures::Same { 0 } else { service };
    let all: Vec<Vec<Target>> =
        (0..services).map(|n| enrolled(&scheme, &people, capture(n), &format!("test/service {n}"))).collect();
    // Captures of one subject differ in about one element's deviation, 1/√128, times a coefficient of about 29.
    let deviation = (captures == Captures::Own).then_some(2.5);
    let of_person = |person: usize| {
        let leaked: Vec<_> = all.iter().map(|at| (&at[person].enrolment, at[person].token.as_ref())).collect();
        let found = scheme.recover(&leaked, DIMENSION, deviation).expect("payloads of the scheme");
        Template::new(found, Vec::new()).cosine(&people[person][0])
    };
    let cosines: Vec<f32> = (0..people.len()).map(of_person).collect();
    let share = cosines.iter().filter(|&&cosine| cosine > MATCH).count() as f32 / cosines.len() as f32;
    (cosines.iter().sum::<f32>() / cosines.len() as f32, share)
}

#[test]
fn polyprotect_is_inverted_from_one_or_several_leaked_payloads() {
    let mut one = Vec::new();
    for overlap in 0..5 {
        let same = [1, 2, 4].map(|services| recovered(overlap, services, Captures::Same));
        let own = recovered(overlap, 4, Captures::Own);
        println!(
            "polyprotect, overlap {overlap}: cosine and share above {MATCH} of 1, 2, 4 payloads of one capture: {same:.3?}, of 4 of 4: {own:.3?}"
        );
        assert!(same[2].0 > same[0].0 && same[2].0 > 0.7, "{same:?}");
        one.push(same[0].0);
    }
    // One equation of five unknowns without overlap gives about one of them, nearly as many equations as unknowns most.
    assert!(one[0] > 0.3 && one[0] < 0.6 && one[4] > 0.9, "{one:?}");
}

#[test]
fn ironmask_gives_the_template_to_who_has_two_helpers_of_one_capture() {
    let people = subjects(0..10, 2);
    for (nonzero, expected) in [(2, 16.0), (4, 256.0)] {
        let scheme = IronMask::new(IronMaskParameters { nonzero, ..Default::default() }).unwrap();
        let [first, again, other] = [(0, "a"), (0, "b"), (1, "c")].map(|(n, name)| enrolled(&scheme, &people, n, name));
        let attack = |a: &Target, b: &Target, truth: &Template, budget: u64| {
            let helpers: [&HelperData; 2] = [&a.enrolment.helper, &b.enrolment.helper];
            let mut rng = stream(1, "test/regression", a.subject.into());
            let (found, tries) = scheme.recover(&helpers, budget, &mut rng).unwrap()?;
            Some((Template::new(found, Vec::new()).cosine(truth).abs(), tries))
        };
        let of = |second: &[Target], budget: u64| -> Vec<(f32, u64)> {
            (0..people.len()).filter_map(|i| attack(&first[i], &second[i], &people[i][0], budget)).collect()
        };
        let (same, different) = (of(&again, 4_000), of(&other, 300));
        let tries = same.iter().map(|found| found.1).sum::<u64>() as f64 / same.len() as f64;
        println!(
            "ironmask, {nonzero} entries: {}/10 of one capture in {tries:.0} tries (theory {expected}), {}/10 of two",
            same.len(),
            different.len()
        );
        assert!(same.len() == 10 && same.iter().all(|found| found.0 > 0.95), "{same:?}");
        // The mean of ten geometric numbers is within a factor of three of its expectation with 99.8 %.
        assert!(tries < 3.0 * expected, "{tries}");
    }
}

/// A template that is inverted opens the subject's other enrolment, where a stolen payload alone does not.
#[test]
fn a_stolen_payload_of_a_transform_opens_its_own_service_alone() {
    let people = subjects(0..20, 2);
    for id in [SchemeId::PolyProtect, SchemeId::MlpHash, SchemeId::BloomFilter] {
        let scheme = scheme(id);
        let [first, second] =
            [(0, "test/first"), (1, "test/second")].map(|(n, name)| enrolled(scheme.as_ref(), &people, n, name));
        let accepted =
            |enrolment: &Enrolment, target: &Target| target.verify(scheme.as_ref(), &enrolment.payload).accepted;
        let share = |targets: &[Target]| first.iter().zip(targets).filter(|(a, b)| accepted(&a.enrolment, b)).count();
        println!("{}: presented where it was stolen {}/20, elsewhere {}/20", id.name(), share(&first), share(&second));
        assert!(share(&first) == 20 && share(&second) <= 6, "{}", id.name());
    }
}
