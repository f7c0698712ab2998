//! `biopay hunt` as a user has it: the kept seeds find nothing, planted bugs are found and made small, and the controls
//! say what they have to.

use std::path::Path;
use std::process::{Command, Output};

/// Seeds that find a planted bug, each with its bug: what is under test is that they do.
const PLANTED: [(&str, &str); 3] = [("skipped-sync", "2"), ("intent-after-send", "1"), ("stale-calendar", "5")];

fn hunt(folder: &Path, arguments: &[&str]) -> Output {
    let done = Command::new(env!("CARGO_BIN_EXE_biopay")).arg("hunt").args(arguments).current_dir(folder).output();
    done.expect("the program starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The kept seeds: each reached something first, or found a bug that is mended. Each tenth is played twice.
#[test]
fn the_kept_seeds_find_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let done = hunt(folder.path(), &["--corpus", "--out", "out"]);
    assert!(done.status.success(), "{}", said(&done));
    let figures = std::fs::read_to_string(folder.path().join("out/hunt.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(figures["hunt"]["violations"], 0);
    assert!(figures["hunt"]["played_twice"].as_u64().is_some_and(|twice| twice > 0), "{}", figures["hunt"]);
    // A hunt in which nothing happens finds nothing either.
    assert!(figures["hunt"]["acknowledged"].as_u64().is_some_and(|charges| charges > 1_000), "{}", figures["hunt"]);
    let never = figures["never_injected"].as_array().unwrap();
    assert!(never.iter().all(|kind| kind == "sync-lies" || kind == "write-misdirected"), "{never:?}");
    assert!(std::fs::read_to_string(folder.path().join("out/hunt.html")).unwrap().contains("server-power"));
}

#[test]
fn planted_bugs_are_found_and_made_small() {
    for (bug, seed) in PLANTED {
        let folder = tempfile::tempdir().unwrap();
        let found = hunt(folder.path(), &["--seed", seed, "--planted", bug, "--out", "out"]);
        assert_eq!(found.status.code(), Some(3), "{bug}: {}", said(&found));
        let case = folder.path().join(format!("out/seed-{seed}/case.json"));
        let least: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&case).unwrap()).unwrap();
        assert!(least["handsets"].as_array().unwrap().len() <= 3, "{bug}: {least}");
        assert!(least["faults"].as_array().unwrap().len() <= 4, "{bug}: {least}");
        let timeline = std::fs::read_to_string(folder.path().join(format!("out/seed-{seed}/timeline.txt"))).unwrap();
        assert!(timeline.contains("BROKEN") && timeline.contains("CHECKER"), "{timeline}");
        // The case alone breaks the promise again, and the server without the bug keeps it.
        let case = case.display().to_string();
        assert_eq!(hunt(folder.path(), &["--case", &case, "--planted", bug]).status.code(), Some(3));
        let kept = hunt(folder.path(), &["--case", &case]);
        assert!(kept.status.success(), "{bug}: {}", said(&kept));
    }
}

/// Without faults even a planted bug is not found: it is the faults that find it.
#[test]
fn a_hunt_without_faults_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (bug, _) in PLANTED {
        let done = hunt(folder.path(), &["--seeds", "2", "--faults", "none", "--planted", bug]);
        assert!(done.status.success(), "{bug}: {}", said(&done));
    }
}

/// No store keeps its promise on a disk that writes elsewhere and loses its power: a hunt that finds nothing there has no
/// disk.
#[test]
fn a_disk_that_writes_elsewhere_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let done = hunt(folder.path(), &["--seeds", "4", "--faults", "write-misdirected,server-power"]);
    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
}

#[test]
fn a_run_is_played_up_to_an_event_and_for_its_own_commit_alone() {
    let folder = tempfile::tempdir().unwrap();
    let part = hunt(folder.path(), &["--seed", "1", "--until", "200"]);
    assert!(part.status.success(), "{}", said(&part));
    let lines = said(&part).lines().filter(|line| line.contains(" s  ")).count();
    assert!((100..400).contains(&lines), "{lines} lines");
    let other = hunt(folder.path(), &["--seed", "1", "--commit", "0000000"]);
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
    // A threshold of the scenario on the hunt itself.
    let few = hunt(folder.path(), &["--seeds", "1", "--set", "thresholds=[\"hunt.charges.count > 100000\"]"]);
    assert_eq!(few.status.code(), Some(3), "{}", said(&few));
    assert!(said(&few).contains("hunt.charges.count > 100000: failed"), "{}", said(&few));
    let wrong = hunt(folder.path(), &["--faults", "earthquake"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("server-power"), "the message lists what there is: {}", said(&wrong));
}
