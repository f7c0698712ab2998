//! Charges at a fixed rate, alone and beside logins at full load, from their intended start.

use super::common::login;
use super::common::soaking::USERS;
use super::quic::{charge, connect, start};
use biopay_protocol::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CHARGES_PER_SECOND: u32 = 2_000;
const SECONDS: u32 = 4;
/// Above this the charges alone queue.
const SUSTAINED_US: u64 = 100_000;
const CONNECTIONS: usize = 128;
/// More than the hashing threads, so that they always have work.
const LOGGING_IN: usize = 8;

/// Holds what came of charging at a fixed rate, in microseconds.
struct Latencies {
    p50: u64,
    p99: u64,
    /// How late the generator itself was, at worst: above a charge's own latency, the run says nothing.
    lag_p99: u64,
}

/// The full cost of a hash (OWASP).
const HASH_COST: &str = "memory-kib = 19456\npasses = 2";
/// How the server can be told to hash: as by default, and as beside other work.
pub const PRIORITIES: [&str; 2] = ["idle", "low"];

/// Compares the 99th percentile with and without logins.
pub async fn charges_beside_logins(round: usize, priority: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let processes = start(folder.path(), HASH_COST, priority).await;
    let connections = Arc::new(connect(&processes, CONNECTIONS).await);
    let alone = charge_at_rate(connections.clone(), &format!("{round}a")).await;
    let (stop, logins) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for (user, connection) in connect(&processes, LOGGING_IN).await {
        let (stop, logins) = (stop.clone(), logins.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                match connection.request(&login(&connection, user % USERS, "password")).await {
                    Ok(Response::LoggedIn { .. }) => logins.fetch_add(1, Ordering::Relaxed),
                    // The server ends with the round.
                    Err(_) if stop.load(Ordering::Relaxed) => return,
                    other => panic!("{other:?}"),
                };
            }
        });
    }
    let beside = charge_at_rate(connections, &format!("{round}b")).await;
    stop.store(true, Ordering::Relaxed);
    // A machine that cannot keep up queues without end, and the ratio of two queues says nothing.
    let verdict =
        if alone.p99 > SUSTAINED_US || alone.lag_p99 > alone.p99 { ": NOT VALID, too busy a machine" } else { "" };
    println!(
        "round {round}: charges at {CHARGES_PER_SECOND}/s from the intended start: p50 {} µs, p99 {} µs alone; p50 {} \
         µs, p99 {} µs beside {:.0} logins/s hashed at priority {priority}: p99 times {:.2} (asked for: at most 2.00); \
         generator lag p99 {} and {} µs{verdict}",
        alone.p50,
        alone.p99,
        beside.p50,
        beside.p99,
        logins.load(Ordering::Relaxed) as f64 / f64::from(SECONDS),
        beside.p99 as f64 / alone.p99 as f64,
        alone.lag_p99,
        beside.lag_p99
    );
}

type Connections = Arc<Vec<(u64, biopay_server::client::Connection)>>;

async fn charge_at_rate(connections: Connections, name: &str) -> Latencies {
    let (sender, mut due) = tokio::sync::mpsc::unbounded_channel::<Instant>();
    // A thread of its own on an absolute schedule: tokio's timer has steps of a millisecond.
    std::thread::spawn(move || {
        let began = Instant::now() + Duration::from_millis(50);
        for n in 0..CHARGES_PER_SECOND * SECONDS {
            let at = began + Duration::from_secs(1) * n / CHARGES_PER_SECOND;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send(at).is_err() {
                return;
            }
        }
    });
    let (mut charging, mut lags, mut n) = (Vec::new(), Vec::new(), 0);
    while let Some(at) = due.recv().await {
        lags.push(at.elapsed().as_micros() as u64);
        let (connections, key) = (connections.clone(), format!("{name}-{n}"));
        charging.push(tokio::spawn(async move {
            let (user, connection) = &connections[n % CONNECTIONS];
            charge(connection, *user, &key).await;
            at.elapsed().as_micros() as u64
        }));
        n += 1;
    }
    let mut took = Vec::new();
    for task in charging {
        took.push(task.await.unwrap());
    }
    took.sort_unstable();
    lags.sort_unstable();
    let at = |sorted: &[u64], percent: usize| sorted[sorted.len() * percent / 100];
    Latencies { p50: at(&took, 50), p99: at(&took, 99), lag_p99: at(&lags, 99) }
}
