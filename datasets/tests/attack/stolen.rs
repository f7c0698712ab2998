use crate::people::{enrolled, of_embeddings, scheme_with, subjects};
use biopay_biometrics::Template;
use biopay_biometrics::attack::Stolen;
use biopay_biometrics::attack::stolen_factor::verdicts;
use biopay_biometrics::scheme::{
    BioHashParameters, BloomFilterParameters, IndexOfMaxParameters, MlpHashParameters, PolyProtectParameters, SchemeId,
    SchemeParameters, TokenUse,
};

#[test]
fn what_is_stolen_decides_what_an_impostor_scores() {
    let people = subjects(0..60, 3);
    // 1 - acos(.233)/π: the cosine that one in 100 non-mated pairs reaches.
    let parameters = SchemeParameters {
        biohash: BioHashParameters { bits: 1_024, depth: 1, threshold: 0.575 },
        index_of_max: IndexOfMaxParameters { groups: 1_280, group_size: 4, threshold: 0.34, ..Default::default() },
        polyprotect: PolyProtectParameters { threshold: 0.62, ..Default::default() },
        mlp_hash: MlpHashParameters { threshold: 0.747, ..Default::default() },
        bloom_filter: BloomFilterParameters { threshold: 0.179, ..Default::default() },
        ..SchemeParameters::for_embeddings()
    };
    let probes: Vec<Vec<Template>> = people.iter().map(|captures| captures[1..].to_vec()).collect();
    for id in of_embeddings() {
        let scheme = scheme_with(id, &parameters);
        let targets = enrolled(scheme.as_ref(), &people, 0, "test/stolen");
        for stolen in Stolen::ALL {
            let found = verdicts(scheme.as_ref(), &targets, &probes, stolen);
            let (fnmr, fmr) = found.rates();
            let mut scores = found.scores().1;
            scores.sort_unstable_by(f32::total_cmp);
            let (median, top) = (scores[scores.len() / 2], scores[scores.len() - 1]);
            println!(
                "{} {}: FNMR {fnmr:.3}, FMR {fmr:.5}, impostors' median {median:.3}, top {top:.3}",
                id.name(),
                stolen.name()
            );
            // A stranger's words are as far away under one secret word as under another: no second factor. Integers of two
            // tokens are alike now and then: at most one in 300 gets in.
            let chance = if id == SchemeId::PolyProtect { 0.003 } else { 0.0 };
            let is_second_factor = scheme.token_use() == TokenUse::Keys && id != SchemeId::BloomFilter;
            if is_second_factor && stolen != Stolen::Both {
                assert!(fmr <= chance, "{} {stolen:?} {fmr}", id.name());
            } else if scheme.token_use() == TokenUse::Keys {
                assert!(fmr > 0.003 && fmr < 0.03, "{} {fmr}", id.name());
            }
        }
    }
}
