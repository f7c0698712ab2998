//! What a run is held against and what it leaves for other programs, as a user meets it.

use biopay_reports::export::Document;
use std::path::Path;
use std::process::{Command, Output};

/// A run in virtual time that takes seconds: points in place of images.
const SMALL: [&str; 12] = [
    "run",
    "ageing",
    "--seed",
    "5",
    "--set",
    "handsets=6",
    "--set",
    "biometric.modality=embedding",
    "--set",
    "comparisons.subjects=6",
    "--set",
    "payments.per-handset=2",
];

fn biopay(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay")).args(arguments).current_dir(folder).output().expect("the program starts")
}

fn small(more: &[&str], folder: &Path) -> Output {
    biopay(&[&SMALL[..], more].concat(), folder)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn thresholds_decide_the_exit_code_and_stand_in_every_output() {
    let folder = tempfile::tempdir().unwrap();
    for (threshold, code, words) in [
        ("money.violations == 0", 0, "Verdict: passed"),
        ("charge.count > 1000", 3, "Verdict: failed"),
        ("fmr < 1e-6", 5, "Verdict: not enough evidence"),
        ("charge.p98 < 1s", 2, "no figure ends in"),
    ] {
        let set = format!("thresholds=[\"{threshold}\"]");
        let done = small(&["--out", "run", "--overwrite", "--set", &set], folder.path());
        let shown = text(&done.stdout) + &text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{threshold}: {shown}");
        assert!(shown.contains(words), "{threshold}: {shown}");
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join("run").join(name)).unwrap();
    let document: Document = serde_json::from_str(&read("summary.json")).unwrap();
    assert!(document.thresholds.0.len() >= 2 && document.thresholds.0.iter().all(|j| j.observed.is_some()));
    let junit = read("junit.xml");
    assert!(junit.contains("<error type=\"not-enough-evidence\"") && junit.contains("fmr &lt; 1e-6"), "{junit}");
    let report = read("report.html");
    assert!(report.find("id=\"verdict\"").unwrap() < report.find("id=\"figures\"").unwrap());
    for (format, words) in [("csv", "money.violations,0"), ("markdown", "| not enough evidence |"), ("junit", "<?xml")]
    {
        let done = biopay(&["report", "run", "--format", format], folder.path());
        assert!(text(&done.stdout).contains(words), "{format}: {}", text(&done.stdout));
    }
    assert!(biopay(&["report", "run", "--format", "plots", "--out", "plots"], folder.path()).status.success());
    assert!(std::fs::read_to_string(folder.path().join("plots/latency.svg")).unwrap().contains("xmlns"));
}
