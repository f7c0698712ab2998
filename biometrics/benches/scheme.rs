//! `code/NAME/decode` at the most errors that each code is meant for, `scheme/NAME/{enrol,derive,refuse,verify}` on
//! templates of 256 numbers and 1,024 bits: a tenth of the bits wrong, and half of them for `refuse`, which is a
//! derivation by another subject.

use biopay_biometrics::code::ReedSolomon;
use biopay_biometrics::scheme::{
    CommitmentCode, CommitmentParameters, IndexVariant, SchemeId, SchemeParameters, build,
};
use biopay_biometrics::{BitString, PlacedMinutia, Template};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;

const CODES: [(&str, CommitmentCode, f64); 4] = [
    ("bch-511-87", CommitmentCode::Bch { length: 511, correctable: 87 }, 0.13),
    ("bch-1023-189", CommitmentCode::Bch { length: 1_023, correctable: 189 }, 0.15),
    ("reed-solomon-hadamard-16-10", CommitmentCode::ReedSolomonHadamard { blocks: 16, message_symbols: 10 }, 0.2),
    ("polar-1023-160", CommitmentCode::Polar { length: 1_023, key_bits: 160, list: 8 }, 0.15),
];

fn codes(criterion: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (name, parameters, error_rate) in CODES {
        let code = parameters.build().expect("the table's codes exist");
        let message = BitString::from_bits((0..code.message_bits()).map(|_| rng.random::<bool>()));
        let noisy = |bit: bool| if bit ^ (rng.random::<f64>() < error_rate) { 1.0 } else { -1.0 };
        let soft: Vec<f32> = code.encode(&message).iter().map(noisy).collect();
        criterion.bench_function(&format!("code/{name}/decode"), |b| b.iter(|| code.decode(black_box(&soft))));
    }
    let code = ReedSolomon::new(16, 256, 128).expect("a length within the field");
    let message: Vec<u16> = (0..128).map(|_| rng.random::<u32>() as u16).collect();
    let mut word: Vec<_> = code.encode(&message).into_iter().map(Some).collect();
    word.iter_mut().take(64).for_each(|symbol| *symbol = symbol.map(|s| s ^ 0x55));
    criterion.bench_function("code/reed-solomon-256-128/decode", |b| b.iter(|| code.decode(black_box(&word))));
}

fn template(noise: f32, rng: &mut ChaCha8Rng) -> Template {
    let mut own = ChaCha8Rng::seed_from_u64(7);
    let mut value = |reach: f32| reach * (own.random_range(-1.0f32..1.0) + noise * rng.random_range(-1.0f32..1.0));
    let real = (0..256).map(|_| value(1.0)).collect();
    // Minutiae within 120 pixels that move by a few.
    let mut minutia = || PlacedMinutia { x: value(120.0), y: value(120.0), angle: value(3.0) + 3.0, quality: 1.0 };
    let minutiae = (0..40).map(|_| minutia()).collect();
    Template::from_embedding(real, 1_024).with_minutiae(minutiae)
}

fn schemes(criterion: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (reference, probe, stranger) = (template(0.0, &mut rng), template(0.33, &mut rng), template(30.0, &mut rng));
    let [mut urp, mut rotated] = [(); 2].map(|()| SchemeParameters::default());
    urp.index_of_max.variant = IndexVariant::Permutation;
    rotated.index_of_max.variant = IndexVariant::RotatedPermutation;
    let commitment = CommitmentParameters { code: CODES[0].1, ..Default::default() };
    let hard = SchemeParameters { fuzzy_commitment: commitment, ..Default::default() };
    let own = SchemeId::ALL.map(|id| (id.name(), id, SchemeParameters::default()));
    let variants = [
        ("index-of-max-permutation", SchemeId::IndexOfMax, urp),
        ("index-of-max-rotated-permutation", SchemeId::IndexOfMax, rotated),
        ("fuzzy-commitment-bch", SchemeId::FuzzyCommitment, hard),
    ];
    for (name, id, parameters) in own.into_iter().chain(variants) {
        let scheme = build(id, &parameters).expect("the parameters are in range");
        let references = [reference.clone()];
        let enrolment = scheme.enrol(&references, None, &mut rng).expect("the template has every bit");
        let record = scheme.record(&enrolment.payload).expect("the payload is the scheme's own");
        let payload = &enrolment.payload;
        let mut group = criterion.benchmark_group(format!("scheme/{name}"));
        group.bench_function("enrol", |b| b.iter(|| scheme.enrol(black_box(&references), None, &mut rng)));
        group.bench_function("derive", |b| b.iter(|| scheme.derive(black_box(&probe), &enrolment.helper, None)));
        group.bench_function("refuse", |b| b.iter(|| scheme.derive(black_box(&stranger), &enrolment.helper, None)));
        group.bench_function("verify", |b| b.iter(|| scheme.verify(black_box(&record), payload)));
        group.finish();
    }
}

criterion_group!(benches, codes, schemes);
criterion_main!(benches);
