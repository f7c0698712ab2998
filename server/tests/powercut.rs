//! Power cuts, failing syncs and full disks, on the real processes: `powercut.c` is a disk that keeps only what was
//! synced. `BIOPAY_POWERCUT_ROUNDS` says how many cuts (5 by default), `BIOPAY_POWERCUT_SEED` which.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Refusal, Response};
use biopay_server::client::Connection;
use biopay_server::env::system;
use biopay_server::issuer::ledger::Ledger;
use biopay_server::sqlite::Location;
use biopay_server::store::{SqliteStore, Store};
use common::processes::{Processes, Settings};
use common::soaking::{Shared, USERS, check_money, keep_paying};
use common::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

const BALANCE: u64 = 100_000;

/// A folder whose disk is the shim's.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("twins")).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/powercut.c");
        let library = folder.path().join("powercut.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).args(["-ldl", "-lpthread"]);
        assert!(compiler.status().unwrap().success(), "the shim needs a C compiler");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn twins(&self) -> PathBuf {
        self.path().join("twins")
    }

    fn environment(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, OsString)> {
        let library = self.path().join("powercut.so").into_os_string();
        let mut environment = vec![("LD_PRELOAD", library), ("POWERCUT_TWINS", self.twins().into_os_string())];
        environment.extend(more.iter().map(|&(name, value)| (name, value.into())));
        environment
    }

    /// Puts what was synced in the place of what was written.
    fn cut_power(&self) {
        for entry in std::fs::read_dir(self.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains(".db") {
                std::fs::remove_file(path).unwrap();
            }
        }
        for entry in std::fs::read_dir(self.twins()).unwrap() {
            let twin = entry.unwrap();
            std::fs::copy(twin.path(), self.path().join(twin.file_name())).unwrap();
        }
    }

    /// Cuts the power and looks at what is left, in a copy: looking writes too, and past the shim.
    async fn check(&self, processes: &mut Processes, receipts: &BTreeSet<String>, when: &str) {
        processes.kill_server(0);
        processes.kill_bank();
        self.cut_power();
        let copy = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.twins()).unwrap() {
            let twin = entry.unwrap();
            std::fs::copy(twin.path(), copy.path().join(twin.file_name())).unwrap();
        }
        let store = format!("sqlite:{}", copy.path().join("server.db").display());
        check_money(copy.path(), &store, receipts, USERS * BALANCE, when).await;
    }

    fn settings(&self, server: &[(&'static str, &str)], bank: &[(&'static str, &str)]) -> Settings {
        let (server_environment, bank_environment) = (self.environment(server), self.environment(bank));
        let store = self.store();
        Settings { store, server_environment, bank_environment, balance_minor: BALANCE, ..Settings::default() }
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.path().join("server.db").display())
    }

    async fn audit(&self) -> (biopay_server::store::PaymentAudit, biopay_server::issuer::ledger::LedgerAudit) {
        let store = SqliteStore::open(&Location::File(self.path().join("server.db"))).unwrap();
        let ledger = Ledger::open(&Location::File(self.path().join("bank.db")), system::env(1, 1), b"unused").unwrap();
        (store.audit().await.unwrap(), ledger.audit().await.unwrap())
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

async fn register_all(processes: &Processes) {
    for user in 0..USERS {
        let connection = processes.door(0).connect().await.unwrap();
        assert_eq!(connection.request(&register(user)).await.unwrap(), Response::Registered);
    }
}

/// Lets everybody pay for a while, then does something to the machine, then follows every key to its end.
async fn pay_through(
    processes: &mut Processes,
    round: u64,
    rng: &mut ChaCha8Rng,
    calamity: impl AsyncFnOnce(&mut Processes),
) -> Vec<String> {
    let doors = watch::channel(vec![processes.door(0)]).0;
    let shared = Arc::new(Shared { doors, stop: AtomicBool::new(false) });
    let paying: Vec<_> =
        (0..USERS).map(|user| tokio::spawn(keep_paying(user, round, shared.clone(), rng.next_u64()))).collect();
    tokio::time::sleep(Duration::from_micros(50_000 + rng.next_u64() % 300_000)).await;
    calamity(processes).await;
    shared.doors.send_replace(vec![processes.door(0)]);
    shared.stop.store(true, Ordering::Relaxed);
    let mut receipts = Vec::new();
    for user in paying {
        receipts.extend(user.await.unwrap());
    }
    receipts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let (disk, rounds) = (Disk::new(), number("BIOPAY_POWERCUT_ROUNDS", 5));
    let mut rng = ChaCha8Rng::seed_from_u64(number("BIOPAY_POWERCUT_SEED", 1));
    let mut processes = Processes::start(disk.path(), disk.settings(&[], &[]));
    register_all(&processes).await;
    let mut receipts = BTreeSet::new();
    for round in 0..rounds {
        let acknowledged = pay_through(&mut processes, round, &mut rng, async |processes| {
            processes.kill_server(0);
            processes.kill_bank();
            disk.cut_power();
            processes.start_bank();
            processes.start_server(0);
        });
        receipts.extend(acknowledged.await);
        disk.check(&mut processes, &receipts, &format!("cut {round}")).await;
        processes.start_bank();
        processes.start_server(0);
    }
    println!("{rounds} power cuts of server and bank under load, {} charges acknowledged, none lost", receipts.len());
    assert!(receipts.len() as u64 > rounds, "the rounds did not charge much: they show nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_lies_about_the_log_loses_charges_and_the_test_notices() {
    let disk = Disk::new();
    let mut processes = Processes::start(disk.path(), disk.settings(&[("POWERCUT_IGNORE", "server.db-wal")], &[]));
    register_all(&processes).await;
    let connection = processes.door(0).connect().await.unwrap();
    connection.request(&login(&connection, 1, "password")).await.unwrap();
    for n in 0..10 {
        assert!(matches!(pay(&connection, 10, &format!("k{n}"), 1).await, Response::Charged(_)));
    }
    processes.kill_server(0);
    processes.kill_bank();
    disk.cut_power();
    let (ours, theirs) = disk.audit().await;
    println!("10 charges acknowledged, {} kept by the server, {} by the bank", ours.posted, theirs.charges);
    assert_eq!(theirs.charges, 10, "the bank's disk does not lie");
    assert!(ours.posted < 10, "the shim keeps what was never synced: the other test shows nothing");
}

/// What a writer of the negative control acknowledges before it is killed.
const ROWS: usize = 300;

/// Is the writer: this very test in a process of its own, under the shim. It says each row when its commit returns.
#[test]
fn writer_of_the_negative_control() {
    let Ok(level) = std::env::var("POWERCUT_WRITER") else { return };
    let connection = rusqlite::Connection::open("control.db").unwrap();
    let pragmas = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {level}; CREATE TABLE t (x);");
    connection.execute_batch(&pragmas).unwrap();
    for row in 0.. {
        connection.execute("INSERT INTO t VALUES (?1)", [row]).unwrap();
        println!("row {row}");
        std::io::stdout().flush().unwrap();
    }
}

/// Returns how many of the acknowledged rows are left after a power cut.
fn rows_left(level: &str) -> usize {
    let disk = Disk::new();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_of_the_negative_control", "--nocapture"])
        .current_dir(disk.path())
        .envs(disk.environment(&[("POWERCUT_WRITER", level)]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
    let acknowledged = said.filter(|line| line.contains("row ")).take(ROWS).count();
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(acknowledged, ROWS);
    disk.cut_power();
    let connection = rusqlite::Connection::open(disk.path().join("control.db")).unwrap();
    let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
    count.map_or(0, |count| count as usize)
}

#[test]
fn synchronous_normal_loses_commits_and_full_does_not() {
    let (normal, full) = (rows_left("NORMAL"), rows_left("FULL"));
    println!("of {ROWS} acknowledged commits a power cut left {normal} with NORMAL, {full} with FULL");
    assert!(normal < ROWS, "the negative control kept everything: the shim shows nothing");
    assert!(full >= ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_the_server_which_never_tries_again() {
    let disk = Disk::new();
    let log = disk.path().join("syncs");
    let failing = [("POWERCUT_FAIL_SYNC", "60"), ("POWERCUT_LOG", log.to_str().unwrap())];
    let mut processes = Processes::start(disk.path(), disk.settings(&failing, &[]));
    register_all(&processes).await;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let acknowledged = pay_through(&mut processes, 0, &mut rng, async |processes| {
        let ended = processes.wait_for_server(0);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "failed\n", "syncs after the failed one");
        processes.kill_bank();
        disk.cut_power();
        processes.settings().server_environment = disk.environment(&[]);
        processes.start_bank();
        processes.start_server(0);
    });
    let receipts: BTreeSet<String> = acknowledged.await.into_iter().collect();
    disk.check(&mut processes, &receipts, "after the failed sync").await;
    println!("a sync failed, the server ended, {} charges acknowledged before and after, none lost", receipts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_the_bank_which_never_tries_again() {
    let disk = Disk::new();
    let log = disk.path().join("syncs");
    let failing = [("POWERCUT_FAIL_SYNC", "40"), ("POWERCUT_LOG", log.to_str().unwrap())];
    let mut processes = Processes::start(disk.path(), disk.settings(&[], &failing));
    register_all(&processes).await;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let acknowledged = pay_through(&mut processes, 0, &mut rng, async |processes| {
        assert_eq!(processes.wait_for_bank().code(), Some(1));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "failed\n", "syncs after the failed one");
        processes.kill_server(0);
        disk.cut_power();
        processes.settings().bank_environment = disk.environment(&[]);
        processes.start_bank();
        processes.start_server(0);
    });
    let receipts: BTreeSet<String> = acknowledged.await.into_iter().collect();
    disk.check(&mut processes, &receipts, "after the failed sync").await;
}

async fn pay_as(connection: &Connection, key: &str) -> Response {
    pay(connection, 10, key, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_refused_and_outlived() {
    let disk = Disk::new();
    let mut processes = Processes::start(disk.path(), disk.settings(&[], &[]));
    register_all(&processes).await;
    let connection = processes.door(0).connect().await.unwrap();
    connection.request(&login(&connection, 1, "password")).await.unwrap();
    let mut receipts = BTreeSet::new();
    let Response::Charged(receipt) = pay_as(&connection, "before").await else { panic!() };
    receipts.insert(receipt.reference);

    std::fs::write(disk.twins().join("full"), "").unwrap();
    let mut refused = 0;
    for n in 0..5 {
        let answer = pay_as(&connection, &format!("full-{n}")).await;
        refused += u32::from(matches!(answer, Response::Refused(Refusal::Internal)));
    }
    assert_eq!(refused, 5, "a charge was taken that nothing could record");
    std::fs::remove_file(disk.twins().join("full")).unwrap();

    let Response::Charged(receipt) = pay_as(&connection, "after").await else { panic!() };
    receipts.insert(receipt.reference);
    disk.check(&mut processes, &receipts, "after the full disk").await;
}
