//! The second way to log in: OPAQUE, over real QUIC, by the handset's own session.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::client::{
    AccountBinding, Credentials, HelperSource, Input, LoginMethod, Order, Outcome, Plan, Prover, Session, Step,
};
use biopay_protocol::opaque::{SessionSeed, Stretching};
use biopay_protocol::*;
use biopay_server::client::Connection;
use biopay_server::config::Presentation;
use common::*;
use std::sync::Arc;

const CHEAP: Stretching = Stretching { memory_kib: 64, passes: 1 };

fn credentials(n: u64, password: &str, seed: u8) -> Credentials {
    let method = LoginMethod::Opaque { seed: SessionSeed([seed; 32]), stretching: CHEAP };
    Credentials { login: name(n), password: Secret::new(password).unwrap(), method }
}

fn binding(n: u64) -> AccountBinding {
    let Request::Register { enrolment, helper, bank_account, pin, .. } = register(n) else { panic!() };
    AccountBinding { enrolment, helper, bank_account, pin, devices: DeviceKeys::default() }
}

fn payment(n: u64, password: &str, seed: u8) -> Plan {
    let Request::BeginPayment { merchant, amount, currency, idempotency_key, .. } = begin(10, "k") else { panic!() };
    let order = Order { merchant, amount, currency, idempotency_key, signed: None };
    Plan::Pay {
        credentials: credentials(n, password, seed),
        order,
        helper: HelperSource::Handset,
        prover: Prover::default(),
    }
}

/// Plays a handset's session; returns its end and the names of what it asked for.
async fn play(connection: &Connection, plan: Plan, finger: u64) -> (Outcome, Vec<&'static str>) {
    let (mut session, mut step) = Session::start(plan, connection.channel());
    let mut asked = Vec::new();
    loop {
        let input = match step {
            Step::Send(request) => {
                asked.push(request.name());
                Input::Response(connection.request(&request).await.unwrap())
            }
            Step::MakeQr { .. } => Input::Qr(payload(finger)),
            Step::EnterCode { shown } => Input::Code(shown),
            Step::Done(outcome) => return (outcome, asked),
        };
        step = session.advance(input).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_without_ever_showing_the_password() {
    let system = System::start(Setup::default()).await;
    let connection = system.connect().await;
    let plan = Plan::RegisterInTwoSteps { credentials: credentials(1, "password", 1), binding: binding(1) };
    let (outcome, asked) = play(&connection, plan, 1).await;
    assert_eq!(outcome, Outcome::Registered);
    let expected = [
        "opaque-register-start",
        "opaque-register-finish",
        "opaque-login-start",
        "opaque-login-finish",
        "bind-account",
    ];
    assert_eq!(asked, expected);
    let (outcome, asked) = play(&system.connect().await, payment(1, "password", 2), 1).await;
    assert!(matches!(outcome, Outcome::Charged(_)), "{outcome:?}");
    assert_eq!(asked, ["opaque-login-start", "opaque-login-finish", "begin-payment", "present-qr"]);
    system.assert_money().await;
}

/// `Request::BindAccount` names the devices, so that neither OPAQUE nor two steps lose them.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_registered_in_two_steps_and_with_opaque() {
    let presentation = Presentation::DeviceAndNonce;
    let system = System::start(Setup { presentation, ..Setup::default() }).await;
    let device = Arc::new(DeviceSecret::from_seed(&[7; 32]));
    let with_device = |n| AccountBinding { devices: DeviceKeys::new([device.key()]).unwrap(), ..binding(n) };
    let plain = Credentials { method: LoginMethod::Password, ..credentials(2, "password", 1) };
    for (n, credentials) in [(1, credentials(1, "password", 1)), (2, plain)] {
        let plan = Plan::RegisterInTwoSteps { credentials: credentials.clone(), binding: with_device(n) };
        assert_eq!(play(&system.connect().await, plan, n).await.0, Outcome::Registered, "{n}");
        let Plan::Pay { order, helper, .. } = payment(n, "password", 2) else { panic!() };
        let credentials = Credentials { method: credentials.method, ..credentials };
        for (by, expected) in [(None, false), (Some(device.clone()), true)] {
            let prover = Prover { device: by, with_nonce: true };
            let plan = Plan::Pay { credentials: credentials.clone(), order: order.clone(), helper, prover };
            let (outcome, _) = play(&system.connect().await, plan, n).await;
            assert_eq!(matches!(outcome, Outcome::Charged(_)), expected, "{n}: {outcome:?}");
        }
    }
    system.assert_money().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_an_unknown_name_and_the_other_method_look_alike() {
    let system = System::start(Setup::default()).await;
    drop(system.user(1).await);
    let plan = Plan::Register { credentials: credentials(2, "password", 1), binding: binding(2) };
    assert_eq!(play(&system.connect().await, plan, 2).await.0, Outcome::Registered);
    let refused = Outcome::Refused(Refusal::WrongCredentials);
    for (n, password) in [(2, "wrong"), (99, "password"), (1, "password")] {
        let (outcome, asked) = play(&system.connect().await, payment(n, password, 3), n).await;
        // The handset finds out by itself: the server's half does not fit.
        assert_eq!((outcome, asked), (refused.clone(), vec!["opaque-login-start"]), "{n}");
    }
    let connection = system.connect().await;
    let by_password = connection.request(&login(&connection, 2, "password")).await.unwrap();
    assert_eq!(by_password, Response::Refused(Refusal::WrongCredentials));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_cannot_be_carried_to_another_connection() {
    let system = System::start(Setup::default()).await;
    let plan = Plan::Register { credentials: credentials(1, "password", 1), binding: binding(1) };
    assert_eq!(play(&system.connect().await, plan, 1).await.0, Outcome::Registered);
    let (mine, other) = (system.connect().await, system.connect().await);
    // The handset speaks on `other`; somebody in between carries its messages to `mine`.
    let (mut session, step) = Session::start(payment(1, "password", 4), other.channel());
    let Step::Send(first) = step else { panic!() };
    let challenge = mine.request(&first).await.unwrap();
    let step = session.advance(Input::Response(challenge)).unwrap();
    assert_eq!(step, Step::Done(Outcome::Refused(Refusal::WrongCredentials)));

    // Nor can a finished proof: it is for the exchange that it ends.
    let (mut session, step) = Session::start(payment(1, "password", 5), mine.channel());
    let Step::Send(first) = step else { panic!() };
    let challenge = mine.request(&first).await.unwrap();
    let Step::Send(last) = session.advance(Input::Response(challenge)).unwrap() else { panic!() };
    assert_eq!(other.request(&last).await.unwrap(), Response::Refused(Refusal::WrongStep));
    assert!(matches!(mine.request(&last).await.unwrap(), Response::LoggedIn { .. }));
    assert_eq!(mine.request(&last).await.unwrap(), Response::Refused(Refusal::WrongStep));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_hashes_nothing() {
    // A password hash of this cost takes seconds; a hundred logins are done long before.
    let system = System::start(Setup { hash_memory_kib: 512 * 1024, ..Setup::default() }).await;
    let plan = Plan::Register { credentials: credentials(1, "password", 1), binding: binding(1) };
    assert_eq!(play(&system.connect().await, plan, 1).await.0, Outcome::Registered);
    let connection = system.connect().await;
    let begun = system.service.metrics().snapshot(system.service.env()).cpu_seconds.unwrap();
    for seed in 0..100 {
        let plan = payment(1, "password", seed);
        let (mut session, Step::Send(first)) = Session::start(plan, connection.channel()) else { panic!() };
        let challenge = connection.request(&first).await.unwrap();
        let Step::Send(last) = session.advance(Input::Response(challenge)).unwrap() else { panic!() };
        assert!(matches!(connection.request(&last).await.unwrap(), Response::LoggedIn { .. }));
    }
    let took = system.service.metrics().snapshot(system.service.env()).cpu_seconds.unwrap() - begun;
    println!("100 OPAQUE logins: {:.2} ms of processor time each, both ends together", took * 10.0);
    assert_eq!(system.hashes_computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_here_too() {
    let system = System::start(Setup::default()).await;
    let plan = Plan::Register { credentials: credentials(1, "password", 1), binding: binding(1) };
    assert_eq!(play(&system.connect().await, plan, 1).await.0, Outcome::Registered);
    let attacker = system.connect().await;
    let mut throttled = 0;
    for guess in 0..12 {
        let (outcome, _) = play(&attacker, payment(1, &format!("guess {guess}"), guess), 1).await;
        throttled += u32::from(matches!(outcome, Outcome::Refused(Refusal::Throttled { .. })));
    }
    assert_eq!(throttled, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_registered_once_by_either_method() {
    let system = System::start(Setup::default()).await;
    drop(system.user(1).await);
    let plan = || Plan::Register { credentials: credentials(1, "mine alone", 1), binding: binding(2) };
    let taken = Outcome::Refused(Refusal::LoginTaken);
    assert_eq!(play(&system.connect().await, plan(), 1).await.0, taken);
    // And an end without its start opens nothing.
    let connection = system.connect().await;
    let rubbish = Request::OpaqueRegisterFinish { login: name(3), message: OpaqueBytes::new([1; 192]).unwrap() };
    assert_eq!(connection.request(&rubbish).await.unwrap(), Response::Refused(Refusal::WrongStep));
}
