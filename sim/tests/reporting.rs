//! A run's thresholds, and its outputs for other programs, as a user meets them.

use biopay_reports::export::Document;
use std::path::Path;
use std::process::{Command, Output};

/// A run in virtual time that takes seconds: points in place of images.
const SMALL: [&str; 12] = [
    "run",
    "stored-qr",
    "--set",
    "seed=5",
    "--set",
    "handsets=6",
    "--set",
    "biometric.modality=embedding",
    "--set",
    "comparisons.subjects=6",
    "--set",
    "payments.recapture=1",
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
    assert!(biopay(&["report", "run", "--format", "plots", "--png", "--out", "png"], folder.path()).status.success());
    for name in ["det", "latency", "throughput", "errors", "open-handsets"] {
        let picture = image::open(folder.path().join("png").join(name).with_extension("png")).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (1_280, 720));
        let colours: std::collections::BTreeSet<_> = picture.pixels().map(|p| p.0).collect();
        assert!(colours.len() > 20, "{name} has {} colours", colours.len());
    }
}

#[test]
fn a_comparison_finds_what_changed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--set", "handsets=40", "--set", "payments.per-handset=12"];
    let run = |out: &str, extra: &[&str]| {
        let done = small(&[&more[..], extra, &["--out", out]].concat(), folder.path());
        assert!(done.status.success(), "{}", text(&done.stderr));
    };
    run("a", &[]);
    run("b", &["--set", "seed=6"]);
    // The bank takes as much longer as the median charge is to be a fifth slower.
    let document = biopay(&["report", "a", "--format", "json"], folder.path());
    let document: Document = serde_json::from_slice(&document.stdout).unwrap();
    let p50 = document.figures.iter().find(|m| m.name == "charge@4g.p50").unwrap().value;
    run("slow", &["--set", &format!("server.service.bank-us={}", 310.0 + p50 / 5.0)]);

    let compare = |arguments: &[&str]| biopay(&[&["compare"], arguments].concat(), folder.path());
    let equal = compare(&["a", "b", "--fail-on", "charge@4g.p50 > +10%"]);
    assert!(equal.status.success() && text(&equal.stdout).contains("0 of"), "{}", text(&equal.stdout));
    let refused = compare(&["a", "slow"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("server.service.bank-us is 310.0 and"), "{}", text(&refused.stderr));
    let slower = compare(&["a", "slow", "--force", "--fail-on", "charge@4g.p50 > +10%"]);
    assert_eq!(slower.status.code(), Some(4), "{}{}", text(&slower.stdout), text(&slower.stderr));
    assert!(text(&slower.stdout).contains("▲ charge@4g.p50"), "{}", text(&slower.stdout));

    assert!(compare(&["a", "--save-baseline", "main"]).status.success());
    // What a charge costs is counted exactly: the same again, and more where a code is typed in.
    run("again", &["--set", "seed=5"]);
    run("plain", &["--set", "server.verification-code=false"]);
    let exact = compare(&["a", "again", "--exact"]);
    assert!(exact.status.success(), "{}", text(&exact.stderr));
    assert_eq!(compare(&["a", "b", "--exact"]).status.code(), Some(2));
    let dearer = compare(&["plain", "a", "--force", "--exact", "1"]);
    assert_eq!(dearer.status.code(), Some(4), "{}{}", text(&dearer.stdout), text(&dearer.stderr));
    assert!(text(&dearer.stderr).contains("round-trips.per-charge"), "{}", text(&dearer.stderr));
    for (run, label) in [("a", "one"), ("slow", "two")] {
        let done = biopay(&["history", "add", run, "--file", "history.ndjson", "--label", label], folder.path());
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert!(biopay(&["history", "plot", "history.ndjson"], folder.path()).status.success());
    let page = std::fs::read_to_string(folder.path().join("history.html")).unwrap();
    assert!(page.contains("events.per-charge") && page.contains("charge.p50") && page.matches("<svg").count() >= 6);
    let named = compare(&["baseline:main", "b", "--format", "markdown"]);
    assert!(named.status.success() && text(&named.stdout).starts_with("### b against baseline:main"));
    assert_eq!(compare(&["baseline:none", "b"]).status.code(), Some(2));
    assert_eq!(compare(&["a", "b", "--fail-on", "charge.p50 > 10%"]).status.code(), Some(2));
}

#[test]
fn a_sweep_runs_every_point_once() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = "scenario = \"stored-qr\"\nreplications = 2\n[set]\nhandsets = 4\nbiometric.modality = \"embedding\"\n\
        comparisons.subjects = 4\n[grid]\nusers.think-ms = [0, 1000]\n";
    std::fs::write(folder.path().join("think.toml"), sweep).unwrap();
    let done = biopay(&["sweep", "think.toml"], folder.path());
    assert!(text(&done.stdout).contains("4 of 4 points run"), "{}{}", text(&done.stdout), text(&done.stderr));
    let table = || std::fs::read_to_string(folder.path().join("sweeps/think/sweep.csv")).unwrap();
    let first = table();
    assert!(first.starts_with("run,seed,users.think-ms,verdict,figure,value,"));
    assert_eq!(first.lines().filter(|line| line.contains(",charge.p50,")).count(), 4);
    assert!(std::fs::read_to_string(folder.path().join("sweeps/think/sweep.html")).unwrap().contains("<svg"));
    // One point is lost, and one was made with another scenario.
    let points = folder.path().join("sweeps/think/points");
    std::fs::remove_file(points.join("00001/manifest.json")).unwrap();
    let manifest = points.join("00002/manifest.json");
    let other = std::fs::read_to_string(&manifest).unwrap().replace("\"handsets\": 4", "\"handsets\": 5");
    std::fs::write(&manifest, other).unwrap();
    std::fs::remove_dir_all(points.join("00001")).unwrap();
    let again = biopay(&["sweep", "think.toml"], folder.path());
    assert!(text(&again.stdout).contains("2 of 4 points run"), "{}{}", text(&again.stdout), text(&again.stderr));
    assert_eq!(table(), first);
}

/// The script's own part: a stand-in for sbatch runs what it is given at once. The real one is tried by hand.
#[test]
#[cfg(unix)]
fn a_job_arrays_script_runs_every_shard_and_merges_the_bytes_of_the_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let stand_in = "#!/bin/sh\nset -eu\nfor word; do case $word in --array=*) list=${word#--array=} ;; esac; done\n\
        for task in $(echo \"${list:-0}\" | tr , ' '); do SLURM_ARRAY_TASK_ID=$task sh \"$word\" >&2; done\necho 17\n";
    std::fs::write(bin.join("sbatch"), stand_in).unwrap();
    std::fs::set_permissions(bin.join("sbatch"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = ["--seed", "5", "--set", "handsets=6", "--set", "biometric.modality=embedding", "--set"];
    let more = ["comparisons.subjects=6", "--set", "server.shared=false", "--out"];
    let whole = biopay(&[&["run", "stored-qr"], &settings[..], &more, &["whole"]].concat(), folder.path());
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    for shards in ["1", "3"] {
        let out = format!("it's {shards}");
        let arguments =
            [&["cluster", "slurm", "stored-qr", "--shards", shards], &settings[..], &more, &[&out]].concat();
        let script = biopay(&arguments, folder.path());
        assert!(script.status.success(), "{}", text(&script.stderr));
        std::fs::write(folder.path().join("submit.sh"), &script.stdout).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let done = Command::new("sh").arg("submit.sh").env("PATH", path).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        let digest = |run: &Path| biopay_reports::RunReader::open(run).unwrap().manifest().digest.clone();
        assert_eq!(digest(&folder.path().join(&out).join("whole")), digest(&folder.path().join("whole")));
    }
    let wall = biopay(&["cluster", "slurm", "quickstart", "--shards", "2"], folder.path());
    assert_eq!(wall.status.code(), Some(2));
}

#[test]
fn a_plan_says_what_a_scenario_can_decide_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let planned = |threshold: &str, more: &[&str]| {
        let set = format!("thresholds=[\"{threshold}\"]");
        let small = ["plan"].iter().chain(&SMALL[1..]).copied().collect::<Vec<_>>();
        biopay(&[&small[..], &["--set", &set], more].concat(), folder.path())
    };
    for (threshold, code, words) in [
        ("template.fmr < 0.9", 0, "met up to an observed"),
        ("template.fmr < 1e-4", 5, "subjects with as many captures each"),
        ("template.fmr100 < 0.1", 5, "not stated"),
        ("charge.p99 < 1s", 5, "368 independent ones would"),
        ("money.violations == 0", 0, "nothing is known before the run"),
        ("charge.p98 < 1s", 2, "no figure ends in"),
    ] {
        let done = planned(threshold, &[]);
        let shown = text(&done.stdout) + &text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{threshold}: {shown}");
        assert!(shown.contains(words), "{threshold}: {shown}");
    }
    let done = planned("template.fmr < 0.9", &["--json", "-"]);
    let plan: serde_json::Value = serde_json::from_slice(&done.stdout).expect("the standard output is JSON");
    // Six subjects with one probe at least on each of two sensors or one: no pair is left out.
    assert_eq!(plan["subjects"], 6);
    assert!(plan["comparisons"][1].as_u64().unwrap() >= 30, "{plan}");
    assert!(plan["costs"]["memory_bytes"].as_f64().unwrap() > 1e6, "{plan}");
    assert!(plan["thresholds"][0]["outlook"]["shown_up_to"].as_f64().unwrap() < 0.9, "{plan}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a plan writes no run");
}
