//! Times faces: `face/generate/...`, `face/capture/...`, `face/extract/...`, `face/compare/...`, `embedding/...`.

use biopay_biometrics::Sample;
use biopay_biometrics::face::Extractor;
use biopay_datasets::embedding::EmbeddingPopulation;
use biopay_datasets::face::{Device, Face, Nuisance};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn generate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("face");
    group.sample_size(20);
    let face = Face::generate(1, 1);
    group.bench_function("generate/subject", |bench| bench.iter(|| Face::generate(1, black_box(1))));
    for name in Device::NAMES {
        let device = Device::named(name).expect("a listed name");
        let capture = |number| face.capture(&device, Nuisance::default(), number);
        group.bench_function(format!("capture/{name}"), |bench| bench.iter(|| capture(black_box(1))));
    }
    group.throughput(Throughput::Elements(8));
    group.bench_function("subject-of-8/handset", |bench| {
        let handset = Device::named("handset").expect("a listed name");
        bench.iter(|| {
            let face = Face::generate(1, black_box(2));
            (1..=8).map(|number| face.capture(&handset, Nuisance::default(), number)).collect::<Vec<_>>()
        });
    });
    group.finish();
}

fn extract(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("face");
    let sample = |subject: u64| -> Sample {
        let device = Device::named("pc").expect("a listed name");
        Face::generate(2, subject).capture(&device, Nuisance::default(), 1).sample
    };
    let extractor = Extractor::builtin();
    let first = sample(1);
    group.bench_function("extract/112x112", |bench| bench.iter(|| extractor.template(black_box(&first))));
    let templates: Vec<_> = (1..=40).filter_map(|subject| extractor.template(&sample(subject)).ok()).collect();
    let probe = &templates[0];
    group.throughput(Throughput::Elements(templates.len() as u64));
    group.bench_function("compare/real", |bench| {
        bench.iter(|| black_box(&templates).iter().map(|t| t.cosine(probe)).sum::<f32>());
    });
    group.bench_function("compare/binary", |bench| {
        bench.iter(|| black_box(&templates).iter().map(|t| t.bit_agreement(probe)).sum::<f32>());
    });
    group.finish();
}

fn embed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("embedding");
    let population = EmbeddingPopulation::new(1, 1_000);
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("draw/1000", |bench| bench.iter(|| population.embeddings(black_box(1)).count()));
    group.finish();
}

criterion_group!(benches, generate, extract, embed);
criterion_main!(benches);
