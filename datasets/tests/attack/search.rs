use crate::people::{enrolled, strangers, subjects};
use biopay_biometrics::Template;
use biopay_biometrics::attack::offline_search::{
    CommitmentKeys, DigestKeys, KeySpace, LockerKeys, expected_guesses, search_keys, search_people, search_vault,
};
use biopay_biometrics::attack::{Target, Trial};
use biopay_biometrics::scheme::{
    CommitmentCode, CommitmentParameters, DigestScheme, FuzzyCommitment, FuzzyVault, LockerParameters, Parameters,
    SampleThenLock, Scheme, SchemeId, VaultParameters,
};
use biopay_datasets::stream::stream;

const TARGETS: u64 = 100;

fn mean(trials: &[Trial]) -> f64 {
    trials.iter().map(|t| t.queries as f64).sum::<f64>() / trials.len() as f64
}

#[test]
fn a_short_key_is_found_in_half_of_its_space_and_a_long_one_is_not() {
    let subjects = subjects(0..TARGETS, 1);
    for bits in [8usize, 12] {
        let digest = DigestScheme::new(bits).unwrap();
        let code = CommitmentCode::Polar { length: 511, key_bits: bits, list: 8 };
        let commitment = FuzzyCommitment::new(CommitmentParameters { code, ..Default::default() }).unwrap();
        let locker = SampleThenLock::new(LockerParameters { subset: bits, lockers: 4 }).unwrap();
        let schemes: [&dyn Scheme; 3] = [&digest, &commitment, &locker];
        for scheme in schemes {
            let targets = enrolled(scheme, &subjects, 0, "test/search");
            let trials: Vec<Trial> = targets
                .iter()
                .map(|target| {
                    let helper = &target.enrolment.helper;
                    let space: Box<dyn KeySpace> = match scheme.id() {
                        SchemeId::Digest => Box::new(DigestKeys { scheme: &digest }),
                        SchemeId::FuzzyCommitment => Box::new(CommitmentKeys { scheme: &commitment, helper }),
                        _ => Box::new(LockerKeys { scheme: &locker, helper }),
                    };
                    let mut rng = stream(3, "test/search", target.subject.into());
                    search_keys(scheme, space.as_ref(), target, u64::MAX, &mut rng).0
                })
                .collect();
            let (found, expected) = (mean(&trials), expected_guesses(bits as u32));
            println!("{} {bits} bits: {found:.0} guesses, theory {expected:.0}", scheme.id().name());
            assert!(trials.iter().all(|t| t.succeeded));
            // Uniform over the space: a mean of 100 has a standard error of 5.8 % of itself; four of them.
            assert!((found / expected - 1.0).abs() < 0.23, "{found} and not {expected}");
        }
    }
    let digest = DigestScheme::new(60).unwrap();
    let target = enrolled(&digest, &subjects[..1], 0, "test/search").remove(0);
    let space = DigestKeys { scheme: &digest };
    assert!(!search_keys(&digest, &space, &target, 1 << 14, &mut stream(3, "test/search", 0)).0.succeeded);
}

#[test]
fn a_vaults_set_is_guessed_as_often_as_theory_says() {
    let sizes = VaultParameters { elements: 64, intervals: 2, coefficients: 14, ..Default::default() };
    let vault = FuzzyVault::new(sizes).unwrap();
    let targets = enrolled(&vault, &subjects(0..TARGETS, 1), 0, "test/vault");
    let search = |target: &Target| {
        let mut rng = stream(4, "test/vault", target.subject.into());
        search_vault(&vault, target, 100_000, &mut rng)
    };
    let trials: Vec<Trial> = targets.iter().map(search).collect();
    let (found, expected) = (mean(&trials), 2f64.powf(vault.guess().bits()));
    println!("fuzzy-vault {:.2} bits: {found:.0} guesses, theory {expected:.0}", vault.guess().bits());
    assert!(trials.iter().all(|t| t.succeeded));
    // Geometric: a mean of 100 has a standard error of 10 %; four of them.
    assert!((found / expected - 1.0).abs() < 0.4, "{found} and not {expected}");
    let whole = FuzzyVault::new(VaultParameters::for_embeddings()).unwrap();
    let target = enrolled(&whole, &subjects(0..1, 1), 0, "test/vault").remove(0);
    assert!(!search_vault(&whole, &target, 2_000, &mut stream(4, "test/vault", 8)).succeeded);
}

#[test]
fn people_find_what_a_long_key_hides() {
    // A vault whose polynomial has 360 bits, and 12 bits of guessing, which strangers open more often.
    let sizes = VaultParameters { elements: 512, intervals: 2, coefficients: 40, ..Default::default() };
    let vault = FuzzyVault::new(sizes).unwrap();
    let subjects = subjects(0..60, 1);
    let targets = enrolled(&vault, &subjects, 0, "test/people");
    let accepts = |target: &Target, person: &Template| {
        target.factors().payload(&vault, person).is_ok_and(|p| target.verify(&vault, &p).accepted)
    };
    let (others, people) = (strangers(20_000..20_400), strangers(10_000..14_000));
    let accepted = targets.iter().map(|t| others.iter().filter(|p| accepts(t, p)).count()).sum::<usize>();
    let fmr = accepted as f64 / (targets.len() * others.len()) as f64;
    let search = |t: &Target| search_people(&vault, t, &t.factors(), people.iter().cloned(), 4_000).0;
    let trials: Vec<Trial> = targets.iter().map(search).collect();
    let succeeded = trials.iter().filter(|t| t.succeeded).count();
    println!(
        "fuzzy-vault, {:.1} bits by guesses: FMR {accepted}/{}, so 1/FMR {:.0}; by people {succeeded}/60, mean {:.0}",
        vault.guess().bits(),
        targets.len() * others.len(),
        1.0 / fmr,
        mean(&trials)
    );
    // Subjects differ in how often strangers match them, so the mean of 1/p is above the 1/p of the mean.
    assert!(succeeded > 50 && mean(&trials) > 0.5 / fmr && mean(&trials) < 6.0 / fmr);
    let whole = FuzzyVault::new(VaultParameters::for_embeddings()).unwrap();
    let target = enrolled(&whole, &subjects[..1], 0, "test/people").remove(0);
    // Twenty people, where the false match rate is one in a thousand.
    let (trial, matched) = search_people(&whole, &target, &target.factors(), people.iter().cloned(), 20);
    assert!((trial.queries, trial.succeeded, matched.is_none()) == (20, false, true));
}
