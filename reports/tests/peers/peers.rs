//! Rates, intervals and tests held against SciPy, scikit-learn and PyEER.
//!
//! Needs `python3` with scipy, scikit-learn and pyeer. Without them the test says so and checks nothing, unless
//! `BIOPAY_REQUIRE_PEERS` is set.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::auc::auc;
use biopay_reports::cluster::{Design, NonMatedErrors};
use biopay_reports::compare::statistics::rates;
use biopay_reports::curve::SubjectScores;
use biopay_reports::interval::Rate;
use biopay_reports::rates::ScoreSet;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::Write;
use std::process::{Command, Stdio};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/peers.py");

fn has_peers() -> bool {
    let found = Command::new("python3").args(["-c", "import scipy, sklearn, pyeer"]).output();
    let found = found.is_ok_and(|o| o.status.success());
    if !found {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "python3 lacks scipy, scikit-learn or pyeer");
        eprintln!("not checked: python3 lacks scipy, scikit-learn or pyeer");
    }
    found
}

/// Scores with ties, in steps of a thousandth.
fn drawn() -> (Vec<f32>, Vec<f32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut score = |mean: f64| {
        let sum: f64 = (0..6).map(|_| rng.random::<f64>()).sum();
        ((mean + sum / 6.0) * 1_000.0).round() as f32 / 1_000.0
    };
    ((0..2_000).map(|_| score(0.3)).collect(), (0..20_000).map(|_| score(0.0)).collect())
}

fn wide(scores: &[f32]) -> Vec<f64> {
    scores.iter().map(|score| f64::from(*score)).collect()
}

/// A list of pairs with holes, and one subject who matches everybody.
fn pairs() -> Vec<((u32, u32), u64, u64)> {
    let all = (0..14u32).flat_map(|a| (a + 1..14).map(move |b| (a, b)));
    let listed = all.filter(|(a, b)| (a * b) % 4 != 3);
    listed.map(|(a, b)| ((a, b), u64::from(a == 2 || b == 2 || a + b == 13), u64::from(1 + (a + b) % 3))).collect()
}

#[test]
fn figures_are_those_of_scipy_scikit_learn_and_pyeer() {
    if !has_peers() {
        return;
    }
    let (mated, non_mated) = drawn();
    let set = ScoreSet::new(mated.clone(), non_mated.clone());
    let own = (0..).zip(&mated).map(|(i, s)| (*s, i % 200, 1)).collect();
    let others: Vec<_> = (0..).zip(&non_mated).map(|(i, s)| (*s, (i % 199, 199))).collect();
    let scores = SubjectScores::new(set.clone(), own, others, f32::NEG_INFINITY, Design::EverySample(vec![1; 200]));
    let exact = |(count, total)| {
        let rate = Rate::independent(count, total);
        let (exact, wilson) = (rate.exact.unwrap(), rate.wilson.unwrap());
        serde_json::json!([count, total, exact.lower, exact.upper, wilson.lower, wilson.upper])
    };
    let fisher = |(a, n, b, m): (u64, u64, u64, u64)| {
        let p = rates(&Rate::independent(a, n), &Rate::independent(b, m)).unwrap().p_value;
        serde_json::json!([a, n, b, m, p])
    };
    let counts = [(0, 300), (30, 3_000), (1, 1_998_000), (9, 9), (450, 16_632)].map(exact);
    let tables = [(0, 16_632, 426, 16_632), (3, 50, 9, 41), (20, 5_050, 0, 5_050)].map(fisher);
    let listed: Vec<_> = pairs().into_iter().map(|((a, b), errors, trials)| (a, b, errors, trials)).collect();
    let document = serde_json::json!({
        "mated": mated, "non_mated": non_mated,
        "eer": scores.equal_error_rate().unwrap().value,
        "fmr100": set.lowest_fnmr(1e-2).fnmr, "fmr1000": set.lowest_fnmr(1e-3).fnmr,
        "auc": auc(&wide(&mated), &wide(&non_mated)).unwrap().0,
        "rates": counts, "fisher": tables, "pairs": listed,
        "design_effect": NonMatedErrors::from_pairs(pairs()).rate().design_effect,
    });
    let mut python = Command::new("python3").arg(PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
    let done = python.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&done.stdout);
    println!("{shown}");
    assert!(done.status.success(), "{shown}");
    assert!(shown.lines().count() >= 25, "{shown}");
}
