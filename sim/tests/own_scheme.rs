//! A scheme that somebody else wrote, in Python, from scenario to report: it is evaluated, paid with and attacked like ours.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::RunReader;
use biopay_reports::records::TransactionOutcome;
use std::path::Path;
use std::process::{Command, Output};

fn biopay(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A scenario in which everybody pays with the scheme of this program.
fn scenario(folder: &Path, program: &str, clock: &str) {
    let toml = format!(
        "clock = \"{clock}\"\nhandsets = 8\n\
         [biometric]\nmodality = \"embedding\"\nenrolment-captures = 2\n\
         [schemes]\nuse = [\"own\"]\n\
         [schemes.parameters.own]\ncommand = [\"python3\", {program:?}]\n\
         [payments]\nper-handset = 2\n\
         [arrivals]\nregistrations-per-s = 5.0\npayment-gap-s = 0.5\n\
         [generator]\nlag-limit-ms = 60000\n\
         [[attack]]\nkind = \"brute-force\"\ntargets = 2\nbudget = 20\n"
    );
    std::fs::write(folder.join("own.toml"), toml).unwrap();
}

fn example() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/example/own_scheme.py").to_str().unwrap().to_owned()
}

fn charged(folder: &Path) -> usize {
    let run = RunReader::open(folder).unwrap();
    let transactions = run.records().unwrap().transactions;
    transactions.iter().filter(|t| t.outcome == TransactionOutcome::Charged).count()
}

#[test]
fn payments_are_decided_by_it_and_one_seed_gives_one_digest() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), &example(), "virtual");
    let digests: Vec<String> = ["a", "b"]
        .into_iter()
        .map(|out| {
            let done = biopay(&["run", "own.toml", "--seed", "4", "--out", out], folder.path());
            assert!(done.status.success(), "{}", text(&done.stderr));
            assert!(text(&done.stdout).contains("own"), "{}", text(&done.stdout));
            RunReader::open(&folder.path().join(out)).unwrap().manifest().digest.clone()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
    let again = biopay(&["rerun", "a"], folder.path());
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert!(charged(&folder.path().join("a")) >= 12, "{} of 16 were charged", charged(&folder.path().join("a")));
}

#[test]
fn the_server_of_a_wall_clock_run_asks_it_too() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), &example(), "wall");
    let done = biopay(&["run", "own.toml", "--out", "run"], folder.path());
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(charged(&folder.path().join("run")) >= 12, "{} of 16 were charged", charged(&folder.path().join("run")));
}

#[test]
fn it_is_evaluated_like_ours() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), &example(), "virtual");
    let evaluate = ["evaluate", "--modality", "embedding", "--subjects", "20", "--parameters", "own.toml"];
    let done = biopay(&[&evaluate[..], &["--scheme", "own"]].concat(), folder.path());
    assert!(
        done.status.success() && text(&done.stdout).contains("EER"),
        "{}{}",
        text(&done.stdout),
        text(&done.stderr)
    );
}

#[test]
fn one_that_fails_is_named_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bad.py");
    let lines =
        "import sys\nprint('{\"version\": 1}', flush=True)\nsys.stdin.readline()\nsys.stdin.readline()\nsys.exit(9)\n";
    std::fs::write(&program, lines).unwrap();
    scenario(folder.path(), program.to_str().unwrap(), "virtual");
    let done = biopay(
        &["evaluate", "--modality", "embedding", "--subjects", "10", "--parameters", "own.toml", "--scheme", "own"],
        folder.path(),
    );
    assert!(text(&done.stderr).contains("exit status: 9"), "{}", text(&done.stderr));
    assert_eq!(done.status.code(), Some(5), "nothing was measured: {}", text(&done.stdout));

    std::fs::write(folder.path().join("none.toml"), "[schemes]\nuse = [\"own\"]\n").unwrap();
    let done = biopay(&["run", "none.toml"], folder.path());
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("schemes.parameters.own.command"), "{}", text(&done.stderr));
}
