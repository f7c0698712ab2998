use crate::people::{DIMENSION, scheme, strangers, subjects};
use biopay_biometrics::Template;
use biopay_biometrics::attack::Target;
use biopay_biometrics::attack::helper_only::{Search, SignCheck, search};
use biopay_biometrics::scheme::{
    CommitmentCode, CommitmentParameters, Committed, FuzzyCommitment, HelperKey, Scheme, SchemeId, Selection,
};
use biopay_datasets::stream::stream;

const TARGETS: u64 = 60;
const BITS: usize = 1_024;

fn margins(real: &[f32]) -> Vec<f32> {
    Template::from_embedding(real.to_vec(), BITS).margins().to_vec()
}

fn check(length: usize) -> SignCheck {
    let people = strangers(30_000..30_040);
    SignCheck::learn(margins, &people, length, &mut stream(1, "test/check", 0)).expect("there are people")
}

/// Enrols each subject's first capture, and searches with the second among strangers.
struct Searched {
    /// Claims that the server accepts.
    right: usize,
    /// Claims that it refuses.
    wrong: usize,
    /// People whom the code let through and the check did not.
    refused: u64,
}

fn searched(scheme: &dyn Scheme, check: Option<&SignCheck>, has_owner: bool, people: &[Template]) -> Searched {
    let mut out = Searched { right: 0, wrong: 0, refused: 0 };
    for (i, captures) in subjects(0..TARGETS, 2).iter().enumerate() {
        let mut rng = stream(1, "test/helper-only", i as u64);
        let target =
            Target::enrol_with_token(scheme, i as u32, &captures[..1], &mut rng).expect("every subject is enrolled");
        // The owner's capture comes last of all.
        let all = people.iter().chain(captures[1..].iter().filter(|_| has_owner)).cloned();
        let Search { refused, claim, .. } = search(scheme, &target.enrolment.helper, None, all, u64::MAX, check);
        out.refused += refused;
        match claim {
            Some(payload) if target.verify(scheme, &payload).accepted => out.right += 1,
            Some(_) => out.wrong += 1,
            None => {}
        }
    }
    out
}

#[test]
fn a_helper_tells_the_owners_capture_from_strangers_where_it_verifies_itself() {
    let people = strangers(40_000..40_200);
    for id in [SchemeId::FuzzyCommitment, SchemeId::FuzzyVault, SchemeId::SampleThenLock] {
        let scheme = scheme(id);
        let check = (id == SchemeId::FuzzyCommitment).then(|| check(1_023));
        let with = searched(scheme.as_ref(), check.as_ref(), true, &people);
        let without = searched(scheme.as_ref(), check.as_ref(), false, &people);
        println!(
            "{}: with the owner's capture {} right and {} wrong claims of {TARGETS}, without {} and {}, refused {}",
            id.name(),
            with.right,
            with.wrong,
            without.right,
            without.wrong,
            with.refused
        );
        // Lockers open for few captures of embeddings, whoever tries.
        let least = if id == SchemeId::SampleThenLock { 0 } else { 40 };
        assert!(with.right >= least && with.wrong == 0 && without.wrong == 0, "{}", id.name());
        // 12,000 strangers open with the false match rate.
        assert!(without.right <= 30, "{}", id.name());
    }
    // Nothing tells the right payload of a threshold scheme.
    for id in [SchemeId::Digest, SchemeId::Template, SchemeId::BioHash, SchemeId::IndexOfMax] {
        let found = searched(scheme(id).as_ref(), None, true, &people[..20]);
        assert_eq!((found.right, found.wrong), (0, 0), "{}", id.name());
    }
}

/// Means of the check's agreement: with the right key, and with a wrong one as near to an impostor's own bits as the
/// code allows.
fn agreements(parameters: CommitmentParameters) -> (f64, f64, f64) {
    let scheme = FuzzyCommitment::new(parameters).expect("the parameters are in range");
    let check = check(BITS);
    let people = subjects(0..40, 1);
    let (mut right, mut wrong, mut told) = (0.0, 0.0, 0);
    for (i, captures) in people.iter().enumerate() {
        let mut rng = stream(2, "test/agreements", i as u64);
        let target =
            Target::enrol_with_token(&scheme, i as u32, captures, &mut rng).expect("every subject is enrolled");
        let Some(Committed::Bits(bits)) = scheme.committed(&captures[0], &target.enrolment.helper, None) else {
            return (0.0, 0.0, 0.0);
        };
        let impostor = &people[(i + 1) % people.len()][0];
        let mut near: Vec<(usize, bool)> = bits.iter().map(|&(at, _)| (at, impostor.bits().bit(at))).collect();
        near.iter_mut().enumerate().filter(|(n, _)| n % 10 < 3).for_each(|(_, bit)| bit.1 = !bit.1);
        let (own, other) = (check.agreement(&bits), check.agreement(&near));
        (right, wrong) = (right + own, wrong + other);
        told += usize::from(own > other);
    }
    let count = people.len() as f64;
    (right / count, wrong / count, told as f64 / count)
}

#[test]
fn shorter_codes_masked_bits_and_keyed_helpers_change_what_a_helper_tells() {
    let polar = |length, key_bits| CommitmentCode::Polar { length, key_bits, list: 8 };
    let of = |code| CommitmentParameters { code, ..Default::default() };
    let masked = |length| CommitmentParameters { selection: Selection::Reliable, ..of(polar(length, 40)) };
    let keyed = CommitmentParameters { helper_key: HelperKey::Token, ..Default::default() };
    let cases = [
        ("1,023 bits", CommitmentParameters::default()),
        ("511 bits", of(polar(511, 80))),
        ("255 bits", of(polar(255, 40))),
        ("127 bits", of(polar(127, 20))),
        ("255 bits, masked", masked(255)),
        ("127 bits, masked", masked(127)),
        ("1,023 bits, keyed", keyed),
    ];
    let found = cases.map(|(name, parameters)| {
        let (right, wrong, told) = agreements(parameters);
        println!("{name}: right key {right:.3}, wrong key {wrong:.3}, told apart {told:.2}");
        (right, wrong, told)
    });
    // 1,024 signs of 128 numbers: 0.96 and 0.71 were found beforehand.
    assert!(found[0].0 > 0.93 && found[0].1 < 0.8 && found[0].2 == 1.0);
    // As many signs as numbers are those of some template, whatever they are.
    assert!(found[3].1 > 0.95 && (found[3].0 - found[3].1).abs() < 0.05);
    assert_eq!(found[6], (0.0, 0.0, 0.0));
}

#[test]
fn people_are_counted_to_the_claim_and_to_the_budget() {
    let scheme = scheme(SchemeId::FuzzyVault);
    let captures = subjects(0..1, 2).remove(0);
    let target = Target::enrol_with_token(scheme.as_ref(), 0, &captures[..1], &mut stream(3, "test", 0)).unwrap();
    assert_eq!(captures[0].real().len(), DIMENSION);
    let people = || strangers(50_000..50_010).into_iter().chain(captures.iter().cloned());
    let tried = |budget| search(scheme.as_ref(), &target.enrolment.helper, None, people(), budget, None);
    assert_eq!((tried(100).tried, tried(100).claim), (11, Some(target.enrolment.payload.clone())));
    assert_eq!((tried(5).tried, tried(5).claim), (5, None));
}
