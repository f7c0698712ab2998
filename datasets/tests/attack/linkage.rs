use crate::people::{DIMENSION, enrolled, of_embeddings, scheme, subjects};
use biopay_biometrics::Template;
use biopay_biometrics::attack::Target;
use biopay_biometrics::attack::linkage::{Linked, TokenKnowledge, link, observe};
use biopay_biometrics::scheme::Parameters;
use biopay_biometrics::scheme::{
    CommitmentCode, CommitmentParameters, FuzzyCommitment, FuzzyVault, Permutation, Scheme, SchemeId, TokenUse,
    VaultParameters,
};
use biopay_datasets::stream::stream;
use rand::RngExt;

const SUBJECTS: u64 = 100;

fn linked(scheme: &dyn Scheme, people: &[Vec<Template>], knowledge: TokenKnowledge) -> Linked {
    let look = |capture, service| -> Vec<_> {
        let targets: Vec<Target> = enrolled(scheme, people, capture, service);
        targets.iter().map(|target| observe(scheme, target, knowledge, DIMENSION)).collect()
    };
    link(scheme, &look(0, "test/service-one"), &look(1, "test/service-two"))
}

fn share_above(scores: &[f32], bound: f32) -> f32 {
    scores.iter().filter(|&&s| s > bound).count() as f32 / scores.len() as f32
}

#[test]
fn decodability_links_nearly_all_records_of_one_order_and_none_of_each_its_own() {
    // Two records that differ in 12 % of 255 random bits; BCH(255, 47) corrects 42: P(Bin(255, .12) <= 42) = .987.
    let mut rng = stream(7, "test/decodability", 0);
    let person = |_| {
        let bits: Vec<bool> = (0..255).map(|_| rng.random()).collect();
        [0.0, 0.12].map(|errors| {
            let margin = |&bit: &bool| if bit != rng.random_bool(errors) { 1.0 } else { -1.0 };
            Template::new(Vec::new(), bits.iter().map(margin).collect())
        })
    };
    let people: Vec<Vec<Template>> = (0..200).map(person).map(Vec::from).collect();
    let code = CommitmentCode::Bch { length: 255, correctable: 42 };
    for permutation in [Permutation::Systematic, Permutation::PerRecord] {
        let parameters = CommitmentParameters { code, permutation, ..Default::default() };
        let found = linked(&FuzzyCommitment::new(parameters).unwrap(), &people, TokenKnowledge::Unknown);
        let shares = [share_above(&found.mated, 0.0), share_above(&found.non_mated, 0.0)];
        println!(
            "{permutation:?}: mated {:.3}, non-mated {:.5}, rank one {}/200",
            shares[0],
            shares[1],
            found.rank_one()
        );
        match permutation {
            // Published: about .98. A share of 200 has a standard error of .008.
            Permutation::Systematic => assert!(shares[0] > 0.955 && shares[1] < 1e-3 && found.rank_one() > 190),
            Permutation::PerRecord => assert!(shares[0] < 0.01 && shares[1] < 1e-3 && found.rank_one() == 0),
        }
    }
}

#[test]
fn vaults_are_correlated_in_everybodys_order_alone() {
    let people = subjects(0..SUBJECTS, 2);
    for permutation in [Permutation::Systematic, Permutation::PerRecord] {
        let vault = FuzzyVault::new(VaultParameters { permutation, ..VaultParameters::for_embeddings() }).unwrap();
        let found = linked(&vault, &people, TokenKnowledge::Unknown);
        println!(
            "fuzzy-vault {permutation:?}: steps of two and more: mated {:.3}, non-mated {:.5}, rank one {}/{SUBJECTS}",
            share_above(&found.mated, 1.5),
            share_above(&found.non_mated, 1.5),
            found.rank_one()
        );
        assert!(if permutation == Permutation::Systematic { found.rank_one() > 80 } else { found.rank_one() == 0 });
    }
}

#[test]
fn known_tokens_link_what_unknown_ones_hide() {
    let people = subjects(0..SUBJECTS, 2);
    for id in of_embeddings() {
        let scheme = scheme(id);
        for knowledge in [TokenKnowledge::Unknown, TokenKnowledge::Known] {
            let found = linked(scheme.as_ref(), &people, knowledge);
            let mean = |s: &[f32]| s.iter().sum::<f32>() / s.len() as f32;
            println!(
                "{} {knowledge:?}: mated {:.3}, non-mated {:.3}, rank one {}/{SUBJECTS}",
                id.name(),
                mean(&found.mated),
                mean(&found.non_mated),
                found.rank_one()
            );
            let is_keyed = scheme.token_use() == TokenUse::Keys;
            // A unit vector's polynomials are nearly linear, and a Bloom filter's secret word is searched.
            let is_searched = matches!(id, SchemeId::PolyProtect | SchemeId::BloomFilter);
            let is_known = is_keyed && knowledge == TokenKnowledge::Known;
            let is_open = id == SchemeId::Template || is_searched || is_known;
            // By chance one in 100. Words of six bits are lost with one bit in six.
            let least = if id == SchemeId::BloomFilter { 40 } else { 90 };
            assert!(
                if is_open { found.rank_one() >= least } else { found.rank_one() <= 12 },
                "{} {knowledge:?}",
                id.name()
            );
        }
    }
}
