//! Strangers from 256 addresses try everything that needs no login: they open no account, learn no PIN and enter none.
//!
//! `BIOPAY_STRANGERS_TRIES` says how often (5,000 by default):
//! `BIOPAY_STRANGERS_TRIES=1000000 cargo test --release -p biopay-server --test strangers -- --nocapture`

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{
    BankAccount, LoginName, OpaqueBytes, PayloadBytes, PaymentId, PresentationProof, Request, Response, Secret,
};
use biopay_server::client::Connection;
use biopay_server::config::ThrottleConfig;
use biopay_server::store::AccountId;
use common::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const ADDRESSES: u64 = 256;
const ACCOUNTS: u64 = 100;

/// What is tried, and how often each answer came.
type Seen = BTreeMap<(&'static str, &'static str), u64>;

/// The first PIN that is tried for each account: eleven before the right one, and the bank blocks after three.
const FIRST_PIN: u64 = 4_700;

/// The names of the kinds of tries.
const WRONG_PIN: &str = "a wrong PIN";
const RIGHT_PIN: &str = "the right PIN";

/// What takes long to make, once for all tries.
struct Made {
    payload: PayloadBytes,
    accounts: Vec<BankAccount>,
}

/// Makes the try of a number. PINs are counted up for every account, so that the right one comes too, after three others.
fn stranger_tries(n: u64, channel: biopay_protocol::ChannelBinding, made: &Made) -> (&'static str, Request) {
    let message = || OpaqueBytes::new(vec![0xee; 192]).unwrap();
    let somebody = || LoginName::new(format!("stranger{n}")).unwrap();
    match n % 10 {
        6 => ("an end without a start", Request::OpaqueRegisterFinish { login: somebody(), message: message() }),
        7 => {
            let (login, password) = (name(n % 4), Secret::new(format!("guess {n}")).unwrap());
            ("a password", Request::Login { login, password, channel })
        }
        8 => ("a payment", begin(1, &format!("k{n}"))),
        9 => {
            let payment = PaymentId(u128::from(n));
            ("a QR", Request::PresentQr { payment, payload: made.payload.clone(), proof: PresentationProof::default() })
        }
        _ => {
            let guess = n / 10 * 6 + n % 10;
            let pin = format!("{:04}", (FIRST_PIN + guess / ACCOUNTS) % 10_000);
            let Request::Register { login: _, password, enrolment, helper, bank_account: _, pin: _, devices } =
                register(n)
            else {
                panic!()
            };
            let kind = if pin == PIN { RIGHT_PIN } else { WRONG_PIN };
            let (bank_account, pin) = (made.accounts[(guess % ACCOUNTS) as usize].clone(), Secret::new(pin).unwrap());
            (kind, Request::Register { login: somebody(), password, enrolment, helper, bank_account, pin, devices })
        }
    }
}

/// Connects from one of the addresses, until the server has answered: the crowd's tries would hold up later handshakes.
async fn connect(system: &System, address: u64) -> Connection {
    let from = format!("127.0.{}.{}", 1 + address / 16, 1 + address % 16);
    loop {
        let Ok(connection) = system.connect_from(&from).await else { continue };
        let connection = connection.with_deadline(Duration::from_secs(300));
        if connection.request(&Request::Logout).await.is_ok_and(|answer| answer == Response::LoggedOut) {
            return connection;
        }
    }
}

/// Tries one after the other; what a lost connection left without an answer is tried again.
async fn try_on(system: Arc<System>, address: u64, next: Arc<AtomicU64>, tries: u64, made: Arc<Made>) -> Seen {
    let (mut connection, mut seen) = (connect(&system, address).await, Seen::new());
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= tries {
            return seen;
        }
        loop {
            let (kind, request) = stranger_tries(n, connection.channel(), &made);
            let Ok(answer) = connection.request(&request).await else {
                connection = connect(&system, address).await;
                continue;
            };
            *seen.entry((kind, answer.name())).or_default() += 1;
            break;
        }
    }
}

fn answers(seen: &Seen, kind: &str) -> BTreeSet<&'static str> {
    seen.keys().filter(|(tried, _)| *tried == kind).map(|(_, answer)| *answer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_open_no_account_and_learn_no_pin() {
    let tries = std::env::var("BIOPAY_STRANGERS_TRIES").map_or(5_000, |text| text.parse().unwrap());
    let system = System::start(Setup { throttle: ThrottleConfig::default(), ..Setup::default() }).await;
    for n in 0..4 {
        drop(system.user(n).await);
    }
    let next = Arc::new(AtomicU64::new(0));
    let made = Arc::new(Made { payload: payload(9), accounts: (0..ACCOUNTS).map(bank_account).collect() });
    let system = Arc::new(system);
    let stranger = |address| tokio::spawn(try_on(system.clone(), address, next.clone(), tries, made.clone()));
    let crowd: Vec<_> = (0..ADDRESSES).map(stranger).collect();
    let mut seen = Seen::new();
    for stranger in crowd {
        for (what, count) in stranger.await.unwrap() {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{tries} tries from {ADDRESSES} addresses: {seen:#?}");
    assert_eq!(seen.values().sum::<u64>(), tries);
    let refusals = ["bank-credentials", "throttled", "overloaded", "wrong-step", "wrong-credentials", "not-logged-in"];
    let granted: Vec<_> = seen.iter().filter(|((_, answer), _)| !refusals.contains(answer)).collect();
    assert!(granted.is_empty(), "{granted:?}");
    // The right PIN was tried, and answered as wrong ones are.
    assert!(!answers(&seen, RIGHT_PIN).is_empty());
    assert!(answers(&seen, RIGHT_PIN).is_subset(&answers(&seen, WRONG_PIN)), "{seen:?}");
    let accounts = system.store.credentials_above(AccountId(i64::MIN)).await.unwrap();
    assert_eq!((accounts.len(), system.ledger.audit().await.unwrap().charges), (4, 0), "accounts and charges");
    // Those who have an account, and the bank's other customers, go on.
    assert!(matches!(pay(&system.log_in(1).await, 1, "k", 1).await, Response::Charged(_)));
}
