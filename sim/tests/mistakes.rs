//! Beginners' mistakes: each ends with exit code 2 and a message in the user's words that says what is wrong and what to
//! do, and leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Phrases of programmers, not of users.
const FOREIGN: [&str; 16] = [
    "expected u",
    "expected f",
    "expected i",
    "expected struct",
    "expected enum",
    "a sequence",
    "variant",
    "os error",
    "Os {",
    "ParseIntError",
    "ParseFloatError",
    "invalid digit",
    "float literal",
    "target type",
    "panicked",
    "UTF-8 sequence",
];

/// A command line, and words that its message has to contain.
type Mistake = (&'static [&'static str], &'static str);

const COMMANDS: [Mistake; 12] = [
    (&["rnu"], "'run'"),
    (&["evalute"], "'evaluate'"),
    (&["qqq"], "biopay help"),
    (&["dataset", "fingers"], "'fingerprint'"),
    (&["train", "finger", "--out", "x"], "'fingerprint'"),
    (&["run", "--oot", "x"], "'--out'"),
    (&["run", "quickstart", "extra"], "unexpected argument 'extra'"),
    (&["report"], "<RUN>"),
    (&["merge"], "--out <OUT>"),
    (&["cluster", "slurm", "quickstart"], "--shards"),
    (&["compare", "empty"], "<SECOND>"),
    (&["tune", "--scheme", "template"], "--target-fmr"),
];

const SCENARIOS: [Mistake; 13] = [
    (&["run", "quickstrt"], "did you mean \"quickstart\""),
    (&["run", "2g-vilage"], "did you mean \"2g-village\""),
    (&["run", "missing.toml"], "neither a file nor a built-in scenario"),
    (&["run", "folder"], "it is a folder, but a file is needed"),
    (&["run", "broken.toml"], "line 1, column 12"),
    (&["run", "text.txt"], "line 1"),
    (&["run", "binary.toml"], "not a text file"),
    (&["run", "type.toml"], "handsets needs a whole number"),
    (&["run", "section.toml"], "did you mean \"biometric\""),
    (&["run", "--with", "missing.toml"], "missing.toml: there is no such file or folder"),
    (&["run", "--with", "folder"], "it is a folder"),
    (&["sweep", "missing.toml"], "there is no such file"),
    (&["sweep", "folder"], "it is a folder"),
];

const SETTINGS: [Mistake; 26] = [
    (&["run", "--set", "handset=5"], "did you mean \"handsets\""),
    (&["run", "--set", "biometric.qualty=0.5"], "did you mean \"quality\""),
    (&["run", "--set", "handsets"], "KEY=VALUE"),
    (&["run", "--set", "handsets="], "handsets needs a whole number"),
    (&["run", "--set", "handsets=many"], "but the text \"many\" was given"),
    (&["run", "--set", "handsets=-3"], "but the number -3 was given"),
    (&["run", "--set", "handsets=2.5"], "but the number 2.5 was given"),
    (&["run", "--set", "handsets=1"], "must lie from 2 to 999999"),
    (&["run", "--set", "handsets=99999999999"], "handsets needs a whole number"),
    (&["run", "--set", "=5"], "the key is empty"),
    (&["run", "--set", "clock=wal"], "did you mean \"wall\""),
    (&["run", "--set", "biometric.modality=finger"], "did you mean \"fingerprint\""),
    (&["run", "--set", "biometric.device=retina"], "use one of optical"),
    (&["run", "--set", "biometric.quality=7"], "must lie from 0 to 1"),
    (&["run", "--set", "biometric.quality=high"], "needs a number"),
    (&["run", "--set", "biometric=5"], "a section with keys"),
    (&["run", "--set", "handsets.x=5"], "not a section"),
    (&["run", "--set", "schemes.use=template"], "needs a list"),
    (&["run", "--set", "schemes.use=[\"tempalte\"]"], "did you mean \"template\""),
    (&["run", "--set", "server.mode=patent"], "did you mean \"patent-literal\""),
    (&["run", "--set", "server.verification-code=yes"], "needs true or false"),
    (&["run", "--clock", "virtual", "--set", "network.mix.6g=1"], "use one of 2g"),
    (&["run", "--set", "arrivals.pattern.kind=daily"], "use one of steady"),
    (&["run", "--set", "attack=[{kind=\"replya\"}]"], "did you mean \"replay\""),
    (&["run", "--set", "thresholds=[\"fmr\"]"], "as in charge.p99 < 300ms"),
    (&["run", "--set", "thresholds=[\"chrage.p99 < 300ms\"]"], "did you mean \"charge\""),
];

const VALUES: [Mistake; 17] = [
    (&["run", "--seed", "abc"], "use a whole number"),
    (&["run", "--seed", "-1"], "use a whole number of at least 0"),
    (&["run", "--seed", "99999999999999999999999"], "the number is too large"),
    (&["run", "--clock", "virtuel"], "'virtual'"),
    (&["run", "--shard", "3"], "as in 0/8"),
    (&["run", "--shard", "2/2"], "from 0 to n - 1"),
    (&["run", "--find-knee", "--objective-ms", "0"], "must be above 0"),
    (&["run", "--find-knee", "--objective-ms", "fast"], "use a number"),
    (&["report", "empty", "--format", "pdf"], "possible values: html"),
    (&["cluster", "slurm", "quickstart", "--shards", "0"], "must lie from 1 to"),
    (&["dataset", "fingerprint", "--subjects", "many", "--out", "d"], "use a whole number"),
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
            "d",
            "--device",
            "retina",
        ],
        "use one of optical",
    ),
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
            "d",
            "--quality",
            "2",
        ],
        "from 0 (hardest) to 1",
    ),
    (&["dataset", "symbol", "--display", "tv"], "use screen or print"),
    (&["evaluate", "--modality", "fingerprints", "--images", "empty"], "'fingerprint'"),
    (&["tune", "--scheme", "tempalte", "--target-fmr", "1e-3"], "use one of digest"),
    (&["tune", "--scheme", "template", "--target-fmr", "5"], "between 0 and 1"),
];

const FILES: [Mistake; 22] = [
    (&["run", "--out", "text.txt"], "a folder is needed"),
    (&["run", "--out", "text.txt/x"], "choose another name"),
    (&["report", "missing"], "is not a run folder"),
    (&["report", "empty"], "is not a run folder"),
    (&["report", "text.txt"], "is not a run folder"),
    (&["compare", "missing", "empty"], "is not a run folder"),
    (&["compare", "baseline:nothing", "empty"], "--save-baseline"),
    (&["merge", "empty", "--out", "x"], "is not a run folder"),
    (&["merge", "missing", "--out", "x"], "is not a run folder"),
    (&["history", "add", "missing", "--file", "h.ndjson", "--label", "a"], "is not a run folder"),
    (&["history", "plot", "missing.ndjson"], "there is no such file"),
    (&["history", "plot", "text.txt"], "not written by biopay"),
    (&["calibrate", "--out", "folder"], "it is a folder"),
    (
        &["dataset", "fingerprint", "--subjects", "1", "--impressions", "1", "--seed", "1", "--out", "text.txt"],
        "text.txt",
    ),
    (&["dataset", "sheet", "--images", "missing", "--out", "s.png"], "there is no such file or folder"),
    (&["evaluate", "--modality", "fingerprint", "--images", "missing"], "there is no such file or folder"),
    (&["evaluate", "--modality", "fingerprint", "--images", "empty"], "SUBJECT_IMPRESSION"),
    (&["evaluate", "--modality", "fingerprint"], "--images"),
    (&["evaluate", "--modality", "embedding", "--input", "text.txt"], "not a Parquet file"),
    (&["evaluate", "--modality", "embedding", "--input", "missing.parquet"], "there is no such file"),
    (&["evaluate", "--merge", "missing.counts"], "there is no such file"),
    (&["evaluate", "--merge", "text.txt"], "not a file of comparison counts"),
];

/// Runs that go on or are played again, servers of one's own, and what is shown.
const RUNS: [Mistake; 23] = [
    (&["run", "--resume"], "--resume <DIR>"),
    (&["run", "--resume", "missing"], "has nothing to go on from"),
    (&["run", "--resume", "empty"], "begin it again"),
    (&["run", "quickstart", "--resume", "empty"], "cannot be used with"),
    (&["run", "--resume", "empty", "--seed", "3"], "cannot be used with"),
    (&["run", "--resume", "s3://runs/whole"], "folder of this machine"),
    (&["rerun"], "<RUN>"),
    (&["rerun", "missing"], "manifest.json"),
    (&["rerun", "empty"], "manifest.json"),
    (&["run", "--quiet", "--json"], "cannot be used with"),
    (&["run", "--quiet", "--find-knee"], "are for one run"),
    (&["run", "--json", "--both-clocks"], "are for one run"),
    (&["run", "--reuse-accounts"], "needs server.address"),
    (&["run", "--set", "server.metrics=http://127.0.0.1:1/metrics"], "needs server.address"),
    (&["run", "--set", "server.attack-consent=127.0.0.1:1"], "needs server.address"),
    (
        &["run", "--set", "server.address=a:1", "--set", "server.certificate=c", "--set", "server.attack-consent=b:1"],
        "is not the consent of the owner",
    ),
    (
        &["run", "--set", "server.address=a:1", "--set", "server.certificate=c", "--set", "server.metrics=a/metrics"],
        "must begin with http://",
    ),
    (&["run", "--set", "server.attack-requests-per-s=0"], "must lie from 0.1 to 1000"),
    (&["run", "--set", "server.address=nowhere", "--set", "server.certificate=text.txt"], "server.certificate"),
    (&["evaluate", "--modality", "embedding", "--input", "text.npy"], "it is no .npy file"),
    (&["evaluate", "--modality", "embedding", "--scheme", "template", "--table", "csv"], "need --scheme all"),
    (&["evaluate", "--modality", "all", "--scheme", "all", "--real", "iris=eyes"], "MODALITY=PATH"),
    (&["evaluate", "--modality", "face", "--scheme", "all", "--real", "embedding=e.parquet"], "needs --modality all"),
];

fn prepare(folder: &Path) {
    for name in ["folder", "empty"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let files: [(&str, &[u8]); 6] = [
        ("text.txt", b"hello\n"),
        ("text.npy", b"hello\n"),
        ("broken.toml", b"handsets = = 3\n"),
        ("type.toml", b"handsets = \"many\"\n"),
        ("section.toml", b"[biometrc]\nquality = 0.5\n"),
        ("binary.toml", &[0xff, 0xfe, 0]),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // A run's folders are numbered in `runs`, which stays.
    names.retain(|name| name != "runs");
    names.sort();
    names
}

/// Makes each mistake in a folder of its own and lists what is wrong with the answers.
fn faults(mistakes: &[Mistake]) -> Vec<String> {
    let mut out = Vec::new();
    for (arguments, words) in mistakes {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let before = names(folder.path());
        let made = Command::new(env!("CARGO_BIN_EXE_biopay")).args(*arguments).current_dir(&folder).output().unwrap();
        let text = String::from_utf8_lossy(&made.stderr);
        println!("{:?} | {} | {}", made.status.code(), arguments.join(" "), text.lines().next().unwrap_or_default());
        let foreign = FOREIGN.iter().find(|phrase| text.contains(**phrase));
        let left = names(folder.path());
        let is_right = made.status.code() == Some(2) && text.contains(words) && foreign.is_none() && left == before;
        if !is_right {
            let code = made.status.code();
            out.push(format!("{arguments:?}: exit {code:?}, wants {words:?}, has {foreign:?}, left {left:?}:\n{text}"));
        }
    }
    out
}

#[test]
fn mistakes_are_answered_in_the_users_words() {
    let kinds: [&[Mistake]; 6] = [&COMMANDS, &SCENARIOS, &SETTINGS, &VALUES, &FILES, &RUNS];
    let faults: Vec<String> = kinds.into_iter().flat_map(faults).collect();
    let tried: usize = kinds.iter().map(|mistakes| mistakes.len()).sum();
    assert!(tried >= 60);
    assert!(faults.is_empty(), "{} of {tried} mistakes:\n{}", faults.len(), faults.join("\n"));
}
