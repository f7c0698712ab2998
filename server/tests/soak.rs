//! kill -9 of server and bank at random moments under load, and the design's money invariants after each.
//!
//! `BIOPAY_SOAK_ROUNDS` says how many rounds (10 by default, 200 for a soak), `BIOPAY_SOAK_SEED` which:
//! `BIOPAY_SOAK_ROUNDS=200 cargo test --release -p biopay-server --test soak -- --nocapture`

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::Response;
use common::postgres::Postgres;
use common::processes::{Processes, Settings};
use common::soaking::{Shared, USERS, check_money, keep_paying};
use common::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// What an account has for each round: less than it is asked for, so that declines are part of the soak.
const BALANCE_A_ROUND: u64 = 200;

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
