//! A server of the user's own: a server and a bank that run already, greeted, used twice, measured and attacked.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::RunReader;
use biopay_reports::records::{Component, TransactionOutcome};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const SCENARIO: [&str; 5] = [
    "handsets=4",
    "biometric.modality=embedding",
    "arrivals.payment-gap-s=0.3",
    "server.hash-memory-kib=8",
    "generator.lag-limit-ms=60000",
];

fn biopay(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
    command.args(arguments).current_dir(folder);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server or a bank, which ends with this value.
struct Running(Child, Value);

impl Running {
    fn start(arguments: &[&str], folder: &Path) -> Self {
        let log = File::create(folder.join(format!("{}.log", arguments[0]))).unwrap();
        let mut command = biopay(arguments, folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let ready = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        Self(child, serde_json::from_str(&ready).unwrap())
    }

    fn listening(&self) -> &str {
        self.1["listening"].as_str().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts a bank with the scenario's accounts and a server in front of it, as the guide says.
fn server(folder: &Path) -> (Running, Running) {
    let accounts = run(folder, &["--print-accounts"], &[]);
    std::fs::write(folder.join("accounts.csv"), accounts.stdout).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--exit-on-stdin-close"];
    let bank = ["bank-process", "--store", "sqlite:bank.db", "--accounts", "accounts.csv"];
    let bank = Running::start(&[&bank[..], &listen].concat(), folder);
    std::fs::write(folder.join("server.toml"), "[password.cost]\nmemory_kib = 8\n").unwrap();
    let address = bank.listening().to_owned();
    let server = [
        "server-process",
        "--store",
        "sqlite:biopay.db",
        "--bank",
        &address,
        "--code",
        "on",
        "--development-certificate",
        "server.pem",
        "--hash-priority",
        "low",
        "--operations",
        "127.0.0.1:0",
    ];
    (Running::start(&[&server[..], &listen].concat(), folder), bank)
}

fn run(folder: &Path, arguments: &[&str], settings: &[&str]) -> Output {
    let settings = SCENARIO.iter().chain(settings).flat_map(|setting| ["--set", setting]);
    biopay(&["run", "quickstart", "--seed", "5"], folder).args(settings).args(arguments).output().unwrap()
}

fn outcomes(run: &RunReader, outcome: TransactionOutcome) -> usize {
    run.records().unwrap().transactions.iter().filter(|t| t.outcome == outcome).count()
}

#[test]
fn a_server_of_ones_own_is_greeted_used_again_measured_and_attacked_with_consent() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let (server, _bank) = server(here);
    let address = format!("server.address={}", server.listening());
    let metrics = format!("server.metrics=http://{}/metrics", server.1["operations"].as_str().unwrap());
    let there = [address.as_str(), "server.certificate=server.pem"];

    let first = run(here, &["--out", "first"], &[&there[..], &[&metrics]].concat());
    let said = text(&first.stderr);
    assert!(first.status.success(), "{said}{}", text(&first.stdout));
    assert!(said.contains("biopay/3, certificate of \"localhost\" valid for"), "{said}");
    let first = RunReader::open(&here.join("first")).unwrap();
    assert_eq!(outcomes(&first, TransactionOutcome::Registered), 4);
    let charged = outcomes(&first, TransactionOutcome::Charged);
    let records = first.records().unwrap();
    let counted: Vec<_> = records.server.iter().filter(|f| f.component == Component::Metrics).collect();
    let answered = |f: &&&biopay_reports::records::ServerFigure| {
        f.name.starts_with("biopay_requests_total") && f.name.contains("outcome=\"charged\"")
    };
    let at_the_server: f64 = counted.iter().filter(answered).map(|f| f.value).sum();
    assert_eq!((charged, charged >= 4), (at_the_server as usize, true), "{counted:?}");

    let taken = run(here, &["--out", "taken"], &there);
    assert_eq!(taken.status.code(), Some(6), "{}", text(&taken.stderr));
    assert!(text(&taken.stderr).contains("--reuse-accounts"), "{}", text(&taken.stderr));

    let attacked = [
        r#"attack=[{kind="name-enumeration",configurations=["scenario"],targets=2},{kind="brute-force",configurations=["scenario"],targets=2,budget=4},{kind="lock-out",configurations=["scenario"],targets=2}]"#,
        "server.attack-requests-per-s=40",
        "server.attack-seconds=5",
    ];
    let refused =
        run(here, &["--reuse-accounts"], &[&there[..], &attacked, &["server.attack-consent=192.0.2.1:1"]].concat());
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));

    let consent = format!("server.attack-consent={}", server.listening());
    let again = run(here, &["--reuse-accounts", "--out", "again"], &[&there[..], &attacked, &[&consent]].concat());
    assert!(again.status.success(), "{}{}", text(&again.stderr), text(&again.stdout));
    let again = RunReader::open(&here.join("again")).unwrap();
    assert_eq!(outcomes(&again, TransactionOutcome::Reused), 4);
    assert!(outcomes(&again, TransactionOutcome::Charged) >= 4, "orders of the first run were answered again");
    let records = again.records().unwrap();
    let references = |run: &RunReader| -> std::collections::BTreeSet<String> {
        run.records().unwrap().transactions.into_iter().filter_map(|t| t.bank_reference).collect()
    };
    assert!(references(&first).is_disjoint(&references(&again)), "a charge was counted in both runs");
    let made =
        |attack: &str| records.attacks.iter().filter(|a| a.attack == attack && a.configuration == "scenario").count();
    assert_eq!((made("name-enumeration"), made("brute-force"), made("lock-out")), (2, 2, 0));
    let notes = again.manifest().notes.join("\n");
    assert!(notes.contains("with its owner's consent") && notes.contains("it takes the service from"), "{notes}");

    let strangers = run(here, &["--reuse-accounts", "--set", "server.login=opaque"], &there);
    assert_ne!(strangers.status.code(), Some(0), "{}", text(&strangers.stdout));
}

#[test]
fn a_server_that_is_another_is_named_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _bank) = server(folder.path());
    let certificate = biopay_server::tls::Identity::development().unwrap().chain_pem();
    std::fs::write(folder.path().join("other.pem"), certificate).unwrap();
    let address = format!("server.address={}", server.listening());
    for (settings, words) in [
        (["server.certificate=other.pem", "server.name=localhost"], "not the one in server.certificate"),
        (["server.certificate=server.pem", "server.name=pay.example"], "not for the name \"pay.example\""),
    ] {
        let refused = run(folder.path(), &[], &[&[address.as_str()], &settings[..]].concat());
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(6) && said.contains(words), "{said}");
    }
}
