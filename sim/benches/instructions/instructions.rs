//! Instructions of deterministic leaf stages, counted by callgrind: the gate for performance. A count does not depend on
//! what else the machine does, so that 1 % more fails.
//!
//! ```sh
//! cargo bench -p biopay-sim --bench instructions -- --save base.ndjson            # on the base commit
//! cargo bench -p biopay-sim --bench instructions -- --against base.ndjson         # here: exit code 4 on a regression
//! cargo bench -p biopay-sim --bench instructions -- --self-test                   # equal passes, 2 % more is found
//! ```
//! `--save` appends a line that `biopay history` reads and plots; `--label` names it. Counts belong to a compiler and a
//! C library: make both sides on one machine. Needs valgrind (Debian's package of that name).

mod stages;

use biopay_reports::history::{self, Entry};
use stages::STAGES;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// More instructions than this are a regression. Units: a share.
const LIMIT: f64 = 0.01;
/// What the self-test plants. Units: a share.
const PLANTED: f64 = 0.02;
/// Instructions of one turn of the planted loop, about.
const LOOP_INSTRUCTIONS: u64 = 4;

/// Runs the measured work: callgrind counts the instructions inside this function alone.
#[inline(never)]
fn measured_stage(work: &mut dyn FnMut(), planted: u64) {
    work();
    for i in 0..planted / LOOP_INSTRUCTIONS {
        black_box(i);
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        Some(arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")).as_str())
    };
    if let Some(stage) = option("--stage") {
        let planted = option("--planted").and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut work = stages::prepare(stage);
        measured_stage(&mut *work, planted);
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: nothing was counted");
        return ExitCode::FAILURE;
    }
    if arguments.iter().any(|a| a == "--self-test") {
        return self_test();
    }
    let counts: BTreeMap<String, f64> = STAGES.iter().map(|s| (figure(s), count(s, 0) as f64)).collect();
    let regressed = option("--against").is_some_and(|base| compare(Path::new(base), &counts));
    if option("--against").is_none() {
        counts.iter().for_each(|(name, count)| println!("{name:<24} {count:>14}"));
    }
    if let Some(file) = option("--save") {
        let label = option("--label").unwrap_or("here").to_owned();
        history::append(&PathBuf::from(file), &Entry { label, figures: counts }).expect("the history can be written");
    }
    if regressed { ExitCode::from(4) } else { ExitCode::SUCCESS }
}

fn figure(stage: &str) -> String {
    format!("instructions.{stage}")
}

/// Runs a stage in a process of its own under callgrind, and returns the instructions that it took.
fn count(stage: &str, planted: u64) -> u64 {
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--toggle-collect=*measured_stage*"])
        .arg(format!("--callgrind-out-file={}", out.path().display()))
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["--stage", stage, "--planted", &planted.to_string()])
        .output()
        .expect("valgrind starts");
    assert!(done.status.success(), "{stage}: {}", String::from_utf8_lossy(&done.stderr));
    let text = std::fs::read_to_string(out.path()).expect("callgrind has written its counts");
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    let count = total.and_then(|n| n.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    assert!(count > 0, "{stage}: callgrind counted nothing: has the function been inlined?");
    count
}

/// Prints each count beside the last one of a history, and says whether one grew by more than the limit.
fn compare(base: &Path, counts: &BTreeMap<String, f64>) -> bool {
    let entries = history::read(base).expect("the base's history is readable");
    let base = entries.last().expect("the base's history has an entry");
    println!("against {}; more than {:.0} % is a regression", base.label, LIMIT * 100.0);
    let mut regressed = false;
    for (name, count) in counts {
        let before = base.figures.get(name).copied().unwrap_or(f64::NAN);
        let change = count / before - 1.0;
        regressed |= change > LIMIT;
        let mark = if change > LIMIT { "REGRESSION" } else { "" };
        println!("{name:<24} {before:>14} {count:>14} {:>+8.3} % {mark}", change * 100.0);
    }
    regressed
}

/// Counts every stage three times: as it is, again, and with 2 % more planted.
fn self_test() -> ExitCode {
    let mut sound = true;
    for stage in STAGES {
        let (first, again) = (count(stage, 0), count(stage, 0));
        let planted = count(stage, (first as f64 * PLANTED).round() as u64);
        let [again, planted] = [again, planted].map(|n| n as f64 / first as f64 - 1.0);
        sound &= again.abs() < LIMIT / 10.0 && planted > LIMIT;
        println!(
            "{stage:<12} {first:>14} instructions, again {:>+8.4} %, with {:.0} % planted {:>+6.2} %",
            again * 100.0,
            PLANTED * 100.0,
            planted * 100.0
        );
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
