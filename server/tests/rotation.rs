//! Keys, peppers and hash costs are exchanged while people pay, and nobody is refused; a wrong key stops the start.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::message::Factors;
use biopay_protocol::{PresentationProof, Request, Response};
use common::postgres::Postgres;
use common::processes::{Door, Processes, Settings};
use common::*;
use rustix::process::Signal;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const USERS: u64 = 4;
/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const RELOADED: &str = "the keys were read again";

fn vault(id: u32) -> String {
    format!("{{ id = {id}, key = \"{}\" }}", format!("{id:02x}").repeat(32))
}

/// The keys of a phase: the vault's numbers with the one that seals, the peppers' with the one that new hashes take.
fn keys((opening, sealing): (&[u32], u32), (peppers, hashing): (&[u32], u32)) -> String {
    let vault: Vec<String> = opening.iter().map(|&id| vault(id)).collect();
    let pepper = if peppers.contains(&0) { "pepper = \"pepper 0\"\n" } else { "" };
    let others = peppers.iter().filter(|&&id| id > 0).map(|id| format!("{{ id = {id}, pepper = \"pepper {id}\" }}"));
    let others: Vec<String> = others.collect();
    format!(
        "[keys]\nvault = [{}]\nseal-with = {sealing}\n{pepper}peppers = [{}]\nhash-with = {hashing}\n",
        vault.join(", "),
        others.join(", ")
    )
}

/// What the payers did, together.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    requests: AtomicU64,
    charges: AtomicU64,
    rounds: AtomicU64,
}

/// Logs in, pays, enrols another QR, and pays with it, again and again on new connections; and registers somebody.
async fn keep_going(user: u64, doors: Vec<Door>, load: Arc<Load>) -> Vec<String> {
    let mut refused = Vec::new();
    for n in 0.. {
        if load.stop.load(Ordering::Relaxed) {
            break;
        }
        let door = &doors[n as usize % doors.len()];
        let connection = door.connect().await.unwrap().with_deadline(PATIENCE);
        let mut ask = async |request: Request| {
            load.requests.fetch_add(1, Ordering::Relaxed);
            let answer = connection.request(&request).await;
            if !matches!(answer, Ok(ref answer) if !matches!(answer, Response::Refused(_))) {
                refused.push(format!("{}: {answer:?}", request.name()));
            }
            answer.ok()
        };
        let stranger = 1_000 + user * 100_000 + n;
        let Request::Register { login: name, password, .. } = register(stranger) else { panic!() };
        ask(Request::RegisterCredentials { login: name, password }).await;
        ask(login(&connection, user, "password")).await;
        for (key, replaces) in [("a", true), ("b", false)] {
            let page = ask(begin(1, &format!("{n}{key}"))).await;
            if let Some(Response::PaymentOpened { payment, .. }) = page {
                let paid =
                    ask(Request::PresentQr { payment, payload: payload(user), proof: PresentationProof::default() })
                        .await;
                load.charges.fetch_add(u64::from(matches!(paid, Some(Response::Charged(_)))), Ordering::Relaxed);
            }
            if replaces {
                let factors = Factors { payload: Some(payload(user)), ..Factors::default() };
                ask(Request::StepUp { factors }).await;
                ask(Request::ReplaceQr { enrolment: payload(user), helper: None, signature: None }).await;
            }
        }
        load.rounds.fetch_add(1, Ordering::Relaxed);
    }
    refused
}

struct Rotating<'a> {
    folder: &'a Path,
    processes: Processes,
    servers: usize,
    store: String,
    load: Arc<Load>,
    first: String,
}

impl Rotating<'_> {
    /// Writes the next phase's keys and hash cost, and has every server read them while people pay.
    async fn turn_to(&self, keys: &str, hash_cost: &str) {
        let text = self.first.replace("memory-kib = 64", hash_cost);
        let text = text.split("[keys]").next().unwrap().to_owned() + keys;
        std::fs::write(self.folder.join("server.toml"), text).unwrap();
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let before = log().matches(RELOADED).count();
        for server in 0..self.servers {
            self.processes.signal(server, Signal::HUP);
        }
        for _ in 0..600 {
            if log().matches(RELOADED).count() == before + self.servers {
                return self.go_on().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the keys were not read again:\n{}", log());
    }

    /// Waits until everybody has done everything at least once more.
    async fn go_on(&self) {
        let before = self.load.rounds.load(Ordering::Relaxed);
        while self.load.rounds.load(Ordering::Relaxed) < before + 3 * USERS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
        command.current_dir(self.folder).args(["--config", "server.toml", "--store", &self.store]).args(arguments);
        command.output().unwrap()
    }

    fn rotate(&self) -> serde_json::Value {
        let output = self.run(&["--rotate-keys"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn has(value: &serde_json::Value, name: &str) -> bool {
    value.as_array().unwrap().iter().any(|retired| retired == name)
}

/// Exchanges everything under load; returns the payers' refusals.
async fn exchange_everything(folder: &Path, servers: usize, store: String) {
    let first = keys((&[1], 1), (&[0], 0));
    let server_toml = format!("[throttle.registrations]\nburst = 0\nrefill-ms = 0\n{first}");
    let server_toml = format!("[throttle.prefix-registrations]\nburst = 0\nrefill-ms = 0\n{server_toml}");
    let settings = Settings {
        servers,
        store: store.clone(),
        balance_minor: 10_000_000,
        bank_timeout_ms: 30_000,
        server_toml,
        ..Settings::default()
    };
    let processes = Processes::start(folder, settings);
    let doors: Vec<Door> = (0..servers).map(|server| processes.door(server)).collect();
    for user in 0..USERS {
        let connection = doors[0].connect().await.unwrap().with_deadline(PATIENCE);
        assert_eq!(connection.request(&register(user)).await.unwrap(), Response::Registered);
    }
    let load = Arc::new(Load::default());
    let going: Vec<_> = (0..USERS).map(|user| tokio::spawn(keep_going(user, doors.clone(), load.clone()))).collect();
    let first = std::fs::read_to_string(folder.join("server.toml")).unwrap();
    let rotating = Rotating { folder, processes, servers, store, load: load.clone(), first };
    rotating.go_on().await;
    let (old, new) = ("memory-kib = 64", "memory-kib = 128");
    // A key that no server knows yet seals nothing.
    std::fs::write(folder.join("early.toml"), keys((&[1, 2], 2), (&[0], 0))).unwrap();
    let early = Command::new(env!("CARGO_BIN_EXE_biopay-server"))
        .current_dir(folder)
        .args(["--config", "early.toml", "--store", &rotating.store, "--rotate-keys"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&early.stderr);
    assert!(said.contains("no server has opened this store with vault/2"), "{said}");
    rotating.turn_to(&keys((&[1, 2], 1), (&[0, 1], 0)), old).await;
    rotating.turn_to(&keys((&[1, 2], 2), (&[0, 1], 1)), new).await;
    let rotated = rotating.rotate();
    assert!(rotated["resealed"].as_u64().unwrap() > 0 && has(&rotated["retired"], "vault/1"), "{rotated}");
    rotating.turn_to(&keys((&[2], 2), (&[0, 1], 1)), new).await;
    load.stop.store(true, Ordering::Relaxed);
    let mut refused = Vec::new();
    for going in going {
        refused.extend(going.await.unwrap());
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (requests, charges) = (count(&load.requests), count(&load.charges));
    println!("{servers} servers, 4 exchanges: {requests} requests, {charges} charges, {} refused", refused.len());
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(charges, 2 * count(&load.rounds));
    // Everybody who came back is hashed anew, and what is left is counted.
    let rotated = rotating.rotate();
    assert!(rotated["passwords"]["pepper/1"].as_u64().unwrap() >= USERS, "{rotated}");
    refuse_a_wrong_key(&rotating);
}

fn refuse_a_wrong_key(rotating: &Rotating<'_>) {
    let text = std::fs::read_to_string(rotating.folder.join("server.toml")).unwrap();
    let text = text.replace("seal-with = 2", "seal-with = 3");
    for (wrong, said) in [
        (text.replace(&vault(2), &format!("{{ id = 3, key = \"{}\" }}", "03".repeat(32))), "vault/2 is missing"),
        (text.replace("seal-with = 3", "seal-with = 2").replace(&"02".repeat(32), &"0a".repeat(32)), "vault/2 is not"),
        (text.replace("seal-with = 3", "seal-with = 2").replace("pepper 1", "another"), "pepper/1 is not"),
    ] {
        std::fs::write(rotating.folder.join("wrong.toml"), wrong).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
        command.current_dir(rotating.folder).args(["--config", "wrong.toml", "--store", &rotating.store]);
        let output = command.args(["--listen", "127.0.0.1:0"]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && error.contains(said), "{said}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_peppers_and_costs_are_exchanged_while_people_pay() {
    let folder = tempfile::tempdir().unwrap();
    exchange_everything(folder.path(), 1, "sqlite:server.db".into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_exchange_their_keys_while_people_pay() {
    let Some(postgres) = Postgres::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    exchange_everything(folder.path(), 2, postgres.url()).await;
}
