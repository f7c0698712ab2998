//! The time of every interval of a scheme on 2 million comparisons of 1,000 subjects, on one core, against the naive
//! bootstrap, which draws each comparison again.
//!
//! ```sh
//! cargo bench -p biopay-reports --bench evidence
//! ```
//! The peer is timed for one resample of the FMR alone; 2,000 take 2,000 times as long.

use biopay_reports::records::Comparison;
use biopay_reports::run_folder::Records;
use biopay_reports::{Manifest, Summary};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::time::Duration;

const SUBJECTS: u32 = 1_000;
const RESAMPLES: u32 = 2_000;

/// Two captures of each subject, each compared with each: 1,000 mated comparisons and 1,998,000 others.
fn rows() -> Vec<Comparison> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut score = move |mean: f32| mean + (0..4).map(|_| rng.random::<f32>()).sum::<f32>() / 4.0;
    let mut row = |reference: u32, probe: u32, mean| {
        let score = score(mean);
        Comparison {
            scheme: "template".into(),
            reference_subject: reference,
            probe_subject: probe,
            reference_device: String::new(),
            probe_device: String::new(),
            score: Some(score),
            accepted: score >= 1.0,
            failure: None,
            probe_capture: None,
        }
    };
    let mut out = Vec::new();
    for a in 0..SUBJECTS {
        out.push(row(a, a, 0.5));
        for b in a + 1..SUBJECTS {
            out.extend((0..4).map(|_| row(a, b, 0.1)));
        }
    }
    out
}

fn manifest() -> Manifest {
    serde_json::from_value(serde_json::json!({
        "schema": biopay_reports::manifest::SCHEMA, "scenario_name": "bench", "scenario": {}, "seed": 1,
        "clock": "virtual", "program": "bench", "command": "", "started_unix_s": 0, "duration_us": 1_000_000,
        "machine": {"platform": "", "processor": "", "cores": 1}, "completion": "complete", "handsets": 1,
        "notes": [], "artefacts": {}, "digest": "",
    }))
    .expect("it is a manifest")
}

fn evidence(c: &mut Criterion) {
    let records = Records { comparisons: rows(), ..Records::default() };
    let errors: Vec<bool> = records.comparisons.iter().filter(|c| !c.is_mated()).map(|c| c.accepted).collect();
    let mut group = c.benchmark_group("reports/evidence");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(10));
    group.bench_function("every-interval/2M", |b| {
        b.iter(|| black_box(Summary::new(manifest(), &records)));
    });
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    group.bench_function(format!("naive-bootstrap-fmr-one-of-{RESAMPLES}/2M"), |b| {
        b.iter(|| {
            let drawn = (0..errors.len()).filter(|_| errors[rng.random_range(0..errors.len())]).count();
            black_box(drawn as f64 / errors.len() as f64)
        });
    });
    group.finish();
}

criterion_group!(benches, evidence);
criterion_main!(benches);
