//! `fingerprint/extract/388x374`, `fingerprint/template/388x374`, `fingerprint/compare/{mated,non-mated}`.

#[path = "../tests/support/ridges.rs"]
mod ridges;

use biopay_biometrics::fingerprint::{Extractor, MinutiaeTemplate, compare};
use criterion::{Criterion, criterion_group, criterion_main};
use ridges::{Pose, Ridges};
use std::hint::black_box;

fn bench(criterion: &mut Criterion) {
    let extractor = Extractor::new();
    let moved = Pose { rotation: 0.3, shift: (20.0, -15.0), bend: 4.0, noise: 9 };
    let sample = Ridges::random(1, 40).draw(374, 388, Pose::STRAIGHT);
    let again = Ridges::random(1, 40).draw(374, 388, moved);
    let other = Ridges::random(2, 40).draw(374, 388, moved);
    let features = extractor.extract(&sample).expect("the pattern is clear");
    let [a, b, c] =
        [&sample, &again, &other].map(|s| MinutiaeTemplate::new(&extractor.extract(s).expect("the pattern is clear")));

    let mut group = criterion.benchmark_group("fingerprint");
    group.bench_function("extract/388x374", |bencher| bencher.iter(|| extractor.extract(black_box(&sample))));
    group.bench_function("template/388x374", |bencher| bencher.iter(|| MinutiaeTemplate::new(black_box(&features))));
    group.bench_function("compare/mated", |bencher| bencher.iter(|| compare(black_box(&a), black_box(&b))));
    group.bench_function("compare/non-mated", |bencher| bencher.iter(|| compare(black_box(&a), black_box(&c))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
