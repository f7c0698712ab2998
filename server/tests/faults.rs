//! Every bank knob, under load: whatever goes wrong, the ledgers agree in the end.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{PresentationProof, Refusal, Request, Response};
use biopay_server::issuer::faults::Faults;
use common::*;
use std::time::Duration;

const USERS: u64 = 4;
const PAYMENTS: u64 = 8;

/// What a run under faults came to, as the clients saw it at first.
#[derive(Debug, Default)]
struct Seen {
    charged: u64,
    unknown: u64,
    declined: u64,
    /// Nothing was sent: no payment.
    unreachable: u64,
}

/// How long the server waits for the bank where answers are to go missing.
const SHORT: Duration = Duration::from_millis(150);
/// And where none is, however busy the machine.
const LONG: Duration = Duration::from_secs(20);

async fn start(faults: Faults, bank_timeout: Duration) -> System {
    System::start(Setup { faults, bank_timeout, ..Setup::default() }).await
}

/// Pays from several users at once.
async fn pay_under(system: &System) -> Seen {
    let (mut connections, mut paying) = (Vec::new(), Vec::new());
    for user in 0..USERS {
        connections.push((user, system.user(user).await));
    }
    for (user, connection) in connections {
        paying.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            for n in 0..PAYMENTS {
                answers.push(pay(&connection, 10, &format!("k{n}"), user).await);
            }
            answers
        }));
    }
    let mut seen = Seen::default();
    for user in paying {
        for answer in user.await.unwrap() {
            match answer {
                Response::Charged(_) => seen.charged += 1,
                Response::Refused(Refusal::UnknownOutcome { .. }) => seen.unknown += 1,
                Response::Refused(Refusal::Declined { .. }) => seen.declined += 1,
                Response::Refused(Refusal::BankUnreachable) => seen.unreachable += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    seen
}

/// Runs with a knob set and checks the money after everything is settled; returns what was seen, and the charges that
/// stand at the bank.
async fn run(faults: Faults, bank_timeout: Duration) -> (Seen, u64) {
    let system = start(faults, bank_timeout).await;
    let seen = pay_under(&system).await;
    system.settle().await;
    system.assert_money().await;
    let charges = system.ledger.audit().await.unwrap().charges;
    assert_eq!(charges, system.store.audit().await.unwrap().posted);
    system.stop().await;
    (seen, charges)
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_requests_are_asked_again_until_they_arrive() {
    let (seen, charges) = run(Faults { drop_request: 0.3, ..Faults::default() }, SHORT).await;
    assert!(seen.unknown > 0 && charges == USERS * PAYMENTS, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_replies_do_not_charge_twice() {
    let (seen, charges) = run(Faults { drop_reply: 0.3, ..Faults::default() }, SHORT).await;
    assert!(seen.unknown > 0 && charges == USERS * PAYMENTS, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicated_and_reordered_messages_change_nothing() {
    let faults = Faults { duplicate: 0.5, reorder: 0.5, reorder_ms: 40, delay_ms: 1, ..Faults::default() };
    let (seen, charges) = run(faults, LONG).await;
    assert!(seen.charged == USERS * PAYMENTS && charges == seen.charged, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn declines_at_random_are_voided() {
    let (seen, charges) = run(Faults { decline: 0.5, ..Faults::default() }, LONG).await;
    assert!(seen.declined > 0 && charges == seen.charged, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_approval_settles_what_was_unknown() {
    let (seen, charges) = run(Faults { late: 0.3, late_ms: 300, ..Faults::default() }, SHORT).await;
    assert!(seen.unknown > 0 && charges == USERS * PAYMENTS, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_unknown_is_reversed_and_its_late_approval_goes_to_suspense() {
    let system = start(Faults { late: 1.0, late_ms: 1_000, ..Faults::default() }, SHORT).await;
    let user = system.user(1).await;
    let Response::Refused(Refusal::UnknownOutcome { payment }) = pay(&user, 10, "k", 1).await else { panic!() };
    let cancelled = user.request(&Request::CancelPayment { payment }).await.unwrap();
    assert_eq!(cancelled, Response::Reversed { payment });
    system.settle().await;
    // The approval of the charge is on its way for a second; the bank has reversed it by then.
    for _ in 0..100 {
        if system.store.audit().await.unwrap().suspended == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let (ours, theirs) = (system.store.audit().await.unwrap(), system.ledger.audit().await.unwrap());
    assert_eq!((ours.reversed, ours.posted, ours.suspended, ours.held_minor), (1, 0, 1, 0), "{ours:?}");
    assert_eq!((theirs.charges, theirs.reversals, theirs.acquirers_minor), (1, 1, 0), "{theirs:?}");
    system.assert_money().await;
    assert_eq!(user.request(&begin(10, "k")).await.unwrap(), Response::Reversed { payment });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_stays_unknown_as_long_as_the_bank_is_silent() {
    let system = start(Faults { drop_request: 1.0, ..Faults::default() }, SHORT).await;
    let user = system.user(1).await;
    let Response::Refused(Refusal::UnknownOutcome { payment }) = pay(&user, 10, "k", 1).await else { panic!() };
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let status = user.request(&Request::PaymentStatus { payment }).await.unwrap();
    assert_eq!(status, Response::Refused(Refusal::UnknownOutcome { payment }));
    let audit = system.store.audit().await.unwrap();
    assert_eq!((audit.open, audit.held_minor), (1, 10));
    assert!(audit.is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_restarts_has_charged_once_what_it_did_not_answer() {
    let (seen, charges) = run(Faults { restart: 0.05, restart_ms: 50, ..Faults::default() }, LONG).await;
    assert!(seen.unknown > 0 && charges == USERS * PAYMENTS - seen.unreachable, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_at_once_still_adds_up() {
    let faults = Faults {
        drop_request: 0.15,
        drop_reply: 0.15,
        duplicate: 0.3,
        reorder: 0.3,
        reorder_ms: 50,
        late: 0.1,
        late_ms: 250,
        decline: 0.1,
        restart: 0.05,
        restart_ms: 20,
        ..Faults::default()
    };
    let (seen, charges) = run(faults, SHORT).await;
    assert!(seen.unknown > 0 && charges < USERS * PAYMENTS && charges >= seen.charged, "{seen:?} {charges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_recorded_is_unknown_and_settled_later() {
    let system = start(Faults { delay_ms: 500, ..Faults::default() }, LONG).await;
    let user = system.user(1).await;
    let payment = open_page(&user, 10, "k").await;
    let presenting = {
        let user = user.clone();
        tokio::spawn(async move {
            user.request(&Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() })
                .await
                .unwrap()
        })
    };
    while system.store.audit().await.unwrap().open == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Somebody holds the database's lock for longer than the store waits, while the bank approves.
    let holder = rusqlite::Connection::open(system.store_path()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let unknown = Response::Refused(Refusal::UnknownOutcome { payment });
    assert_eq!(presenting.await.unwrap(), unknown);
    holder.execute_batch("ROLLBACK").unwrap();
    system.settle().await;
    assert!(matches!(user.request(&begin(10, "k")).await.unwrap(), Response::Charged(_)));
    system.assert_money().await;
}
