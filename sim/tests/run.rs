//! The program as a user runs it: real processes, real QUIC, a real run folder.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::manifest::Completion;
use biopay_reports::records::{Journey, Operation, TransactionOutcome};
use biopay_reports::{RunReader, Summary};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn biopay(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
    command.args(arguments).current_dir(folder);
    command
}

fn output(arguments: &[&str], folder: &Path) -> Output {
    biopay(arguments, folder).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_small_quickstart_charges_and_reports() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["--set", "handsets=8", "--set", "arrivals.payment-gap-s=0.5", "--set", "impostors.share=0.5"];
    let done = output(&[&["run", "quickstart", "--seed", "11"], &settings[..]].concat(), folder.path());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let shown = text(&done.stdout);
    assert!(shown.contains("FNMR") && shown.contains("charge"), "{shown}");

    let run = RunReader::open(&folder.path().join("runs/quickstart-1")).unwrap();
    assert_eq!((run.manifest().completion, run.manifest().seed), (Completion::Complete, 11));
    let records = run.records().unwrap();
    let registered = records.transactions.iter().filter(|t| t.outcome == TransactionOutcome::Registered).count();
    let charged: Vec<_> = records.transactions.iter().filter(|t| t.outcome == TransactionOutcome::Charged).collect();
    assert_eq!(registered, 8);
    assert!(charged.len() >= 8, "only {} of 16 payments were charged", charged.len());
    assert!(charged.iter().all(|t| t.bank_reference.is_some() && t.qr_accepted));
    assert_eq!(records.attacks.len(), records.transactions.iter().filter(|t| t.journey == Journey::Impostor).count());
    assert!(!records.network.is_empty() && !records.server.is_empty());
    let mated = records.comparisons.iter().filter(|c| c.is_mated()).count();
    assert!(mated >= 16 && records.comparisons.len() >= 2 * 8 * 7 + mated, "{mated} of {}", records.comparisons.len());

    let summary = Summary::new(run.manifest().clone(), &records);
    assert_eq!(summary.latency(Operation::Charge).map(|l| l.count), Some(charged.len() as u64));
    let report = std::fs::read_to_string(run.folder().join("report.html")).unwrap();
    assert!(report.contains("<svg") && !report.contains("http://") && !report.contains("https://"));

    let again = output(&["run", "quickstart", "--out", "runs/quickstart-1"], folder.path());
    assert_eq!(again.status.code(), Some(2), "a run is never overwritten unasked");
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_keeps_what_it_measured() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        ends_early_by(signal, code);
    }
}

/// Ends a run by a signal: by Ctrl-C, as a job scheduler does, as a closed terminal does.
#[cfg(unix)]
fn ends_early_by(signal: &str, code: i32) {
    let folder = tempfile::tempdir().unwrap();
    // A busy machine's late generator would make the run invalid.
    let settings = [
        "--set",
        "handsets=12",
        "--set",
        "arrivals.payment-gap-s=600",
        "--set",
        "generator.lag-limit-ms=60000",
        "--set",
        "impostors.share=0",
    ];
    let arguments = [&["run", "quickstart", "--out", "run"], &settings[..]].concat();
    let mut child = biopay(&arguments, folder.path()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // A quarter of the transactions are the registrations; the payments are ten minutes away.
    assert!(lines.any(|line| line.unwrap().starts_with("registering and paying")), "the run never began");
    let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}: {rest:?}");
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    assert_eq!(run.manifest().completion, Completion::Partial);
    let registered =
        run.records().unwrap().transactions.iter().filter(|t| t.outcome == TransactionOutcome::Registered).count();
    assert!(registered >= 1);
    assert!(std::fs::read_to_string(run.folder().join("report.html")).unwrap().contains("Partial run"));
}

#[test]
fn mistakes_get_exit_code_two_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["run", "nowhere.toml"][..], "quickstart"),
        (&["run", "--set", "handsets=one"], "handsets"),
        (&["run", "--set", "impostors.shore=1"], "share"),
        (
            &[
                "dataset",
                "fingerprint",
                "--subjects",
                "1",
                "--impressions",
                "1",
                "--seed",
                "1",
                "--out",
                "x",
                "--device",
                "nose",
            ],
            "capacitive",
        ),
        (&["dataset", "fingerprint", "--subjects", "0", "--impressions", "1", "--seed", "1", "--out", "x"], "subjects"),
        (&["report", "."], "manifest.json"),
        (&["frobnicate"], "Usage"),
    ] {
        let done = output(arguments, folder.path());
        let message = text(&done.stderr);
        assert!(message.contains(words), "{arguments:?}: {message}");
        assert!(matches!(done.status.code(), Some(1 | 2)), "{arguments:?}: {:?}", done.status);
    }
}

#[test]
fn one_seed_gives_one_dataset_and_its_scores_do_not_change() {
    let folder = tempfile::tempdir().unwrap();
    for out in ["a", "b"] {
        let made = ["dataset", "fingerprint", "--subjects", "3", "--impressions", "2", "--seed", "4", "--out", out];
        assert!(output(&made, folder.path()).status.success());
        let scores = format!("{out}.csv");
        let done =
            output(&["evaluate", "--modality", "fingerprint", "--images", out, "--scores", &scores], folder.path());
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a/1_1.png"), read("b/1_1.png"));
    assert_ne!(read("a/1_1.png"), read("a/1_2.png"));
    assert_eq!(read("a.csv"), read("b.csv"));
    assert_eq!(text(&read("a.csv")).lines().count(), 1 + 15);
}

/// A limit that nothing meets: everything is written and shown all the same, and the exit code says what it is worth.
#[test]
fn a_run_whose_generator_was_late_is_invalid_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        ["handsets=6", "payments.per-handset=2", "arrivals.payments-from-s=0", "generator.lag-limit-ms=1e-6"];
    let mut arguments = vec!["run", "throughput", "--out", "late"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let done = output(&arguments, folder.path());
    assert_eq!(done.status.code(), Some(6), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("generator.lag-limit-ms"), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("INVALID: the load generator was late"), "{}", text(&done.stdout));
    let run = RunReader::open(&folder.path().join("late")).unwrap();
    assert_eq!(run.manifest().invalid.len(), 1);
    let records = run.records().unwrap();
    assert_eq!(records.transactions.len(), 18);
    let count = |operation: &str| records.latency.operation(operation).map(|h| h.len());
    assert_eq!(count("charge"), Some(12));
    assert_eq!(count("charge@intended"), Some(12));
}

#[test]
fn runs_that_start_at_once_take_folders_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let start = |seed: u32| {
        let settings = ["--set", "handsets=2", "--set", "comparisons.subjects=2", "--seed"];
        let mut command = biopay(&["run", "quickstart", "--clock", "virtual"], folder.path());
        command.args(settings).arg(seed.to_string()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let started = [1, 2, 3].map(start);
    started.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let run = |n: u32| RunReader::open(&folder.path().join(format!("runs/quickstart-{n}"))).unwrap().manifest().seed;
    let mut seeds = [1, 2, 3].map(run);
    seeds.sort_unstable();
    assert_eq!(seeds, [1, 2, 3]);
}

#[test]
fn a_server_that_is_not_there_makes_the_run_invalid_before_any_sample() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = biopay_server::tls::Identity::development().unwrap().chain_pem();
    std::fs::write(folder.path().join("server.pem"), certificate).unwrap();
    let settings = ["--set", "server.address=127.0.0.1:1", "--set", "server.certificate=server.pem"];
    let done = biopay(&["run", "quickstart"], folder.path()).args(settings).output().unwrap();
    let message = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(6), "{message}");
    assert!(message.contains("no handset can reach the server"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path().join("runs")).unwrap().count(), 0, "a folder was left");
}
