//! Everything that the server waits for may hang: it answers all the same, and goes on when it is over.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Currency, IdempotencyKey, Merchant, MinorUnits, PaymentId, Refusal, Response};
use biopay_server::bank::acquirer::Acquirer;
use biopay_server::bank::dial::BankAddress;
use biopay_server::bank::tcp::TcpWire;
use biopay_server::bank::{Authority, Bank, BankAnswer, BankError, ChargeOrder, ReversalOrder, Sending};
use biopay_server::crypto::credential::Credential;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::env::system;
use biopay_server::iso8583::pin_block::PinKey;
use biopay_server::iso8583::{Field, Message, Mti};
use biopay_server::issuer::faults::{Faults, FaultyHost};
use biopay_server::issuer::host::Host;
use biopay_server::issuer::ledger::Ledger;
use biopay_server::issuer::listener::listen;
use biopay_server::shutdown::{self, Trigger};
use biopay_server::sqlite::Location;
use biopay_server::store::{AccountId, Creation, Intent, PostgresStore, Store, StoreError};
use common::postgres::Postgres;
use common::processes::{Processes, Settings};
use common::proxy::{Answers, Proxy};
use common::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Longer than any limit: only a wait without one is longer.
const FOR_EVER: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_bank_is_asked_whether_it_is_there_and_nothing_else() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (bank, heard) = (Some(silent.local_addr().unwrap()), Arc::new(AtomicU32::new(0)));
    let counted = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = silent.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                while let Ok(message) = biopay_server::iso8583::stream::read(&mut socket).await {
                    assert_eq!(message.mti(), Mti::NETWORK, "the link has not proved itself");
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let bank_timeout = Duration::from_millis(200);
    let system = System::start(Setup { bank, bank_timeout, ..Setup::default() }).await;
    let connection = system.connect().await;
    for n in 0..4 {
        let answer = tokio::time::timeout(FOR_EVER, connection.request(&register(n))).await.unwrap().unwrap();
        assert_eq!(answer, Response::Refused(Refusal::BankUnreachable));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!((1..=3).contains(&heard.load(Ordering::Relaxed)), "{heard:?} echo tests in two seconds");
    system.stop().await;
}

/// A bank behind two proxies, and the way to it.
async fn two_links(heartbeat: Duration) -> (Proxy, Proxy, Acquirer<TcpWire>, Ledger, Trigger) {
    let (env, pin_key) = (system::env(1, 1), Arc::new(PinKey::new([9; 16])));
    let ledger = Ledger::open(&Location::Memory, env.clone(), b"key").unwrap();
    ledger.open_accounts(vec![account(1)]).await.unwrap();
    let host = FaultyHost::new(Host::new(ledger.clone(), pin_key.clone()), Faults::default(), env.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (trigger, shutdown) = shutdown::channel();
    tokio::spawn(listen(listener, None, host, env.clone(), shutdown));
    let (first, second) = (Proxy::start(address).await, Proxy::start(address).await);
    let at = |proxy: &Proxy| BankAddress { address: proxy.address, tls: None };
    let wire = TcpWire::new(at(&first), env.clone(), Duration::from_millis(400));
    let wire = wire.with_second(at(&second)).with_heartbeat(heartbeat);
    (first, second, Acquirer::new(wire, env, "100001".into(), pin_key), ledger, trigger)
}

fn order(number: u64) -> ChargeOrder {
    ChargeOrder {
        account: bank_account(1),
        authority: Authority::Pin(biopay_protocol::Secret::new(PIN).unwrap()),
        amount: MinorUnits::new(1).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        merchant: Merchant::new("shop").unwrap(),
        reference: format!("LINK{number:08}"),
        begun_ms: number,
        sending: Sending::First,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_link_takes_over_from_a_silent_one_and_gives_back() {
    let (first, second, bank, ledger, _bank) = two_links(Duration::from_secs(10)).await;
    let (mut approved, mut unknown, mut number) = (0, 0, 0);
    let mut charge = async |count: u64| {
        for _ in 0..count {
            number += 1;
            match tokio::time::timeout(FOR_EVER, bank.charge(order(number))).await.unwrap() {
                Ok(BankAnswer::Approved { .. }) => approved += 1,
                Err(BankError::Unknown) => unknown += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    charge(5).await;
    first.set(Answers::Hang);
    charge(20).await;
    // The first is opened again in the background, while the second carries on.
    first.set(Answers::Pass);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    charge(2).await;
    second.set(Answers::Hang);
    charge(20).await;
    println!("of {number} charges over a link that fell silent {approved} approved, {unknown} unknown");
    assert!(unknown <= 2 && approved + unknown == number, "{approved} approved, {unknown} unknown");
    // Nobody has used the second one since, so nobody may have noticed yet.
    assert!(bank.gauges().links_up >= 1);
    assert_eq!(ledger.audit().await.unwrap().charges, number, "what was unknown was charged, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_notice_a_link_that_fell_silent_before_money_depends_on_it() {
    let (first, _second, bank, _ledger, _bank) = two_links(Duration::from_millis(100)).await;
    assert!(matches!(bank.charge(order(1)).await, Ok(BankAnswer::Approved { .. })));
    first.set(Answers::Hang);
    for _ in 0..600 {
        if bank.gauges().links_up == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for number in 2..10 {
        assert!(matches!(bank.charge(order(number)).await, Ok(BankAnswer::Approved { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_names_its_charge_and_its_first_advice_is_no_repeat() {
    let (env, pin_key) = (system::env(1, 1), Arc::new(PinKey::new([9; 16])));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = BankAddress { address: listener.local_addr().unwrap(), tls: None };
    let (heard, mut hear) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        while let Ok(message) = biopay_server::iso8583::stream::read(&mut socket).await {
            let reply = [Field::Trace, Field::Reference, Field::Amount, Field::Currency].into_iter().fold(
                Message::new(message.mti().response()).with(Field::ResponseCode, "00").with(Field::Approval, "000001"),
                |reply, field| message.field(field).map_or(reply.clone(), |content| reply.with(field, content)),
            );
            biopay_server::iso8583::stream::write(&mut socket, &[reply]).await.unwrap();
            heard.send(message).unwrap();
        }
    });
    let bank =
        Acquirer::new(TcpWire::new(address, env.clone(), Duration::from_secs(20)), env, "100001".into(), pin_key);
    let order = ChargeOrder { begun_ms: 951_827_696_000, ..order(1) };
    bank.charge(order.clone()).await.unwrap();
    let ChargeOrder { amount, currency, reference, begun_ms, .. } = order;
    let reversal = ReversalOrder { amount, currency, reference, begun_ms, sending: Sending::First };
    bank.reverse(reversal.clone()).await.unwrap();
    bank.reverse(ReversalOrder { sending: Sending::Repeat, ..reversal }).await.unwrap();
    let mut next = async || hear.recv().await.unwrap();
    assert_eq!(next().await.mti(), Mti::NETWORK);
    let (charge, first, repeat) = (next().await, next().await, next().await);
    assert_eq!((charge.mti(), charge.text(Field::Transmitted)), (Mti::CHARGE, Some("0229123456")));
    assert_eq!((first.mti(), repeat.mti()), (Mti::REVERSAL_ADVICE, Mti::REVERSAL_ADVICE_REPEAT));
    let trace = charge.text(Field::Trace).unwrap();
    for advice in [first, repeat] {
        let named = advice.text(Field::Original).unwrap().to_owned();
        assert_eq!(named, format!("0200{trace}0229123456{:0>11}{:0>11}", "100001", ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_do_not_queue_up_for_a_bank_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::start(folder.path(), Settings::default());
    let connection = processes.door(0).connect().await.unwrap();
    connection.request(&register(1)).await.unwrap();
    connection.request(&login(&connection, 1, "password")).await.unwrap();
    processes.kill_bank();
    let mut answer = pay(&connection, 10, "k", 1).await;
    // The link may have broken under the request: then the payment is asked about, and another one is not sent.
    let key = if matches!(answer, Response::Refused(Refusal::UnknownOutcome { .. })) { "l" } else { "k" };
    answer = if key == "l" { pay(&connection, 10, key, 1).await } else { answer };
    assert_eq!(answer, Response::Refused(Refusal::BankUnreachable));
    // What was never sent does not spoil its key.
    processes.start_bank();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let answer = pay(&connection, 10, key, 1).await;
    assert!(matches!(answer, Response::Charged(_)), "{answer:?}");
}

/// A PostgreSQL behind a proxy, with an account in it.
async fn proxied(postgres: &Postgres) -> (Proxy, Arc<PostgresStore>, AccountId) {
    let url: tokio_postgres::Config = postgres.url().parse().unwrap();
    let port = url.get_ports()[0];
    let proxy = Proxy::start(([127, 0, 0, 1], port).into()).await;
    let through = postgres.url().replace(&format!(":{port}"), &format!(":{}", proxy.address.port()));
    let store = Arc::new(PostgresStore::open(&through, None).await.unwrap());
    let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let secret = biopay_protocol::Secret::new("password").unwrap();
    let password = Passwords::new(system::env(1, 1), cost, vec![]).hash(secret).await.unwrap();
    let name = biopay_protocol::LoginName::new(format!("proxied {port}")).unwrap();
    let created = store.create_account(name, Credential::Password(password), None).await.unwrap();
    let Creation::Created(account) = created else { panic!("{created:?}") };
    (proxy, store, account)
}

fn intent(account: AccountId, number: u128) -> Intent {
    Intent {
        payment: PaymentId(number),
        account,
        key: IdempotencyKey::new(format!("k{number}")).unwrap(),
        merchant: Merchant::new("shop").unwrap(),
        amount: MinorUnits::new(5).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        reference: format!("DEADLINE{number:04}"),
        at_ms: 1,
        order: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_makes_nobody_wait_for_ever() {
    let Some(postgres) = Postgres::find() else { return };
    let (proxy, store, account) = proxied(&postgres).await;
    proxy.set(Answers::Hang);
    let asking: Vec<_> = (0..24).map(|n| tokio::spawn(store.open_payment(intent(account, n)))).collect();
    for asked in asking {
        let answer = tokio::time::timeout(FOR_EVER, asked).await.unwrap().unwrap();
        assert!(matches!(answer, Err(StoreError::Unanswered | StoreError::Unreachable)), "{answer:?}");
    }
    proxy.set(Answers::Pass);
    assert!(store.audit().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_counts_as_open() {
    let Some(postgres) = Postgres::find() else { return };
    let (proxy, store, account) = proxied(&postgres).await;
    let number = 77;
    // Prepared, so that the next trip is the commit.
    store.open_payment(intent(account, number - 1)).await.unwrap();
    proxy.set(Answers::Lost);
    let answer = store.open_payment(intent(account, number)).await;
    assert_eq!(answer.unwrap_err(), StoreError::Unanswered);
    assert!(StoreError::Unanswered.may_be_done());
    proxy.set(Answers::Pass);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let found = store.find_payment(account, PaymentId(number)).await.unwrap();
    assert!(found.is_some(), "the commit was durable before its answer was lost");
}
