//! Exhaustive comparison on one core: `comparison/hamming/KERNEL/BITS`, `comparison/hamming/KERNEL-tail/BITS` where the
//! nearest pairs are kept besides, `comparison/cosine/DIMENSION`.
//!
//! `against_faiss.py` beside this file holds the same figure against FAISS in one run.

use biopay_biometrics::BitString;
use biopay_biometrics::comparison::{COSINE_BINS, CodeSet, Kernel, Span, VectorSet};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;

const ROWS: usize = 1_024;
const COLUMNS: usize = 65_536;

fn codes(rng: &mut impl Rng, len: usize, bits: usize) -> CodeSet {
    let codes: Vec<_> = (0..len).map(|_| BitString::from_bits((0..bits).map(|_| rng.random::<bool>()))).collect();
    CodeSet::new(&codes)
}

fn vectors(rng: &mut impl Rng, len: usize, dimension: usize) -> VectorSet {
    let scale = (dimension as f32).sqrt().recip();
    let one = |rng: &mut _| (0..dimension).map(|_| scale * sign(rng)).collect::<Vec<f32>>();
    let vectors: Vec<_> = (0..len).map(|_| one(rng)).collect();
    VectorSet::new(vectors.iter().map(Vec::as_slice))
}

fn sign(rng: &mut impl Rng) -> f32 {
    if rng.random() { 1.0 } else { -1.0 }
}

fn hamming(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut group = c.benchmark_group("comparison/hamming");
    group.throughput(Throughput::Elements((ROWS * COLUMNS) as u64)).sample_size(10);
    for bits in [256, 512, 1024] {
        let (rows, columns) = (codes(&mut rng, ROWS, bits), codes(&mut rng, COLUMNS, bits));
        let span = Span::rectangle(ROWS, COLUMNS);
        for kernel in Kernel::available() {
            group.bench_function(BenchmarkId::new(kernel.name(), bits), |b| {
                b.iter(|| black_box(rows.count(&columns, &span, kernel, 0, &|_| {})));
            });
        }
        // Five standard deviations below the mean: about one pair in four million.
        let nearest = (bits as f64 / 2.0 - 2.5 * (bits as f64).sqrt()) as usize;
        let best = Kernel::best();
        group.bench_function(BenchmarkId::new(format!("{}-tail", best.name()), bits), |b| {
            b.iter(|| black_box(rows.count(&columns, &span, best, nearest, &|_| {})));
        });
    }
}

fn cosine(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut group = c.benchmark_group("comparison/cosine");
    group.throughput(Throughput::Elements((ROWS * COLUMNS) as u64)).sample_size(10);
    let (rows, columns) = (vectors(&mut rng, ROWS, 128), vectors(&mut rng, COLUMNS, 128));
    let span = Span::rectangle(ROWS, COLUMNS);
    group.bench_function(BenchmarkId::from_parameter(128), |b| {
        b.iter(|| black_box(rows.count(&columns, &span, COSINE_BINS, &|_| {})));
    });
}

/// One thread, so that the figure is per core.
fn one_core() -> Criterion {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("no pool was built before");
    Criterion::default()
}

criterion_group! { name = benches; config = one_core(); targets = hamming, cosine }
criterion_main!(benches);
