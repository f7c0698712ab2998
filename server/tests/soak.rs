//! kill -9 of server and bank at random moments under load, and the design's money invariants after each.
//!
//! `BIOPAY_SOAK_ROUNDS` says how many rounds (10 by default, 200 for a soak), `BIOPAY_SOAK_SEED` which:
//! `BIOPAY_SOAK_ROUNDS=200 cargo test --release -p biopay-server --test soak -- --nocapture`

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Refusal, Request, Response};
use biopay_server::client::{ClientError, Connection};
use biopay_server::env::system;
use biopay_server::issuer::ledger::Ledger;
use biopay_server::sqlite::Location;
use biopay_server::store::{PostgresStore, SqliteStore, Store};
use common::postgres::Postgres;
use common::processes::{Door, Processes, Settings};
use common::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

const USERS: u64 = 8;
/// What an account has for each round: less than it is asked for, so that declines are part of the soak.
const BALANCE_A_ROUND: u64 = 200;
const AMOUNT_MAX: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_at_any_moment_makes_or_loses_money() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("server.db").display());
    soak(folder.path(), Settings { store, ..Settings::default() }, number("BIOPAY_SOAK_ROUNDS", 10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_postgresql_are_killed_and_the_ledgers_agree() {
    let Some(postgres) = Postgres::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { servers: 2, store: postgres.url(), ..Settings::default() };
    soak(folder.path(), settings, number("BIOPAY_SOAK_ROUNDS", 10)).await;
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What the payers share.
struct Shared {
    doors: watch::Sender<Vec<Door>>,
    stop: AtomicBool,
}

async fn soak(folder: &Path, settings: Settings, rounds: u64) {
    let seed = number("BIOPAY_SOAK_SEED", 1);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (servers, balance_minor) = (settings.servers, rounds * BALANCE_A_ROUND);
    let store = settings.store.clone();
    let mut processes = Processes::start(folder, Settings { accounts: USERS, balance_minor, ..settings });
    let doors = |processes: &Processes| (0..servers).map(|server| processes.door(server)).collect::<Vec<_>>();
    for user in 0..USERS {
        let connection = processes.door(0).connect().await.unwrap();
        assert_eq!(connection.request(&register(user)).await.unwrap(), Response::Registered);
    }
    let (mut receipts, mut killed) = (BTreeSet::new(), (0, 0));
    for round in 0..rounds {
        let shared = Arc::new(Shared { doors: watch::channel(doors(&processes)).0, stop: AtomicBool::new(false) });
        let paying: Vec<_> =
            (0..USERS).map(|user| tokio::spawn(keep_paying(user, round, shared.clone(), rng.next_u64()))).collect();
        tokio::time::sleep(Duration::from_micros(20_000 + rng.next_u64() % 400_000)).await;
        kill_some(&mut processes, servers, &mut rng, &mut killed).await;
        shared.doors.send_replace(doors(&processes));
        shared.stop.store(true, Ordering::Relaxed);
        for user in paying {
            for reference in user.await.unwrap() {
                assert!(receipts.insert(reference), "a reference was acknowledged for two keys");
            }
        }
        check_money(folder, &store, &receipts, USERS * balance_minor, &format!("round {round}")).await;
    }
    let (killed_servers, killed_banks) = killed;
    println!(
        "{rounds} rounds, seed {seed}, {servers} servers: {killed_servers} servers and {killed_banks} banks killed, \
         {} charges acknowledged, each with exactly one posting",
        receipts.len()
    );
    assert!(receipts.len() as u64 > rounds, "the soak did not charge much: it shows nothing");
}

/// Kills a server, the bank, or both, and starts them again.
async fn kill_some(processes: &mut Processes, servers: usize, rng: &mut ChaCha8Rng, killed: &mut (u32, u32)) {
    let (victim, server) = (rng.next_u32() % 3, rng.next_u32() as usize % servers);
    if victim != 1 {
        processes.kill_server(server);
        killed.0 += 1;
    }
    if victim != 0 {
        processes.kill_bank();
        killed.1 += 1;
        tokio::time::sleep(Duration::from_millis(rng.next_u64() % 100)).await;
        processes.start_bank();
    }
    if victim != 1 {
        processes.start_server(server);
    }
}

/// Pays again and again, and follows each key to a definite answer through every loss of the connection. Returns the
/// references of what was acknowledged.
async fn keep_paying(user: u64, round: u64, shared: Arc<Shared>, seed: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut connection, mut receipts) = (None, Vec::new());
    for n in 0.. {
        if shared.stop.load(Ordering::Relaxed) && n > 0 {
            break;
        }
        let (amount, key) = (1 + rng.next_u64() % AMOUNT_MAX, format!("{round}-{n}"));
        loop {
            match try_to_pay(&mut connection, user, &shared.doors, rng.next_u32(), amount, &key).await {
                Ok(Response::Charged(receipt)) => {
                    receipts.push(receipt.reference);
                    break;
                }
                Ok(Response::Refused(Refusal::InsufficientFunds | Refusal::BankUnreachable)) => break,
                Ok(Response::Refused(
                    Refusal::UnknownOutcome { .. } | Refusal::InProgress { .. } | Refusal::NoSuchPayment,
                ))
                | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(other) => panic!("{other:?}"),
            }
        }
    }
    receipts
}

async fn try_to_pay(
    slot: &mut Option<Connection>,
    user: u64,
    doors: &watch::Sender<Vec<Door>>,
    draw: u32,
    amount: u64,
    key: &str,
) -> Result<Response, ClientError> {
    let connection = match slot.take() {
        Some(connection) => connection,
        None => {
            // Whichever server: a client that lost one tries another.
            let door = {
                let doors = doors.borrow();
                doors[draw as usize % doors.len()].clone()
            };
            let connection = tokio::time::timeout(Duration::from_secs(1), door.connect());
            let connection = connection.await.map_err(|_| ClientError::Deadline)??;
            connection.request(&login(user, "password")).await?;
            connection
        }
    };
    let mut answer = connection.request(&begin(amount, key)).await?;
    if let Response::PaymentOpened { payment, .. } = answer {
        answer = connection.request(&Request::PresentQr { payment, payload: payload(user) }).await?;
    }
    *slot = Some(connection);
    Ok(answer)
}

/// Waits until no outcome is open, then holds both ledgers against each other and against what was acknowledged.
async fn check_money(folder: &Path, store: &str, receipts: &BTreeSet<String>, opened_minor: u64, when: &str) {
    let store: Box<dyn Store> = match store.strip_prefix("sqlite:") {
        Some(path) => Box::new(SqliteStore::open(&Location::File(path.into())).unwrap()),
        None => Box::new(PostgresStore::open(store).await.unwrap()),
    };
    let ledger = Ledger::open(&Location::File(folder.join("bank.db")), system::env(1, 1), b"unused").unwrap();
    for _ in 0..200 {
        if store.audit().await.unwrap().open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (ours, theirs) = (store.audit().await.unwrap(), ledger.audit().await.unwrap());
    let both = format!("{when}: {ours:?} {theirs:?}, {} acknowledged", receipts.len());
    assert_eq!(ours.open, 0, "an outcome stays open, {both}");
    assert!(ours.is_clean() && theirs.is_clean(), "{both}");
    assert_eq!(ours.posted_minor, theirs.acquirers_minor, "{both}");
    assert_eq!(theirs.opened_minor, opened_minor as i64, "{both}");
    // Every key was followed to its end, so what was acknowledged is what was posted, on both sides.
    assert_eq!((ours.posted, theirs.charges), (receipts.len() as u64, receipts.len() as u64), "{both}");
    let references = ledger.charged_references().await.unwrap();
    assert!(references.iter().eq(receipts.iter()), "{both}");
}
