//! Clients that mean harm, on loopback: others are served meanwhile.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]
#![allow(clippy::disallowed_methods, reason = "these tests measure real time")]

mod common;

use biopay_protocol::{Request, Response};
use biopay_server::config::Limits;
use common::*;
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
    for _ in 0..16 {
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
    assert!((1..=16).contains(&open.len()), "{} streams", open.len());
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
async fn an_unknown_name_takes_as_long_as_a_known_one() {
    // One core may be busy with other tests: medians of interleaved tries, and a factor that a skipped hash (about a
    // hundred times faster at this cost) cannot come near.
    let system = System::start(Setup { hash_memory_kib: 8 * 1024, ..Setup::default() }).await;
    drop(system.user(1).await);
    let connection = system.connect().await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..9 {
        for (name, times) in [(1, &mut known), (50 + n, &mut unknown)] {
            let began = Instant::now();
            connection.request(&login(&connection, name, "wrong")).await.unwrap();
            times.push(began.elapsed());
        }
    }
    known.sort_unstable();
    unknown.sort_unstable();
    let ratio = known[4].as_secs_f64() / unknown[4].as_secs_f64();
    assert!((0.5..2.0).contains(&ratio), "known {:?}, unknown {:?}", known[4], unknown[4]);
}
