//! Charges at a fixed rate, alone and beside logins at full load, from their intended start.

use super::common::login;
use super::common::soaking::USERS;
use super::quic::{charge, connect, start};
use biopay_protocol::Response;
use biopay_server::client::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CHARGES_PER_SECOND: u32 = 2_000;
/// Alone and beside logins in turns this long, so that a machine that slows down slows both.
const TURN: Duration = Duration::from_secs(1);
const TURNS: usize = 6;
/// Above this the charges alone queue.
const SUSTAINED_US: u64 = 100_000;
const CONNECTIONS: usize = 128;
/// More than the hashing threads, so that they always have work.
const LOGGING_IN: usize = 8;

/// Holds what came of charging at a fixed rate, in microseconds.
#[derive(Default)]
struct Latencies {
    charges: Vec<u64>,
    /// How late the generator itself was: above a charge's own latency, the run says nothing.
    lags: Vec<u64>,
}

impl Latencies {
    fn add(&mut self, turn: Self) {
        self.charges.extend(turn.charges);
        self.lags.extend(turn.lags);
    }
}

fn percentile(values: &mut [u64], percent: usize) -> u64 {
    let place = values.len() * percent / 100;
    *values.select_nth_unstable(place).1
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
    let logging_in = connect(&processes, LOGGING_IN).await;
    let (mut alone, mut beside, mut logins) = (Latencies::default(), Latencies::default(), 0);
    for turn in 0..TURNS {
        alone.add(charge_at_rate(connections.clone(), &format!("{round}-{turn}-alone")).await);
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> =
            logging_in.iter().map(|who| tokio::spawn(log_in_until(who.clone(), stop.clone()))).collect();
        beside.add(charge_at_rate(connections.clone(), &format!("{round}-{turn}-beside")).await);
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            logins += task.await.unwrap();
        }
    }
    let (alone_p99, lag_p99) = (percentile(&mut alone.charges, 99), percentile(&mut alone.lags, 99));
    let beside_p99 = percentile(&mut beside.charges, 99);
    // A machine that cannot keep up queues without end, and the ratio of two queues says nothing.
    let verdict = if alone_p99 > SUSTAINED_US || lag_p99 > alone_p99 { ": NOT VALID, too busy a machine" } else { "" };
    println!(
        "round {round}: charges at {CHARGES_PER_SECOND}/s from the intended start, in {TURNS} turns each: p50 {} µs, \
         p99 {alone_p99} µs alone; p50 {} µs, p99 {beside_p99} µs beside {:.0} logins/s hashed at priority {priority}: \
         p99 times {:.2} (asked for: at most 2.00); generator lag p99 {lag_p99} and {} µs{verdict}",
        percentile(&mut alone.charges, 50),
        percentile(&mut beside.charges, 50),
        logins as f64 / (TURN.as_secs_f64() * TURNS as f64),
        beside_p99 as f64 / alone_p99 as f64,
        percentile(&mut beside.lags, 99)
    );
}

/// Logs in again and again; says how often.
async fn log_in_until((user, connection): (u64, Connection), stop: Arc<AtomicBool>) -> usize {
    let mut logins = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = connection.request(&login(&connection, user % USERS, "password")).await;
        assert!(matches!(answer, Ok(Response::LoggedIn { .. })), "{answer:?}");
        logins += 1;
    }
    logins
}

type Connections = Arc<Vec<(u64, Connection)>>;

async fn charge_at_rate(connections: Connections, name: &str) -> Latencies {
    let (sender, mut due) = tokio::sync::mpsc::unbounded_channel::<Instant>();
    // A thread of its own on an absolute schedule: tokio's timer has steps of a millisecond.
    std::thread::spawn(move || {
        let began = Instant::now() + Duration::from_millis(50);
        for n in 0..CHARGES_PER_SECOND * TURN.as_secs() as u32 {
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
    let mut charges = Vec::new();
    for task in charging {
        charges.push(task.await.unwrap());
    }
    Latencies { charges, lags }
}
