use crate::people::{enrolled, strangers, subjects};
use biopay_biometrics::Template;
use biopay_biometrics::attack::dictionary::{coverage, coverage_of_payloads, evolve, greedy_cover, hits, worst_code};
use biopay_biometrics::attack::{Stolen, Target, TemplateModel};
use biopay_biometrics::scheme::{BioHash, BioHashParameters, Scheme, TemplateScheme};
use biopay_datasets::stream::stream;

const TRAINING: u64 = 400;
const HELD_OUT: u64 = 400;
const CANDIDATES: u64 = 600;

fn parts(scheme: &dyn Scheme) -> (Vec<Target>, Vec<Target>) {
    let all = enrolled(scheme, &subjects(0..TRAINING + HELD_OUT, 1), 0, "test/dictionary");
    let (training, held_out) = all.split_at(TRAINING as usize);
    (training.to_vec(), held_out.to_vec())
}

#[test]
fn a_dictionary_hits_more_than_chance() {
    let candidates = strangers(10_000..10_000 + CANDIDATES);
    // At 4 bits a number 1 - acos(c)/π of .602 and .572: the cosines .318 and .233 that FMR 1e-3 and 1e-2 have.
    for (rate, threshold) in [("0.1 %", 0.603), ("1 %", 0.575)] {
        let scheme = TemplateScheme::new(threshold, 4).unwrap();
        let (training, held_out) = parts(&scheme);
        let own = training[0].clone();
        let trained = coverage(&scheme, &candidates, &training, Stolen::Both, &own);
        let random = coverage(&scheme, &candidates, &held_out, Stolen::Both, &own);
        let far = random.iter().map(|row| f64::from(row.count_ones())).sum::<f64>() / (CANDIDATES * HELD_OUT) as f64;
        let chosen = greedy_cover(&trained, 3);
        let entries = chosen.iter().map(|&i| random[i].clone()).collect();
        let masters = hits(&entries, &random);
        let wolf = hits(&vec![random[chosen[0]].clone()], &random);
        let population = TemplateModel::new(&candidates[..400]);
        let factors: Vec<_> = training.iter().map(Target::factors).collect();
        let mut rng = stream(5, "test/evolve", 0);
        let start: &Template = &candidates[chosen[0]];
        let evolved = evolve(&scheme, &training, &factors, (start, &population), 400, &mut rng);
        let evolved = hits(&coverage(&scheme, &[evolved], &held_out, Stolen::Both, &own), &random);
        // At 0.1 % one or two are hit by chance: too few to be held to anything.
        assert!(threshold > 0.6 || masters.lift() > 1.2 && wolf.lift() > 1.2, "{masters:?} {wolf:?}");
        println!("FMR {rate} ({far:.5}): three MasterPrints {masters:?} lift {:.1}", masters.lift());
        println!("   wolf {wolf:?} lift {:.1}", wolf.lift());
        println!("   evolved {evolved:?} lift {:.1}", evolved.lift());
    }
}

#[test]
fn a_dictionary_through_the_tokens_hits_as_without_them_and_through_another_token_nobody() {
    let candidates = strangers(10_000..10_300);
    let scheme = BioHash::new(BioHashParameters { bits: 1_024, depth: 1, threshold: 0.575 }).unwrap();
    let (training, held_out) = parts(&scheme);
    let own = training[0].clone();
    for stolen in [Stolen::Both, Stolen::Helper] {
        let trained = coverage(&scheme, &candidates, &training, stolen, &own);
        let random = coverage(&scheme, &candidates, &held_out, stolen, &own);
        let entries = greedy_cover(&trained, 3).iter().map(|&i| random[i].clone()).collect();
        let found = hits(&entries, &random);
        println!("biohash at an FMR of 1 %, {stolen:?} stolen: {found:?} lift {:.1}", found.lift());
        assert!(if stolen == Stolen::Both { found.hit > 5 } else { found.hit == 0 });
    }
}

#[test]
fn a_fixed_code_opens_a_biased_code_space_and_no_other() {
    let scheme = TemplateScheme::new(0.68, 1).unwrap();
    for (name, bias) in [("biased", 0.5f32), ("balanced", 0.0)] {
        // A shift of half a deviation makes 69 % of the bits ones.
        let shifted = |captures: &Vec<Template>| {
            let margins = captures[0].margins().iter().map(|m| m + bias).collect();
            vec![Template::new(captures[0].real().to_vec(), margins)]
        };
        let people: Vec<Vec<Template>> = subjects(0..400, 1).iter().map(shifted).collect();
        let all = enrolled(&scheme, &people, 0, "test/fixed-code");
        let (training, held_out) = all.split_at(200);
        let code = worst_code(&scheme, training, 2, 1, &mut stream(6, "test/fixed-code", 0)).unwrap();
        let others: Vec<_> = training.iter().map(|t| t.enrolment.payload.clone()).collect();
        let random = coverage_of_payloads(&scheme, &others, held_out);
        let far = random.iter().map(|row| f64::from(row.count_ones())).sum::<f64>() / (200.0 * 200.0);
        let found = hits(&coverage_of_payloads(&scheme, &[code], held_out), &random);
        println!("{name} code space: FAR {far:.5}, fixed code {found:?}, lift {:.1}", found.lift());
        assert!(if bias > 0.0 { found.share() > 0.5 && found.lift() > 100.0 } else { found.hit == 0 });
    }
}
