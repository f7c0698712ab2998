//! The restore drill: a store is copied while people pay, lost, and restored; no charge that was acknowledged before the
//! copy was made is missing, and after a planned stop none at all.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{PresentationProof, Response};
use common::processes::{Door, Processes, Settings};
use common::*;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const USERS: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

type Receipts = Arc<Mutex<Vec<String>>>;

/// Pays until told to stop or the server is gone; notes what was acknowledged, in order.
async fn keep_paying(user: u64, door: Door, receipts: Receipts, stop: Arc<AtomicBool>, run: &'static str) {
    let connection = door.connect().await.unwrap().with_deadline(PATIENCE);
    connection.request(&login(&connection, user, "password")).await.unwrap();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let page = connection.request(&begin(1, &format!("{run}{n}"))).await;
        let Ok(Response::PaymentOpened { payment, .. }) = page else { return };
        let presented = biopay_protocol::Request::PresentQr {
            payment,
            payload: payload(user),
            proof: PresentationProof::default(),
        };
        match connection.request(&presented).await {
            Ok(Response::Charged(receipt)) => receipts.lock().unwrap().push(receipt.reference),
            Ok(other) => panic!("{other:?}"),
            Err(_) => return,
        }
    }
}

struct Payers {
    receipts: Receipts,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Payers {
    fn start(processes: &Processes, run: &'static str) -> Self {
        let (receipts, stop) = (Receipts::default(), Arc::new(AtomicBool::new(false)));
        let pay = |user| keep_paying(user, processes.door(0), receipts.clone(), stop.clone(), run);
        let tasks = (0..USERS).map(|user| tokio::spawn(pay(user))).collect();
        Self { receipts, stop, tasks }
    }

    /// Waits for some more charges, and returns all that were acknowledged.
    async fn go_on(&self) -> Vec<String> {
        let before = self.receipts.lock().unwrap().len();
        loop {
            let now = self.receipts.lock().unwrap().clone();
            if now.len() >= before + 20 {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            // Whoever waits for a server that is gone waits long.
            task.abort();
            assert!(!task.await.is_err_and(|error| error.is_panic()), "a payer was refused");
        }
        self.receipts.lock().unwrap().clone()
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
    command.current_dir(folder).args(["--config", "server.toml", "--store", "sqlite:server.db"]).args(arguments);
    command.output().unwrap()
}

fn succeed(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lose_the_disk(folder: &Path) {
    for name in ["server.db", "server.db-wal", "server.db-shm"] {
        drop(std::fs::remove_file(folder.join(name)));
    }
}

/// Reads the references of all payments that the store has posted.
fn posted(folder: &Path) -> BTreeSet<String> {
    let store = rusqlite::Connection::open(folder.join("server.db")).unwrap();
    let mut list = store.prepare("SELECT reference FROM payments WHERE state = 3").unwrap();
    list.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

async fn settle(folder: &Path) {
    for _ in 0..600 {
        let audit = succeed(folder, &["--audit"]);
        if audit["open"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("an outcome stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_restore_drill_loses_no_acknowledged_charge() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = Settings { balance_minor: 1_000_000, bank_timeout_ms: 30_000, ..Settings::default() };
    let mut processes = Processes::start(folder, settings);
    for user in 0..USERS {
        let connection = processes.door(0).connect().await.unwrap().with_deadline(PATIENCE);
        assert_eq!(connection.request(&register(user)).await.unwrap(), Response::Registered);
    }
    let payers = Payers::start(&processes, "a");
    let before = payers.go_on().await;
    let copied = succeed(folder, &["--backup", "copy.db"]);
    assert!(copied["posted"].as_u64().unwrap() >= before.len() as u64, "{copied}");
    let after = payers.go_on().await;
    processes.kill_server(0);
    let acknowledged = payers.end().await;
    lose_the_disk(folder);
    // A copy is of no use with other keys, and leaves nothing behind then.
    let toml = std::fs::read_to_string(folder.join("server.toml")).unwrap();
    std::fs::write(folder.join("server.toml"), format!("{toml}\n[keys]\npepper = \"another\"\n")).unwrap();
    let refused = run(folder, &["--restore", "copy.db"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("pepper/0 is not"), "{refused:?}");
    assert!(!folder.join("server.db").exists());
    std::fs::write(folder.join("server.toml"), toml).unwrap();
    succeed(folder, &["--restore", "copy.db"]);
    assert!(!run(folder, &["--restore", "copy.db"]).status.success(), "a store that is there is not replaced");
    processes.start_server(0);
    settle(folder).await;
    let has = posted(folder);
    let lost = before.iter().filter(|reference| !has.contains(*reference)).count();
    let since = acknowledged.iter().filter(|reference| !has.contains(*reference)).count();
    println!(
        "lost disk: {lost} lost of {} charges acknowledged before the backup; {since} of {} since, which the bank has",
        before.len(),
        acknowledged.len() - before.len()
    );
    assert_eq!(lost, 0);
    assert!(after.len() > before.len());

    // A planned move: stop, copy, restore elsewhere.
    let payers = Payers::start(&processes, "b");
    payers.go_on().await;
    processes.signal(0, Signal::TERM);
    let acknowledged = payers.end().await;
    assert!(processes.wait_for_server(0).success());
    succeed(folder, &["--backup", "final.db"]);
    lose_the_disk(folder);
    succeed(folder, &["--restore", "final.db"]);
    processes.start_server(0);
    settle(folder).await;
    let has = posted(folder);
    let lost = acknowledged.iter().filter(|reference| !has.contains(*reference)).count();
    println!("planned move: {lost} lost of {} charges acknowledged since the first", acknowledged.len());
    assert_eq!(lost, 0);
    processes.signal(0, Signal::TERM);
    assert!(processes.wait_for_server(0).success());
}

/// The bank's count of charges, from its own books.
fn charged_at_the_bank(folder: &Path) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-bank"));
    let output = command.current_dir(folder).args(["--store", "sqlite:bank.db", "--audit"]).output().unwrap();
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["charges"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_redo_log_not_even_a_lost_disk_loses_an_acknowledged_charge() {
    const REDO: &[&str] = &["--store-redo", "redo"];
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings =
        Settings { balance_minor: 1_000_000, bank_timeout_ms: 30_000, server_flags: REDO, ..Settings::default() };
    let mut processes = Processes::start(folder, settings);
    for user in 0..USERS {
        let connection = processes.door(0).connect().await.unwrap().with_deadline(PATIENCE);
        assert_eq!(connection.request(&register(user)).await.unwrap(), Response::Registered);
    }
    let payers = Payers::start(&processes, "a");
    payers.go_on().await;
    succeed(folder, &["--backup", "copy.db"]);
    let before = payers.go_on().await;
    // Another process writes the store too, and the log.
    succeed(folder, &["--store-redo", "redo", "--rotate-keys"]);
    payers.go_on().await;
    processes.kill_server(0);
    let acknowledged = payers.end().await;
    lose_the_disk(folder);
    let restored = succeed(folder, &["--store-redo", "redo", "--restore", "copy.db"]);
    processes.start_server(0);
    settle(folder).await;
    let has = posted(folder);
    let lost = acknowledged.iter().filter(|reference| !has.contains(*reference)).count();
    println!("lost disk: {lost} lost of {} acknowledged charges; {restored}", acknowledged.len());
    assert_eq!(lost, 0);
    assert!(acknowledged.len() > before.len());
    let audit = succeed(folder, &["--audit"]);
    assert_eq!(audit["posted"], charged_at_the_bank(folder), "both books, after the restoration");
    // And once more, over the log of two lives.
    let payers = Payers::start(&processes, "b");
    payers.go_on().await;
    processes.kill_server(0);
    let later = payers.end().await;
    lose_the_disk(folder);
    succeed(folder, &["--store-redo", "redo", "--restore", "copy.db"]);
    processes.start_server(0);
    settle(folder).await;
    let has = posted(folder);
    assert_eq!(acknowledged.iter().chain(&later).filter(|reference| !has.contains(*reference)).count(), 0);
}
