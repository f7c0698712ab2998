//! What a network does to packets must not show: whatever is lost, doubled, delayed or sent again, a valid request gets its
//! answer.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Request, Response};
use biopay_server::config::{FailureLimit, ThrottleConfig};
use common::relay::{Disturbance, Relay};
use common::*;
use std::time::Duration;

const AT_ONCE: usize = 6;

async fn system() -> System {
    let throttle = ThrottleConfig { enquiries: FailureLimit::OFF, ..Setup::default().throttle };
    System::start(Setup { throttle, ..Setup::default() }).await
}

/// Requests and responses are sent again while the relay holds them back, and then all arrive together.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_arrives_twice_is_answered_once() {
    let system = system().await;
    let relay = Relay::start(system.address, Disturbance::default(), 1).await;
    let connection = system.connect_to(relay.address).await.unwrap();
    // Until the round trip is known to be short, so that timers fire early.
    for _ in 0..20 {
        assert_eq!(connection.request(&Request::Health).await.unwrap(), Response::Healthy);
    }
    for _ in 0..12 {
        let asking: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let connection = connection.clone();
                tokio::spawn(async move { connection.request(&Request::Health).await })
            })
            .collect();
        relay.hold_for(Duration::from_millis(250)).await;
        for asked in asking {
            assert_eq!(asked.await.unwrap().unwrap(), Response::Healthy);
        }
    }
    // A request is one frame, however many packets it takes.
    let frames = connection.quic().stats().frame_tx.stream;
    assert_eq!(system.service.snapshot().malformed, 0);
    assert!(frames > 20 + 12 * AT_ONCE as u64, "{frames} frames: the relay made nobody send anything again");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_over_a_bad_link_are_charged_once_each() {
    let system = system().await;
    let disturbance = Disturbance { lost: 5, doubled: 5, reordered: 5 };
    let relay = Relay::start(system.address, disturbance, 7).await;
    drop(system.user(1).await);
    let connection = system.connect_to(relay.address).await.unwrap();
    let answer = connection.request(&login(&connection, 1, "password")).await.unwrap();
    assert!(matches!(answer, Response::LoggedIn { .. }), "{answer:?}");
    for n in 0..100 {
        let answer = pay(&connection, 1, &format!("k{n}"), 1).await;
        assert!(matches!(answer, Response::Charged(_)), "payment {n}: {answer:?}");
    }
    assert_eq!(system.service.snapshot().malformed, 0);
    assert_eq!(system.ledger.audit().await.unwrap().charges, 100);
    system.assert_money().await;
    system.stop().await;
}
