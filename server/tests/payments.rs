//! Every way a payment ends, over real QUIC and ISO 8583 on loopback.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::message::AccountState;
use biopay_protocol::*;
use biopay_server::config::{CodeRule, Mode};
use common::*;
use std::time::Duration;

fn with_code() -> Setup {
    Setup { code: CodeRule::On, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_moves_the_money_once_in_both_modes() {
    for mode in [Mode::Mandate, Mode::PatentLiteral] {
        let system = System::start(Setup { mode, ..Setup::default() }).await;
        let user = system.user(1).await;
        let Response::Charged(receipt) = pay(&user, 300, "k", 1).await else { panic!("{mode:?}") };
        assert_eq!((receipt.amount.value(), receipt.reference.len(), receipt.approval.len()), (300, 12, 6));
        // The same key gets the stored reply, another request under it a named error.
        assert_eq!(user.request(&begin(300, "k")).await.unwrap(), Response::Charged(receipt.clone()));
        assert_eq!(user.request(&begin(301, "k")).await.unwrap(), Response::Refused(Refusal::IdempotencyConflict));
        let status = Request::PaymentStatus { payment: receipt.payment };
        assert_eq!(user.request(&status).await.unwrap(), Response::Charged(receipt));
        assert_eq!(system.ledger.audit().await.unwrap().acquirers_minor, 300);
        system.assert_money().await;
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_get_the_same_refusal() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    user.request(&Request::Logout).await.unwrap();
    for wrong in [login(&user, 1, "wrong"), login(&user, 99, "password")] {
        assert_eq!(user.request(&wrong).await.unwrap(), Response::Refused(Refusal::WrongCredentials));
    }
    assert_eq!(user.request(&begin(1, "k")).await.unwrap(), Response::Refused(Refusal::NotLoggedIn));
    assert_eq!(user.request(&register(1)).await.unwrap(), Response::Refused(Refusal::LoginTaken));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_wrong_qr_leaves_the_payment_page() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    let payment = open_page(&user, 300, "k").await;
    let wrong = Request::PresentQr { payment, payload: payload(2), proof: PresentationProof::default() };
    let refused = |refusal| Response::Refused(refusal);
    assert_eq!(user.request(&wrong).await.unwrap(), refused(Refusal::QrMismatch { tries_left: 2 }));
    let rubbish = Request::PresentQr {
        payment,
        payload: PayloadBytes::new(*b"rubbish").unwrap(),
        proof: PresentationProof::default(),
    };
    assert_eq!(user.request(&rubbish).await.unwrap(), refused(Refusal::QrMismatch { tries_left: 1 }));
    assert_eq!(user.request(&wrong).await.unwrap(), refused(Refusal::PaymentPageLeft));
    let right = Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() };
    assert_eq!(user.request(&right).await.unwrap(), refused(Refusal::NoSuchPayment));
    // The account is not locked: a new page takes the right finger.
    assert!(matches!(pay(&user, 300, "k2", 1).await, Response::Charged(_)));
    system.assert_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_parallel_presentations_get_three_tries_altogether() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    let payment = open_page(&user, 300, "k").await;
    let tries = (0..16).map(|_| {
        let user = user.clone();
        tokio::spawn(async move {
            user.request(&Request::PresentQr { payment, payload: payload(2), proof: PresentationProof::default() })
                .await
                .unwrap()
        })
    });
    let (mut compared, mut left) = (0, 0);
    for answer in tries.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Response::Refused(Refusal::QrMismatch { .. }) => compared += 1,
            Response::Refused(Refusal::PaymentPageLeft) => left += 1,
            Response::Refused(Refusal::InProgress { .. } | Refusal::NoSuchPayment) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(compared <= 2 && left <= 1, "{compared} compared, {left} left");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_asked_for_and_three_wrong_ones_end_the_page() {
    let system = System::start(with_code()).await;
    let user = system.user(1).await;
    let Response::CodeIssued { payment, shown, .. } = pay(&user, 300, "k", 1).await else { panic!() };
    let wrong = if shown.expose() == "000000" { "000001" } else { "000000" };
    let wrong = Request::SubmitCode { payment, code: Secret::new(wrong).unwrap() };
    assert_eq!(user.request(&wrong).await.unwrap(), Response::Refused(Refusal::WrongCode { tries_left: 2 }));
    let right = Request::SubmitCode { payment, code: shown };
    assert!(matches!(user.request(&right).await.unwrap(), Response::Charged(_)));

    let Response::CodeIssued { payment, .. } = pay(&user, 300, "k2", 1).await else { panic!() };
    let wrong = Request::SubmitCode { payment, code: Secret::new("12345").unwrap() };
    for tries_left in [2, 1] {
        assert_eq!(user.request(&wrong).await.unwrap(), Response::Refused(Refusal::WrongCode { tries_left }));
    }
    assert_eq!(user.request(&wrong).await.unwrap(), Response::Refused(Refusal::CodeExhausted));
    assert_eq!(user.request(&wrong).await.unwrap(), Response::Refused(Refusal::NoSuchPayment));
    assert_eq!(system.ledger.audit().await.unwrap().charges, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resent_code_replaces_the_one_before_and_resends_are_capped() {
    let system = System::start(with_code()).await;
    let user = system.user(1).await;
    let Response::CodeIssued { payment, shown: first, .. } = pay(&user, 300, "k", 1).await else { panic!() };
    let mut last = first.clone();
    for _ in 0..2 {
        let Response::CodeIssued { shown, .. } = user.request(&Request::ResendCode { payment }).await.unwrap() else {
            panic!()
        };
        last = shown;
    }
    let refused = user.request(&Request::ResendCode { payment }).await.unwrap();
    assert_eq!(refused, Response::Refused(Refusal::ResendLimit));
    if first != last {
        let old = user.request(&Request::SubmitCode { payment, code: first }).await.unwrap();
        assert_eq!(old, Response::Refused(Refusal::WrongCode { tries_left: 2 }));
    }
    let charged = user.request(&Request::SubmitCode { payment, code: last }).await.unwrap();
    assert!(matches!(charged, Response::Charged(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_pays_nothing_once_the_qr_is_revoked() {
    let system = System::start(with_code()).await;
    let user = system.user(1).await;
    let Response::CodeIssued { payment, shown, .. } = pay(&user, 300, "k", 1).await else { panic!() };
    let elsewhere = system.log_in(1).await;
    assert_eq!(elsewhere.request(&Request::RevokeQr).await.unwrap(), Response::QrRevoked);
    let refused = user.request(&Request::SubmitCode { payment, code: shown }).await.unwrap();
    assert_eq!(refused, Response::Refused(Refusal::NotBound));
    assert_eq!(system.ledger.audit().await.unwrap().charges, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_money_is_refused_and_the_intent_voided() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    assert_eq!(pay(&user, 1_001, "k", 1).await, Response::Refused(Refusal::InsufficientFunds));
    // The stored reply, not another try at the bank.
    assert_eq!(user.request(&begin(1_001, "k")).await.unwrap(), Response::Refused(Refusal::InsufficientFunds));
    assert!(matches!(pay(&user, 1_000, "k2", 1).await, Response::Charged(_)));
    assert_eq!(pay(&user, 1, "k3", 1).await, Response::Refused(Refusal::InsufficientFunds));
    let audit = system.store.audit().await.unwrap();
    assert_eq!((audit.payments, audit.posted, audit.open, audit.held_minor), (3, 1, 0, 0));
    system.assert_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_refused_where_the_mode_has_it_checked() {
    for (mode, at_registration) in [(Mode::Mandate, true), (Mode::PatentLiteral, false)] {
        let system = System::start(Setup { mode, ..Setup::default() }).await;
        let connection = system.connect().await;
        let Request::Register { login, password, enrolment, bank_account, .. } = register(1) else { panic!() };
        let pin = Secret::new("0000").unwrap();
        let request = Request::Register {
            login,
            password,
            enrolment,
            helper: None,
            bank_account,
            pin,
            devices: DeviceKeys::default(),
        };
        let answer = connection.request(&request).await.unwrap();
        if at_registration {
            assert_eq!(answer, Response::Refused(Refusal::BankCredentials));
        } else {
            let user = system.log_in(1).await;
            assert_eq!(pay(&user, 1, "k", 1).await, Response::Refused(Refusal::BankCredentials));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_step_registration_second_device_and_revocation() {
    let system = System::start(Setup::default()).await;
    let first = system.connect().await;
    let (login_name, password) = (name(1), Secret::new("password").unwrap());
    let credentials = Request::RegisterCredentials { login: login_name, password };
    assert_eq!(first.request(&credentials).await.unwrap(), Response::CredentialsRegistered);
    let answer = first.request(&login(&first, 1, "password")).await.unwrap();
    assert_eq!(answer, Response::LoggedIn { account: AccountState::CredentialsOnly });
    assert_eq!(first.request(&begin(1, "k")).await.unwrap(), Response::Refused(Refusal::NotBound));
    let Request::Register { enrolment, helper, bank_account, pin, .. } = register(1) else { panic!() };
    let bind =
        Request::BindAccount { enrolment, helper: helper.clone(), bank_account, pin, devices: DeviceKeys::default() };
    assert_eq!(first.request(&bind).await.unwrap(), Response::AccountBound);
    assert_eq!(first.request(&bind).await.unwrap(), Response::Refused(Refusal::AlreadyBound));

    let second = system.log_in(1).await;
    assert_eq!(second.request(&Request::FetchHelper).await.unwrap(), Response::Helper { helper });
    assert!(matches!(pay(&second, 10, "k", 1).await, Response::Charged(_)));

    let shown = message::Factors { payload: Some(payload(1)), ..message::Factors::default() };
    let stepped_up = second.request(&Request::StepUp { factors: shown }).await.unwrap();
    assert!(matches!(stepped_up, Response::SteppedUp { .. }));
    let replace = Request::ReplaceQr { enrolment: payload(7), helper: None, signature: None };
    assert_eq!(second.request(&replace).await.unwrap(), Response::QrReplaced);
    let old = pay(&first, 10, "k2", 1).await;
    assert_eq!(old, Response::Refused(Refusal::QrMismatch { tries_left: 2 }));
    assert!(matches!(pay(&first, 10, "k3", 7).await, Response::Charged(_)));
    assert_eq!(second.request(&Request::RevokeQr).await.unwrap(), Response::QrRevoked);
    assert_eq!(pay(&first, 10, "k4", 7).await, Response::Refused(Refusal::NotBound));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_identical_charges_give_one_posting() {
    let system = System::start(Setup::default()).await;
    drop(system.user(1).await);
    let mut users = Vec::new();
    for _ in 0..64 {
        users.push(system.log_in(1).await);
    }
    let mut racing = Vec::new();
    for user in users.clone() {
        let payment = open_page(&user, 10, "k").await;
        racing.push((user, Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() }));
    }
    let racing =
        racing.into_iter().map(|(user, present)| tokio::spawn(async move { user.request(&present).await.unwrap() }));
    let mut receipts = std::collections::HashSet::new();
    for answer in racing.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Response::Charged(receipt) => drop(receipts.insert(receipt.reference)),
            Response::Refused(Refusal::InProgress { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(receipts.len(), 1);
    let Response::Charged(receipt) = users[0].request(&begin(10, "k")).await.unwrap() else { panic!() };
    assert!(receipts.contains(&receipt.reference));
    assert_eq!(system.ledger.audit().await.unwrap().charges, 1);
    system.assert_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_charges_never_overdraw() {
    let system = System::start(Setup::default()).await;
    drop(system.user(1).await);
    let mut racing = Vec::new();
    for n in 0..32 {
        let user = system.log_in(1).await;
        racing.push(tokio::spawn(async move { pay(&user, 90, &format!("k{n}"), 1).await }));
    }
    let mut charged = 0;
    for answer in racing {
        match answer.await.unwrap() {
            Response::Charged(_) => charged += 1,
            Response::Refused(Refusal::InsufficientFunds) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(charged, 11);
    system.assert_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_named_and_others_still_served() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    for hostile in [&[0xff; 64][..], &[0, 0, 0, 1, 0xee], &[0, 0, 0, 9, 1], &[]] {
        let (mut send, mut receive) = user.quic().open_bi().await.unwrap();
        send.write_all(hostile).await.unwrap();
        send.finish().unwrap();
        let answer = receive.read_to_end(1_000).await.unwrap();
        assert_eq!(codec::decode::<Response>(&answer), Ok(Response::Refused(Refusal::Malformed)), "{hostile:?}");
    }
    assert!(matches!(pay(&user, 10, "k", 1).await, Response::Charged(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_answers_what_is_under_way() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    let payment = open_page(&user, 10, "k").await;
    let paying = {
        let user = user.clone();
        tokio::spawn(async move {
            user.request(&Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() })
                .await
        })
    };
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (ledger, store) = (system.ledger.clone(), system.store.clone());
    system.stop().await;
    let charged = match paying.await.unwrap() {
        Ok(Response::Charged(_)) => true,
        // It came too late, and was never begun.
        Ok(Response::Refused(Refusal::ShuttingDown)) | Err(_) => false,
        other => panic!("{other:?}"),
    };
    assert_eq!(ledger.audit().await.unwrap().charges, u64::from(charged));
    assert!(store.audit().await.unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_by_name() {
    let system = System::start(Setup::default()).await;
    drop(system.user(1).await);
    let attacker = system.connect().await;
    let mut answers = Vec::new();
    for guess in 0..12 {
        answers.push(attacker.request(&login(&attacker, 1, &format!("guess {guess}"))).await.unwrap());
    }
    let wrong = answers.iter().filter(|answer| **answer == Response::Refused(Refusal::WrongCredentials)).count();
    let throttled = answers.iter().filter(|answer| matches!(answer, Response::Refused(Refusal::Throttled { .. })));
    assert_eq!((wrong, throttled.count()), (10, 2));
    // Another account from the same place is not slowed.
    drop(system.user(2).await);
}
