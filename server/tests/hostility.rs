//! Clients that mean harm, on loopback: others are served meanwhile.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]
#![allow(clippy::disallowed_methods, reason = "these tests measure real time")]

mod common;

use biopay_protocol::{Refusal, Request, Response, codec};
use biopay_server::config::Limits;
use common::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};

fn short_limits() -> Setup {
    let limits = Limits { message_ms: 500, connections: 40, retry_above: 10, ..Limits::default() };
    Setup { limits, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_loris_is_cut_off_and_others_are_served() {
    let system = System::start(short_limits()).await;
    let user = system.user(1).await;
    let loris = system.connect().await;
    let mut held = Vec::new();
    for _ in 0..Limits::default().streams {
        let (mut send, receive) = loris.quic().open_bi().await.unwrap();
        send.write_all(&[0, 0]).await.unwrap();
        held.push((send, receive));
    }
    assert!(matches!(pay(&user, 10, "k", 1).await, Response::Charged(_)));
    for (send, mut receive) in held {
        let ended = tokio::time::timeout(Duration::from_secs(5), receive.read_to_end(10)).await.unwrap();
        assert!(ended.is_err(), "a request that never came was answered");
        drop(send);
    }
    // Its places are free again.
    assert_eq!(loris.request(&Request::Logout).await.unwrap(), Response::LoggedOut);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_allowed_wait_for_the_ones_before() {
    let system = System::start(short_limits()).await;
    let greedy = system.connect().await;
    let many = (0..400).map(|_| {
        let greedy = greedy.clone();
        tokio::spawn(async move { greedy.request(&Request::FetchHelper).await.unwrap() })
    });
    for answer in many.collect::<Vec<_>>() {
        assert!(matches!(answer.await.unwrap(), Response::Refused(_)));
    }
    let mut open = Vec::new();
    let opened = tokio::time::timeout(Duration::from_millis(300), async {
        loop {
            let (mut send, receive) = greedy.quic().open_bi().await.unwrap();
            send.write_all(&[0]).await.unwrap();
            open.push((send, receive));
        }
    });
    assert!(opened.await.is_err());
    assert!((1..=Limits::default().streams as usize).contains(&open.len()), "{} streams", open.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_is_turned_away_and_those_inside_are_served() {
    let system = System::start(short_limits()).await;
    let user = system.user(1).await;
    let mut inside = Vec::new();
    let mut refused = 0;
    for _ in 0..80 {
        match system.try_connect().await {
            Ok(connection) => inside.push(connection),
            Err(_) => refused += 1,
        }
    }
    assert!(inside.len() <= 40 && refused >= 40, "{} inside, {refused} refused", inside.len());
    assert!(inside.len() >= 30, "addresses that proved themselves were turned away: {} inside", inside.len());
    assert!(matches!(pay(&user, 10, "k", 1).await, Response::Charged(_)));
    assert!(system.service.metrics().snapshot(system.service.env()).connections_refused >= 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_gigabyte_is_refused_at_once() {
    let system = System::start(short_limits()).await;
    let (mut send, mut receive) = system.connect().await.quic().open_bi().await.unwrap();
    let began = Instant::now();
    send.write_all(&[0x40, 0, 0, 0]).await.unwrap();
    let answer = receive.read_to_end(100).await.unwrap();
    assert!(!answer.is_empty() && began.elapsed() < Duration::from_millis(400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_carries_one_request_and_ends_with_it() {
    let system = System::start(short_limits()).await;
    let connection = system.connect().await;
    for _ in 0..8 {
        assert_eq!(connection.request(&Request::Logout).await.unwrap(), Response::LoggedOut);
    }
    // Neither side tells the other to stop where it has read everything: that would be a packet for every request.
    let stats = connection.quic().stats();
    assert_eq!((stats.frame_tx.stop_sending, stats.frame_rx.stop_sending), (0, 0));
    let (mut send, mut receive) = connection.quic().open_bi().await.unwrap();
    let frame = codec::encode(&Request::Logout).unwrap();
    send.write_all(&[&frame[..], &[0]].concat()).await.unwrap();
    send.finish().unwrap();
    let answer = receive.read_to_end(100).await.unwrap();
    assert_eq!(codec::decode::<Response>(&answer).unwrap(), Response::Refused(Refusal::Malformed));
}

/// Logins of each kind whose work is counted.
const COUNTED: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_worked_for_as_much_as_a_known_one() {
    // Counted, not timed: the same number of hashes of the same cost, so that no busy machine decides the test.
    let system = System::start(Setup::default()).await;
    for n in 0..COUNTED / 10 {
        drop(system.user(n).await);
    }
    let mut counts = Vec::new();
    for first in [0, 1_000] {
        let (connection, before) = (system.connect().await, system.hashes_computed());
        for n in 0..COUNTED {
            // Ten failures a name, so that none is throttled.
            let wrong = login(&connection, first + n / 10, "wrong");
            let refused = Response::Refused(Refusal::WrongCredentials);
            assert_eq!(connection.request(&wrong).await.unwrap(), refused);
        }
        counts.push(system.hashes_computed() - before);
    }
    assert_eq!(counts, [COUNTED, COUNTED], "hashes for known and for unknown names");
}

/// Tries of each kind whose time is compared.
const TIMED: usize = 120;
/// The rank sum's standard score above which the two are told apart: by chance once in 10,000,000 runs (two-sided,
/// normal approximation), were their times drawn from one distribution.
const SCORE_MAX: f64 = 5.33;

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_refusal_does_not_tell_known_names_from_unknown_ones() {
    // The cost of a hash stands far above the store's look-ups, as it does with the real one. The order of each pair is
    // drawn from a fixed seed, so that no drift of the machine favours one kind (Mann and Whitney 1947).
    let system = System::start(Setup { hash_memory_kib: 4 * 1024, ..Setup::default() }).await;
    for n in 0..TIMED as u64 / 10 {
        drop(system.user(n).await);
    }
    let connection = system.connect().await;
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    let mut times: Vec<(Duration, bool)> = Vec::new();
    for n in 0..TIMED as u64 {
        let known_first = rng.next_u32() & 1 == 0;
        for is_known in [known_first, !known_first] {
            let name = if is_known { n / 10 } else { 1_000 + n / 10 };
            let began = Instant::now();
            let answer = connection.request(&login(&connection, name, "wrong")).await.unwrap();
            times.push((began.elapsed(), is_known));
            assert_eq!(answer, Response::Refused(Refusal::WrongCredentials));
        }
    }
    times.sort_unstable();
    let ranks: usize = times.iter().enumerate().filter(|(_, (_, is_known))| *is_known).map(|(rank, _)| rank + 1).sum();
    let n = TIMED as f64;
    let u = ranks as f64 - n * (n + 1.0) / 2.0;
    let score = (u - n * n / 2.0) / (n * n * (2.0 * n + 1.0) / 12.0).sqrt();
    println!("known against unknown names, {TIMED} refusals each: area {:.3}, score {score:.2}", u / (n * n));
    assert!(score.abs() < SCORE_MAX, "score {score:.2}");
}
