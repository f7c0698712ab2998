//! What strangers cannot do, however often they try: guess PINs, learn which accounts exist, open accounts without end,
//! make the bank work; and what they cannot take from others.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{
    BankAccount, DeviceKeys, LoginName, OpaqueBytes, PresentationProof, Refusal, Request, Response, Secret,
};
use biopay_server::client::Connection;
use biopay_server::config::{FailureLimit, Limits, Mode, ThrottleConfig};
use common::*;
use std::collections::BTreeMap;
use std::time::Duration;

const SLOW: u32 = 3_600_000;

fn guess(n: u64, account: &BankAccount, pin: &str) -> Request {
    match register(n) {
        Request::Register { login, password, enrolment, helper, .. } => {
            let (bank_account, pin) = (account.clone(), Secret::new(pin).unwrap());
            Request::Register { login, password, enrolment, helper, bank_account, pin, devices: DeviceKeys::default() }
        }
        other => panic!("{other:?}"),
    }
}

async fn outcome(connection: &Connection, request: &Request) -> &'static str {
    connection.request(request).await.unwrap().name()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reads_no_pin() {
    for mode in [Mode::Mandate, Mode::PatentLiteral] {
        let system = System::start(Setup { mode, ..Setup::default() }).await;
        let stranger = system.connect().await;
        let mut seen = BTreeMap::<&str, u32>::new();
        for n in 0..40 {
            let request = guess(n, &bank_account(7), &format!("{n:04}"));
            let mut name = outcome(&stranger, &request).await;
            if name == "registered" {
                let guesser = system.log_in(n).await;
                name = pay(&guesser, 1, "k", n).await.name();
            }
            *seen.entry(name).or_default() += 1;
        }
        assert_eq!(seen, BTreeMap::from([("bank-credentials", 3), ("throttled", 37)]), "{mode:?}");
        // Not even the right one, from wherever it comes, once the bank has blocked the PIN.
        assert_eq!(outcome(&stranger, &guess(50, &bank_account(7), PIN)).await, {
            if mode == Mode::Mandate { "throttled" } else { "registered" }
        });
        assert_eq!(system.ledger.audit().await.unwrap().charges, 0);
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_account_and_a_wrong_pin_get_one_answer() {
    let system = System::start(Setup::default()).await;
    let stranger = system.connect().await;
    let unknown = BankAccount::new("499999999999").unwrap();
    let refused = Response::Refused(Refusal::BankCredentials);
    assert_eq!(stranger.request(&guess(1, &unknown, "0000")).await.unwrap(), refused);
    assert_eq!(stranger.request(&guess(2, &bank_account(2), "0000")).await.unwrap(), refused);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_of_every_kind_share_one_limit() {
    let throttle =
        ThrottleConfig { registrations: FailureLimit { burst: 4, refill_ms: SLOW }, ..ThrottleConfig::default() };
    let system = System::start(Setup { throttle, ..Setup::default() }).await;
    let stranger = system.connect().await;
    let credentials = |n: u64| Request::RegisterCredentials {
        login: LoginName::new(format!("free{n}")).unwrap(),
        password: Secret::new("password of a stranger").unwrap(),
    };
    let message = || OpaqueBytes::new(vec![0xee; 32]).unwrap();
    let opaque = Request::OpaqueRegisterStart { login: LoginName::new("free9").unwrap(), message: message() };
    assert_eq!(outcome(&stranger, &register(1)).await, "registered");
    assert_eq!(outcome(&stranger, &credentials(1)).await, "credentials-registered");
    assert_eq!(outcome(&stranger, &credentials(1)).await, "login-taken");
    assert_eq!(outcome(&stranger, &opaque).await, "malformed");
    for request in [register(2), credentials(2), opaque] {
        assert_eq!(outcome(&system.connect().await, &request).await, "throttled");
    }
    let end = Request::OpaqueRegisterFinish { login: LoginName::new("free9").unwrap(), message: message() };
    assert_eq!(outcome(&stranger, &end).await, "wrong-step", "an end without its start opens nothing");
    // Whoever has an account is not concerned.
    assert!(matches!(pay(&system.log_in(1).await, 1, "k", 1).await, Response::Charged(_)));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_without_a_login_are_limited() {
    let throttle =
        ThrottleConfig { enquiries: FailureLimit { burst: 5, refill_ms: SLOW }, ..Setup::default().throttle };
    let system = System::start(Setup { throttle, ..Setup::default() }).await;
    let stranger = system.connect().await;
    for n in 0..8 {
        let expected = if n < 5 { "healthy" } else { "throttled" };
        assert_eq!(outcome(&stranger, &Request::Health).await, expected, "question {n}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_pages_make_room_and_old_logins_end() {
    let system = System::start(Setup { page_valid_ms: 300, ..Setup::default() }).await;
    let kiosk = system.user(1).await;
    let mut first = None;
    for n in 0..64 {
        first.get_or_insert(open_page(&kiosk, 1, &format!("p{n}")).await);
    }
    assert_eq!(outcome(&kiosk, &begin(1, "another")).await, "overloaded");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let late = Request::PresentQr { payment: first.unwrap(), payload: payload(1), proof: PresentationProof::default() };
    assert_eq!(outcome(&kiosk, &late).await, "no-such-payment");
    assert!(matches!(pay(&kiosk, 1, "another", 1).await, Response::Charged(_)));
    system.stop().await;

    let system = System::start(Setup { login_valid_ms: 300, ..Setup::default() }).await;
    let kiosk = system.user(1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(outcome(&kiosk, &begin(1, "k")).await, "not-logged-in");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_fill_the_line_for_password_hashes() {
    let throttle = ThrottleConfig { hashes_per_source: 4, ..Setup::default().throttle };
    let system = System::start(Setup { throttle, hash_memory_kib: 8 * 1024, ..Setup::default() }).await;
    drop(system.user(1).await);
    drop(system.user(2).await);
    // Somebody who lives behind the attacker's address, and has logged in from there before.
    let neighbour = system.connect_from("127.0.0.2").await.unwrap();
    assert_eq!(outcome(&neighbour, &login(&neighbour, 2, "password")).await, "logged-in");
    let mut attackers = Vec::new();
    for n in 0..16 {
        let attacker = system.connect_from("127.0.0.2").await.unwrap();
        attackers.push(tokio::spawn(async move {
            let mut overloaded = 0;
            for guess in 0..40 {
                let request = login(&attacker, 1_000 + n * 100 + guess, "guess");
                overloaded += u32::from(outcome(&attacker, &request).await == "overloaded");
            }
            overloaded
        }));
    }
    for _ in 0..20 {
        let (far, near) = (system.connect().await, system.connect_from("127.0.0.2").await.unwrap());
        assert_eq!(outcome(&far, &login(&far, 1, "password")).await, "logged-in");
        assert_eq!(outcome(&near, &login(&near, 2, "password")).await, "logged-in");
    }
    let mut overloaded = 0;
    for attacker in attackers {
        overloaded += attacker.await.unwrap();
    }
    assert!(overloaded > 0, "the attackers were never turned away");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_from_one_address_do_not_keep_its_people_out() {
    let throttle = ThrottleConfig { source: FailureLimit { burst: 5, refill_ms: SLOW }, ..Setup::default().throttle };
    let system = System::start(Setup { throttle, ..Setup::default() }).await;
    drop(system.user(1).await);
    let stranger = system.connect().await;
    let mut last = "";
    for n in 0..8 {
        last = outcome(&stranger, &login(&stranger, 100 + n, "guess")).await;
    }
    assert_eq!(last, "throttled");
    drop(system.log_in(1).await);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_hold_all_connections() {
    let limits = Limits { retry_above: 2, connections_per_source: 3, ..Limits::default() };
    let system = System::start(Setup { limits, ..Setup::default() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(system.connect_from("127.0.0.2").await.unwrap());
    }
    assert!(system.connect_from("127.0.0.2").await.is_err());
    let other = system.connect().await;
    assert_eq!(outcome(&other, &Request::Health).await, "healthy");
    held.clear();
    system.stop().await;
}
