//! What a run shows: text that fits the terminal, one JSON value, or nothing; and runs played again from their manifests.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const SETTINGS: [&str; 6] =
    ["--set", "handsets=4", "--set", "biometric.modality=embedding", "--set", "thresholds=[\"charge.count > 1\"]"];

fn biopay(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay")).args(arguments).current_dir(folder).output().unwrap()
}

fn run(more: &[&str], folder: &Path) -> Output {
    biopay(&[&["run", "quickstart", "--clock", "virtual", "--seed", "4"], &SETTINGS[..], more].concat(), folder)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_program_reads_one_value_and_a_quiet_run_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(&["--json"], folder.path());
    let value: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((done.status.code(), &value["run_folder"]), (Some(0), &"runs/quickstart-1".into()));
    let summary = std::fs::read_to_string(folder.path().join("runs/quickstart-1/summary.json")).unwrap();
    assert_eq!(value["summary"], serde_json::from_str::<Value>(&summary).unwrap());
    assert!(text(&done.stderr).contains("registering and paying"), "{}", text(&done.stderr));

    let quiet = run(&["--quiet"], folder.path());
    assert_eq!(
        (quiet.status.code(), text(&quiet.stdout), text(&quiet.stderr)),
        (Some(0), String::new(), String::new())
    );

    let shown = text(&run(&[], folder.path()).stdout);
    for words in ["of virtual time", "on this machine: capturing", "Latency (virtual)", "a virtual second"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn a_run_is_played_again_from_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&["--out", "first"], folder.path()).status.success());
    let same = biopay(&["rerun", "first", "--json"], folder.path());
    let value: Value = serde_json::from_slice(&same.stdout).unwrap();
    assert_eq!((same.status.code(), &value["same"]), (Some(0), &true.into()), "{}", text(&same.stderr));

    // Another seed in the manifest: the artefacts are as they were, and the run that it describes is another.
    let path = folder.path().join("first/manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap().replace("\"seed\": 4,", "\"seed\": 5,");
    std::fs::write(&path, manifest).unwrap();
    let other = biopay(&["rerun", "first", "--out", "again"], folder.path());
    assert_eq!(other.status.code(), Some(4), "{}", text(&other.stderr));
    assert!(text(&other.stdout).contains("differs       transactions.parquet"), "{}", text(&other.stdout));
    assert!(folder.path().join("again/manifest.json").exists());

    let path = folder.path().join("again/manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap().replace("\"clock\": \"virtual\"", "\"clock\": \"wall\"");
    std::fs::write(&path, manifest).unwrap();
    let refused = biopay(&["rerun", "again"], folder.path());
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
}

/// Through `script` of util-linux, which lends the program a terminal.
#[test]
fn text_fits_the_terminal_and_no_color_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let command =
        format!("stty rows 40 cols 64; {} run quickstart --clock virtual --quiet", env!("CARGO_BIN_EXE_biopay"));
    let on_terminal = |more: &str, is_coloured: bool| {
        let command = format!("{} {more}", command.replace(" --quiet", ""));
        let mut script = Command::new("script");
        script
            .args(["-qec", &command, "/dev/null"])
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        if !is_coloured {
            script.env("NO_COLOR", "1");
        }
        script.output().ok().filter(|done| done.status.success()).map(|done| text(&done.stdout).replace('\r', "\n"))
    };
    let settings = "--set handsets=4 --set biometric.modality=embedding --set 'thresholds=[\"charge.count > 1\"]'";
    let Some(plain) = on_terminal(settings, false) else {
        eprintln!("not checked: there is no script of util-linux");
        return;
    };
    let summary = plain.split("Verdict").nth(1).unwrap();
    let wide: Vec<&str> = summary.lines().filter(|line| line.chars().count() > 64).collect();
    // A path is one word, however long.
    assert!(wide.iter().all(|line| line.starts_with("run folder") || line.starts_with("report")), "{wide:?}");
    assert!(!summary.contains('\x1b'), "{summary}");
    let coloured = on_terminal(settings, true).unwrap();
    assert!(coloured.split("Verdict").nth(1).unwrap().contains("\x1b[32m✓"), "{coloured}");
}
