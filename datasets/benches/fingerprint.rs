//! Times the generator: `fingerprint/generate/...`.

use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn generate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fingerprint/generate");
    let optical = Device::named("optical").expect("a profile of that name");
    let finger = Finger::generate(1, 1, None);
    group.sample_size(20);
    group.bench_function("master", |bench| bench.iter(|| Finger::generate(1, black_box(1), None)));
    for name in Device::NAMES {
        let device = Device::named(name).expect("a listed name");
        let capture = |number| finger.capture(&device, CaptureQuality::default(), number);
        group.bench_function(format!("capture/{name}"), |bench| bench.iter(|| capture(black_box(1))));
    }
    group.bench_function("finger-of-8/optical", |bench| {
        bench.iter(|| {
            let finger = Finger::generate(1, black_box(2), None);
            (1..=8).map(|number| finger.capture(&optical, CaptureQuality::default(), number)).collect::<Vec<_>>()
        });
    });
    group.finish();
}

criterion_group!(benches, generate);
criterion_main!(benches);
