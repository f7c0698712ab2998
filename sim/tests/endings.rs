//! Every way in which a run ends early, at ten moments each: SIGTERM, SIGHUP, kill -9, a full disk. What was measured is
//! kept, a run goes on to the same bytes, and nothing with a PIN stays in a temporary folder.
//!
//! With `--nocapture` it prints the table of `sim/doc/guide.md`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::RunReader;
use biopay_reports::manifest::Completion;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MOMENTS: u32 = 10;
/// A run in virtual time that has all parts: captures, transactions, attacks, comparisons.
const VIRTUAL: [&str; 8] = [
    "clock=virtual",
    "handsets=10",
    "biometric.modality=embedding",
    "payments.per-handset=2",
    "comparisons.subjects=10",
    "attack=[{kind=\"name-enumeration\",targets=2},{kind=\"zero-effort\",targets=2}]",
    "server.hash-memory-kib=8",
    "impostors.share=0.2",
];
/// A run on the wall clock, with a server and a bank in their own processes.
const WALL: [&str; 6] = [
    "handsets=6",
    "biometric.modality=embedding",
    "arrivals.payment-gap-s=1.0",
    "server.hash-memory-kib=8",
    "generator.lag-limit-ms=60000",
    "impostors.share=0",
];

/// A run in a folder of its own, with a temporary folder of its own.
struct Begun {
    folder: tempfile::TempDir,
    settings: &'static [&'static str],
}

impl Begun {
    fn new(settings: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, settings }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn biopay(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
        command.args(["run", "--quiet", "--keep-every", "0"]).args(arguments);
        command.current_dir(self.folder.path()).env("TMPDIR", self.folder.path().join("tmp"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn command(&self) -> Command {
        let settings = self.settings.iter().flat_map(|setting| ["--set", setting]);
        let mut command = self.biopay(&["quickstart", "--seed", "3", "--out", "run"]);
        command.args(settings);
        command
    }

    /// Runs it to its end; returns how long that took.
    fn whole(&self) -> Duration {
        #[allow(clippy::disallowed_methods, reason = "a test outside of any run")]
        let begun = Instant::now();
        assert!(self.command().status().unwrap().success());
        begun.elapsed()
    }

    /// Sends a signal after a while, and returns the exit code; `None` after kill -9.
    fn ended_by(&self, signal: &str, after: Duration) -> Option<i32> {
        let mut child = self.command().spawn().unwrap();
        std::thread::sleep(after);
        // One that has ended already takes no signal.
        Command::new("kill").args(["-s", signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        child.wait().unwrap().code()
    }

    /// Lists what is left outside the run's folder, after the server and the bank have had time to end.
    fn left_outside(&self) -> Vec<PathBuf> {
        let list = || {
            let inner = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            let (mut outside, tmp): (Vec<PathBuf>, Vec<PathBuf>) =
                (inner(self.folder.path()), inner(&self.folder.path().join("tmp")));
            outside.retain(|path| !path.ends_with("run") && !path.ends_with("tmp"));
            outside.extend(tmp);
            outside
        };
        for _ in 0..40 {
            if list().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        list()
    }

    fn digest(&self) -> String {
        RunReader::open(&self.out()).unwrap().manifest().digest.clone()
    }

    /// Names what a run that was ended early has left, in words.
    fn kept(&self) -> String {
        let parts = std::fs::read_dir(self.out().join(".biopay-parts")).map_or(0, |parts| parts.count());
        match RunReader::open(&self.out()) {
            Ok(run) => {
                let records = run.records().unwrap();
                let completion = if run.manifest().completion == Completion::Complete { "whole" } else { "partial" };
                format!("a {completion} run of {} transactions, {parts} files of parts", records.transactions.len())
            }
            Err(_) if self.out().exists() => format!("no run, {parts} files of parts"),
            Err(_) => "nothing".into(),
        }
    }
}

/// The moments: from the start to nearly the end of a run.
fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    (0..MOMENTS).map(move |moment| whole.mul_f64((f64::from(moment) + 0.5) / f64::from(MOMENTS)))
}

#[test]
fn a_run_that_was_killed_or_stopped_goes_on_to_the_same_bytes() {
    let reference = Begun::new(&VIRTUAL);
    let whole = reference.whole();
    let digest = reference.digest();
    for (signal, code) in [("KILL", None), ("TERM", Some(143)), ("HUP", Some(129))] {
        for after in moments(whole) {
            let begun = Begun::new(&VIRTUAL);
            let ended = begun.ended_by(signal, after);
            let kept = begun.kept();
            assert_eq!(begun.left_outside(), Vec::<PathBuf>::new(), "{signal} after {after:?}");
            assert!(ended == code || ended == Some(0) || ended.is_none(), "{signal} after {after:?}: {ended:?}");
            let has_parts = begun.out().join(".biopay-parts").exists();
            let resumed = begun.biopay(&["--resume", "run"]).status().unwrap().code();
            let went_on = match (has_parts, ended) {
                (true, _) => {
                    assert_eq!(
                        (resumed, begun.digest() == digest),
                        (Some(0), true),
                        "{signal} after {after:?}: {kept}"
                    );
                    "the same bytes"
                }
                (false, Some(0)) => {
                    assert_eq!((resumed, begun.digest() == digest), (Some(2), true), "{signal} after {after:?}");
                    "it was whole"
                }
                (false, _) => {
                    assert_eq!(resumed, Some(2), "{signal} after {after:?}: {kept}");
                    "refused: nothing to go on from"
                }
            };
            println!(
                "| {signal} | {:.2} of {:.2} s | {ended:?} | {kept} | {went_on} |",
                after.as_secs_f64(),
                whole.as_secs_f64()
            );
        }
    }
}

#[test]
fn a_killed_run_on_the_wall_clock_leaves_no_pin_behind() {
    let reference = Begun::new(&WALL);
    let whole = reference.whole();
    let all = |(signal, code): (&str, Option<i32>)| {
        for after in moments(whole) {
            let begun = Begun::new(&WALL);
            let ended = begun.ended_by(signal, after);
            let (outside, kept) = (begun.left_outside(), begun.kept());
            println!(
                "| {signal}, wall clock | {:.2} of {:.2} s | {ended:?} | {kept} | |",
                after.as_secs_f64(),
                whole.as_secs_f64()
            );
            assert_eq!(outside, Vec::<PathBuf>::new(), "{signal} after {after:?}");
            assert!(ended == code || ended == Some(0) || ended.is_none(), "{signal} after {after:?}: {ended:?}");
        }
    };
    // The runs wait more than they work.
    std::thread::scope(|scope| {
        for ending in [("KILL", None), ("TERM", Some(143)), ("HUP", Some(129))] {
            scope.spawn(move || all(ending));
        }
    });
}

/// A small disk in a name space of its own: the run on it, then the same run's continuation with more space.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o size=$SIZE tmpfs disk || exit 77
cd disk && mkdir tmp && export TMPDIR=$PWD/tmp
"$BIOPAY" run quickstart --quiet --seed 3 --out run --keep-every 0 "$@" 2> ../said; echo $? > ../code
ls -A tmp > ../left; ls -A run run/.biopay-parts > ../kept 2> /dev/null
mount -o remount,size=64m "$PWD"
"$BIOPAY" run --quiet --resume run 2> ../resumed.said; echo $? > ../resumed
cp -r run ../run 2> /dev/null; true
"#;

#[test]
fn a_full_disk_is_said_and_the_run_goes_on_when_there_is_space() {
    let reference = Begun::new(&VIRTUAL);
    reference.whole();
    let digest = reference.digest();
    for kib in [16, 32, 48, 64, 80, 100, 120, 140, 160, 200] {
        let begun = Begun::new(&VIRTUAL);
        let here = begun.folder.path();
        std::fs::create_dir(here.join("disk")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", ON_A_SMALL_DISK, "sh"]).current_dir(here);
        command.args(VIRTUAL.iter().flat_map(|setting| ["--set", setting]));
        command.env("SIZE", format!("{kib}k")).env("BIOPAY", env!("CARGO_BIN_EXE_biopay"));
        let done = command.output();
        let Some(true) = done.ok().map(|done| done.status.success()) else {
            eprintln!("not checked: this machine lets nobody mount a disk in a name space of their own");
            return;
        };
        let read = |name: &str| std::fs::read_to_string(here.join(name)).unwrap_or_default().trim().to_owned();
        let (code, said, left) = (read("code"), read("said"), read("left"));
        assert_eq!(left, "", "{kib} KiB");
        let went_on = read("resumed");
        if code != "0" {
            assert!(code == "1" && said.contains("the disk is full"), "{kib} KiB: {code}: {said}");
        }
        if here.join("run/manifest.json").exists() {
            assert_eq!(begun.digest(), digest, "{kib} KiB");
        } else {
            assert_eq!(went_on, "2", "{kib} KiB: {}", read("resumed.said"));
        }
        println!("| full disk of {kib} KiB | | {code} | {} | --resume: {went_on} |", read("kept").replace('\n', " "));
    }
}
