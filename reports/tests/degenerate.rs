//! No output holds NaN or an infinite number, however little a run has: the terminal, HTML, JSON, CSV, Markdown, JUnit, plots,
//! comparisons and sweeps of runs without comparisons, with one, with equal scores, without any sample that was acquired.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::compare::{Side, compare, compare_replicated, markdown, terminal as comparison_text};
use biopay_reports::export::{self, Document};
use biopay_reports::metric::metrics;
use biopay_reports::records::{Attack, AttackFigure, Comparison, FAILURE_TO_ACQUIRE};
use biopay_reports::run_folder::Records;
use biopay_reports::sweep::{Point, csv};
use biopay_reports::{LatencyRecorder, Manifest, RunReader, RunWriter, Summary, html, terminal};

fn comparison(reference: u32, probe: u32, score: Option<f32>, failure: Option<&str>) -> Comparison {
    Comparison {
        scheme: "template".into(),
        reference_subject: reference,
        probe_subject: probe,
        reference_device: "handset".into(),
        probe_device: "handset".into(),
        score,
        accepted: score.is_some_and(|s| s >= 0.5),
        failure: failure.map(str::to_owned),
        probe_capture: None,
    }
}

fn all_pairs(subjects: u32, of: impl Fn(u32, u32) -> Comparison) -> Records {
    let pairs = (0..subjects).flat_map(|a| (a..subjects).map(move |b| (a, b)));
    Records { comparisons: pairs.map(|(a, b)| of(a, b)).collect(), ..Records::default() }
}

fn attack(succeeded: bool, tries: u64) -> Attack {
    Attack {
        attack: "replay".into(),
        variant: String::new(),
        configuration: "hardened".into(),
        scheme: "template".into(),
        knowledge: "a symbol".into(),
        target_subject: 1,
        attacker_subject: 9,
        tries,
        budget: 3,
        succeeded,
        outcome: String::new(),
        took_us: 0,
    }
}

fn figure(value: f64, lower: Option<f64>) -> AttackFigure {
    AttackFigure {
        attack: "replay".into(),
        variant: String::new(),
        configuration: "hardened".into(),
        scheme: String::new(),
        measure: "FMR".into(),
        value,
        lower,
        upper: lower,
        count: 0,
        expected: None,
        source: String::new(),
    }
}

fn latencies(of: &[u64], has_times: bool) -> LatencyRecorder {
    let mut recorder = LatencyRecorder::default();
    for (at, took) in (0..).zip(of) {
        if has_times { recorder.record_at("charge", at, *took) } else { recorder.record("charge", *took) }
    }
    recorder
}

/// Runs of which little or nothing is known.
fn degenerate() -> Vec<(&'static str, Records)> {
    let refused = |a, b| comparison(a, b, None, Some(FAILURE_TO_ACQUIRE));
    let with = |latency| Records { latency, ..Records::default() };
    vec![
        ("nothing", Records::default()),
        ("no sample was acquired", all_pairs(6, refused)),
        ("nothing was derived", all_pairs(6, |a, b| comparison(a, b, None, Some("failure to derive")))),
        ("mated comparisons alone", all_pairs(1, |a, b| comparison(a, b, Some(0.7), None))),
        (
            "non-mated comparisons alone",
            Records { comparisons: vec![comparison(0, 1, Some(0.2), None)], ..Records::default() },
        ),
        ("two subjects", all_pairs(2, |a, b| comparison(a, b, Some(if a == b { 0.9 } else { 0.1 }), None))),
        ("equal scores", all_pairs(8, |a, b| comparison(a, b, Some(0.5), None))),
        ("every comparison wrong", all_pairs(8, |a, b| comparison(a, b, Some(if a == b { 0.1 } else { 0.9 }), None))),
        (
            "scores that are none",
            all_pairs(8, |a, b| {
                let none = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN, f32::MAX][(a + b) as usize % 5];
                comparison(a, b, Some(none), None)
            }),
        ),
        ("no finite score", all_pairs(8, |a, b| comparison(a, b, Some(f32::NAN), None))),
        (
            "half of the samples not acquired",
            all_pairs(8, |a, b| if b % 2 == 0 { refused(a, b) } else { comparison(a, b, Some(0.4), None) }),
        ),
        ("no scores", all_pairs(8, |a, b| Comparison { accepted: a == b, ..comparison(a, b, None, None) })),
        ("one latency", with(latencies(&[70_000], true))),
        ("equal latencies at once", with(latencies(&[0; 40], false))),
        ("equal latencies", with(latencies(&[1_000; 400], true))),
        ("the longest latency", with(latencies(&[1, u64::MAX / 4], true))),
        (
            "attacks without a query",
            Records {
                attacks: vec![attack(false, 0), attack(false, 0)],
                attack_figures: vec![figure(0.0, None), figure(1e-300, Some(0.0))],
                ..Records::default()
            },
        ),
        ("one attack", Records { attacks: vec![attack(true, 1)], ..Records::default() }),
    ]
}

fn manifest(seed: u64, duration_us: u64) -> Manifest {
    serde_json::from_value(serde_json::json!({
        "schema": biopay_reports::manifest::SCHEMA, "scenario_name": "degenerate", "seed": seed,
        "scenario": {"thresholds": ["template.fmr < 1e-3", "template.eer < 0.01", "charge.p99 < 1s"]},
        "clock": "virtual", "program": "test", "command": "", "started_unix_s": 0, "duration_us": duration_us,
        "machine": {"platform": "", "processor": "", "cores": 1}, "completion": "complete", "handsets": 1,
        "operating_thresholds": {"template": 0.5}, "notes": [], "artefacts": {}, "digest": "",
    }))
    .unwrap()
}

/// Every output of a run, and of its comparison with itself, by name.
fn outputs(records: &Records, duration_us: u64) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("run");
    RunWriter::create(&target).unwrap().finish(records, manifest(1, duration_us)).unwrap();
    let run = RunReader::open(&target).unwrap();
    let (summary, read) = Summary::read(&run).unwrap();
    let document = Document::new(&summary).unwrap();
    let side = |seed| {
        let summary = Summary { manifest: manifest(seed, duration_us), ..summary.clone() };
        Side::of("run", &summary, read.latency.clone())
    };
    let compared = compare(&side(1), &side(2), 0.0, Vec::new());
    let replicated = compare_replicated(&[side(1), side(2)], &[side(1), side(2)], 0.0, Vec::new()).unwrap();
    let point = Point {
        name: "p".into(),
        settings: Vec::new(),
        seed: 1,
        verdict: document.verdict,
        figures: metrics(&summary),
    };
    let mut out: Vec<(String, String)> = vec![
        (
            "terminal".into(),
            terminal::verdicts(&document, terminal::Style::default())
                + &terminal::summary(&summary, terminal::Style::default()),
        ),
        ("html".into(), html::report(&run, None).unwrap()),
        ("json".into(), serde_json::to_string(&document).unwrap()),
        ("csv".into(), export::csv(&document)),
        ("junit".into(), export::junit(&document)),
        ("markdown".into(), export::markdown(&document)),
        ("comparison".into(), comparison_text(&compared, true) + &markdown(&compared)),
        ("comparison as json".into(), serde_json::to_string(&compared).unwrap()),
        ("replications".into(), comparison_text(&replicated, true) + &markdown(&replicated)),
        ("sweep".into(), csv(&[], &[point])),
    ];
    out.extend(export::plots(&summary, &read, None).iter().map(|(name, chart)| (name.clone(), chart.svg())));
    out
}

/// Finds words that are no numbers: NaN, infinities, and the extremes of 32-bit numbers.
fn no_numbers(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '.'));
    let is_none = |word: &&str| {
        let word = word.to_lowercase();
        matches!(word.as_str(), "nan" | "inf" | "infinity") || word.contains("3402823") || word.contains("3.4028")
    };
    words.filter(is_none).map(str::to_owned).collect()
}

#[test]
fn no_output_holds_a_number_that_is_none() {
    for (name, records) in degenerate() {
        for duration_us in [0, 1_000_000] {
            for (output, text) in outputs(&records, duration_us) {
                let found = no_numbers(&text);
                assert!(found.is_empty(), "{name}, {output}: {found:?} in {text}");
            }
        }
    }
}

#[test]
fn words_that_are_no_numbers_are_found() {
    assert_eq!(
        no_numbers("d' NaN, [0 %, inf], -3.4028235e38, -340282350000"),
        ["NaN", "inf", "3.4028235e38", "340282350000"]
    );
    assert!(no_numbers("information, financial, 3.4 %, banana").is_empty());
}
