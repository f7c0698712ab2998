//! Everything that the server waits for may hang: it answers all the same, and goes on when it is over.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Currency, IdempotencyKey, Merchant, MinorUnits, PaymentId, Refusal, Response};
use biopay_server::crypto::credential::Credential;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::env::system;
use biopay_server::store::{AccountId, Creation, Intent, PostgresStore, Store, StoreError};
use common::postgres::Postgres;
use common::processes::{Processes, Settings};
use common::proxy::{Answers, Proxy};
use common::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Longer than any limit: only a wait without one is longer.
const FOR_EVER: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_bank_link_is_given_up_and_another_one_opened() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (bank, links) = (Some(silent.local_addr().unwrap()), Arc::new(AtomicU32::new(0)));
    let counted = links.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = silent.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move { while matches!(socket.read(&mut [0; 1024]).await, Ok(1..)) {} });
        }
    });
    let bank_timeout = Duration::from_millis(200);
    let system = System::start(Setup { bank, bank_timeout, ..Setup::default() }).await;
    let connection = system.connect().await;
    for n in 0..3 {
        let answer = tokio::time::timeout(FOR_EVER, connection.request(&register(n))).await.unwrap().unwrap();
        assert_eq!(answer, Response::Refused(Refusal::BankUnreachable));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(links.load(Ordering::Relaxed), 3, "a link that said nothing was used again");
    system.stop().await;
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
