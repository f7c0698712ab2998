//! The page "Read it in Python": its programs run, and give what the run folder holds.
//!
//! Needs `python3` with polars (`pip install polars`). Without it the test says so and checks nothing, unless
//! `BIOPAY_REQUIRE_PEERS` is set.

use biopay_reports::RunReader;
use biopay_reports::records::TransactionKind;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../reports/doc/python.md");

fn biopay(arguments: &[&str], folder: &Path) {
    let done = Command::new(env!("CARGO_BIN_EXE_biopay"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn python(program: &str, folder: &Path) -> String {
    let done = Command::new("python3").args(["-c", program]).current_dir(folder).output().expect("python3 starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn has_polars() -> bool {
    let found = Command::new("python3").args(["-c", "import polars"]).output().is_ok_and(|o| o.status.success());
    if !found {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "python3 has no polars");
        eprintln!("not checked: python3 has no polars");
    }
    found
}

#[test]
fn the_pages_programs_run() {
    let programs: Vec<&str> =
        PAGE.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert_eq!(programs.len(), 2);
    if !has_polars() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let small = "scenario = \"stored-qr\"\n[set]\nhandsets = 4\nbiometric.modality = \"embedding\"\n\
        comparisons.subjects = 4\npayments.recapture = 1\n[grid]\nusers.think-ms = [0, 1000]\n";
    std::fs::write(folder.path().join("think.toml"), small).unwrap();
    biopay(&["sweep", "think.toml", "--out", "sweep"], folder.path());
    let run = folder.path().join("sweep/points/00000");

    // The page's table in full, and the number of payments in it against the run's own records.
    let shown = python(&format!("{}print(by_journey['payments'].sum())", programs[0]), &run);
    assert!(shown.contains("median_s") && shown.contains("recapture"), "{shown}");
    let transactions = RunReader::open(&run).unwrap().records().unwrap().transactions;
    let payments = transactions.iter().filter(|t| t.kind != TransactionKind::Registration).count();
    assert_eq!(shown.lines().last(), Some(payments.to_string().as_str()));
    let shown = python(programs[1], &folder.path().join("sweep"));
    assert!(shown.contains("shape: (2, 4)"), "{shown}");
}
