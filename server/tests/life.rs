//! An account's life after its registration, over real QUIC: what needs more than the password, and what ends what.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::message::{AccountState, Factors, Recovery, SessionInfo};
use biopay_protocol::*;
use biopay_server::client::Connection;
use biopay_server::config::{CodeRule, Mode, Presentation};
use biopay_server::crypto::blocklist::Blocklist;
use common::*;

const REFUSED: fn(Refusal) -> Response = Response::Refused;

async fn ask(connection: &Connection, request: Request) -> Response {
    connection.request(&request).await.unwrap()
}

fn by_qr(finger: u64) -> Request {
    Request::StepUp { factors: Factors { payload: Some(payload(finger)), ..Factors::default() } }
}

fn by_pin(n: u64, pin: &str) -> Request {
    let (bank_account, pin) = (Some(bank_account(n)), Some(Secret::new(pin).unwrap()));
    Request::StepUp { factors: Factors { bank_account, pin, ..Factors::default() } }
}

fn replace(finger: u64) -> Request {
    Request::ReplaceQr { enrolment: payload(finger), helper: None, signature: None }
}

fn new_password(text: &str) -> Request {
    Request::ChangePassword { password: Secret::new(text).unwrap() }
}

async fn step_up(user: &Connection, request: Request) {
    assert!(matches!(ask(user, request).await, Response::SteppedUp { .. }));
}

/// The thief has name and password, and codes are asked for: still nothing is theirs to change or to pay.
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_password_changes_nothing_and_pays_nothing() {
    let system = System::start(Setup { code: CodeRule::On, ..Setup::default() }).await;
    drop(system.user(1).await);
    let thief = system.log_in(1).await;
    let device = DeviceSecret::from_seed(&[9; 32]);
    let add = Request::AddDevice { device: device.key(), signature: device.sign_device(thief.channel()) };
    for change in [replace(2), new_password("a password of mine"), add, Request::RevokeMandate, Request::CloseAccount] {
        assert_eq!(ask(&thief, change).await, REFUSED(Refusal::StepUpRequired));
    }
    // Their own finger, their own bank account, the owner's without the PIN, and nothing at all.
    for wrong in [by_qr(2), by_pin(2, PIN), by_pin(1, "0000"), Request::StepUp { factors: Factors::default() }] {
        assert_eq!(ask(&thief, wrong).await, REFUSED(Refusal::StepUpRefused));
    }
    // Revoking the owner's QR opens no way for another one.
    assert_eq!(ask(&thief, Request::RevokeQr).await, Response::QrRevoked);
    assert_eq!(ask(&thief, replace(2)).await, REFUSED(Refusal::StepUpRequired));
    assert_eq!(ask(&thief, begin(100, "k")).await, REFUSED(Refusal::NotBound));
    assert_eq!(system.ledger.audit().await.unwrap().charges, 0);
    // The owner comes back with the PIN.
    let owner = system.connect().await;
    let answer = ask(&owner, login(&owner, 1, "password")).await;
    assert_eq!(answer, Response::LoggedIn { account: AccountState::QrRevoked });
    step_up(&owner, by_pin(1, PIN)).await;
    assert_eq!(ask(&owner, replace(1)).await, Response::QrReplaced);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_other_logins() {
    let system = System::start(Setup::default()).await;
    let (here, elsewhere) = (system.user(1).await, system.log_in(1).await);
    let payment = open_page(&elsewhere, 10, "elsewhere").await;
    step_up(&here, by_qr(1)).await;
    assert_eq!(ask(&here, new_password("short")).await, REFUSED(Refusal::WeakPassword));
    assert_eq!(ask(&here, new_password("a better password")).await, Response::PasswordChanged);
    let present = Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() };
    assert_eq!(ask(&elsewhere, present).await, REFUSED(Refusal::NotLoggedIn));
    assert!(matches!(pay(&here, 10, "here", 1).await, Response::Charged(_)));
    let again = system.connect().await;
    let old = ask(&again, login(&again, 1, "password")).await;
    assert_eq!(old, REFUSED(Refusal::WrongCredentials));
    let new = ask(&again, login(&again, 1, "a better password")).await;
    assert_eq!(new, Response::LoggedIn { account: AccountState::Bound });
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_everybody_tries_first_is_refused_wherever_one_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("common.txt");
    std::fs::write(&list, "iloveyou2\nhunter2hunter2\n").unwrap();
    let blocklist = Blocklist::read(&list).unwrap();
    let system = System::start(Setup { blocklist, ..Setup::default() }).await;
    let stranger = system.connect().await;
    let name = |name: &str| LoginName::new(name).unwrap();
    for (login, password) in [("ada", "ILoveYou2"), ("ada-lovelace", "Ada-Lovelace")] {
        let request = Request::RegisterCredentials { login: name(login), password: Secret::new(password).unwrap() };
        assert_eq!(ask(&stranger, request).await, REFUSED(Refusal::WeakPassword), "{password}");
    }
    let user = system.user(1).await;
    step_up(&user, by_pin(1, PIN)).await;
    assert_eq!(ask(&user, new_password("hunter2hunter2")).await, REFUSED(Refusal::WeakPassword));
    assert_eq!(ask(&user, new_password("hunter2hunter3")).await, Response::PasswordChanged);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended() {
    let system = System::start(Setup::default()).await;
    let (here, elsewhere, foreign) = (system.user(1).await, system.log_in(1).await, system.user(2).await);
    let Response::Sessions { sessions } = ask(&here, Request::ListSessions).await else { panic!() };
    let is_here: Vec<bool> = sessions.iter().map(|session| session.is_here).collect();
    assert_eq!(is_here, [true, false]);
    let SessionInfo { session, .. } = sessions[1];
    let end = |session| Request::EndSessions { session };
    assert_eq!(ask(&foreign, end(Some(session))).await, REFUSED(Refusal::NoSuchSession));
    assert_eq!(ask(&here, end(Some(session))).await, Response::SessionsEnded { sessions: 1 });
    assert_eq!(ask(&elsewhere, begin(1, "k")).await, REFUSED(Refusal::NotLoggedIn));
    let (third, fourth) = (system.log_in(1).await, system.log_in(1).await);
    assert_eq!(ask(&here, end(None)).await, Response::SessionsEnded { sessions: 2 });
    for ended in [third, fourth] {
        assert_eq!(ask(&ended, Request::FetchHelper).await, REFUSED(Refusal::NotLoggedIn));
    }
    assert!(matches!(pay(&here, 10, "here", 1).await, Response::Charged(_)));
    assert!(matches!(pay(&foreign, 10, "foreign", 2).await, Response::Charged(_)));
    // A login on another server that shares the store ends too: its epoch is over.
    let account = system.store.find_account(name(1)).await.unwrap().unwrap();
    let payment = open_page(&here, 10, "k2").await;
    system.store.end_logins(account.id).await.unwrap();
    let present = Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() };
    assert_eq!(ask(&here, present).await, REFUSED(Refusal::NotLoggedIn));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_added_listed_and_revoked() {
    let presentation = Presentation::DeviceAndNonce;
    let system = System::start(Setup { presentation, ..Setup::default() }).await;
    let (first, second) = (DeviceSecret::from_seed(&[1; 32]), DeviceSecret::from_seed(&[2; 32]));
    let Request::Register { login, password, enrolment, helper, bank_account, pin, .. } = register(1) else { panic!() };
    let devices = DeviceKeys::new([first.key()]).unwrap();
    let register = Request::Register { login, password, enrolment, helper, bank_account, pin, devices };
    assert_eq!(ask(&system.connect().await, register).await, Response::Registered);
    let user = system.log_in(1).await;
    // The QR alone is not enough where devices sign; the device signs it for this connection.
    assert_eq!(ask(&user, by_qr(1)).await, REFUSED(Refusal::StepUpRefused));
    let shown = |signature| Factors { payload: Some(payload(1)), signature: Some(signature), ..Factors::default() };
    let foreign = shown(second.sign_step_up(&payload(1), user.channel()));
    assert_eq!(ask(&user, Request::StepUp { factors: foreign }).await, REFUSED(Refusal::StepUpRefused));
    let factors = shown(first.sign_step_up(&payload(1), user.channel()));
    step_up(&user, Request::StepUp { factors }).await;
    let add = |signature| Request::AddDevice { device: second.key(), signature };
    let stolen_key = ask(&user, add(first.sign_device(user.channel()))).await;
    assert_eq!(stolen_key, REFUSED(Refusal::DeviceRequired), "whoever adds a device has it");
    assert_eq!(ask(&user, add(second.sign_device(user.channel()))).await, Response::DeviceAdded);
    let both = DeviceKeys::new([first.key(), second.key()]).unwrap();
    assert_eq!(ask(&user, Request::ListDevices).await, Response::Devices { devices: both });
    let pay_with = async |device: &DeviceSecret, key: &str| {
        let payment = open_page(&user, 10, key).await;
        let (nonce, signature) = (Some(payment), Some(device.sign(&payload(1), Some(payment))));
        let proof = PresentationProof { nonce, signature };
        ask(&user, Request::PresentQr { payment, payload: payload(1), proof }).await
    };
    assert!(matches!(pay_with(&second, "second").await, Response::Charged(_)));
    let revoke = |device| Request::RevokeDevice { device };
    assert_eq!(ask(&user, revoke(first.key())).await, Response::DeviceRevoked);
    assert_eq!(ask(&user, revoke(first.key())).await, REFUSED(Refusal::NoSuchDevice));
    assert_eq!(pay_with(&first, "first").await, REFUSED(Refusal::QrMismatch { tries_left: 2 }));
    assert!(matches!(pay_with(&second, "second-again").await, Response::Charged(_)));
    system.assert_money().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_is_given_back_and_an_account_closed_with_its_books_kept() {
    for mode in [Mode::Mandate, Mode::PatentLiteral] {
        let system = System::start(Setup { mode, ..Setup::default() }).await;
        let user = system.user(1).await;
        assert!(matches!(pay(&user, 10, "before", 1).await, Response::Charged(_)));
        step_up(&user, by_qr(1)).await;
        assert_eq!(ask(&user, Request::RevokeMandate).await, Response::MandateRevoked);
        assert_eq!(ask(&user, begin(10, "revoked")).await, REFUSED(Refusal::NotBound));
        let Request::Register { enrolment, helper, bank_account, pin, devices, .. } = register(1) else { panic!() };
        let bind = Request::BindAccount { enrolment, helper, bank_account, pin, devices };
        assert_eq!(ask(&user, bind).await, Response::AccountBound);
        assert!(matches!(pay(&user, 10, "after", 1).await, Response::Charged(_)));
        let elsewhere = system.log_in(1).await;
        assert_eq!(ask(&user, Request::CloseAccount).await, Response::AccountClosed);
        for closed in [&user, &elsewhere] {
            assert_eq!(ask(closed, Request::ListDevices).await, REFUSED(Refusal::NotLoggedIn));
        }
        assert!(system.store.find_account(name(1)).await.unwrap().is_none());
        let found = std::fs::read(system.store_path()).unwrap();
        assert!(!found.windows(5).any(|bytes| bytes == b"user1"), "the name is still in the file");
        // The books have both payments, and the name is free.
        let audit = system.store.audit().await.unwrap();
        assert_eq!((audit.payments, audit.posted_minor), (2, 20));
        system.assert_money().await;
        drop(system.user(1).await);
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_the_password_comes_back_with_the_qr_and_the_pin() {
    let system = System::start(Setup::default()).await;
    let before = system.user(1).await;
    let stranger = system.connect().await;
    let recovery = |n, finger, pin: &str, channel| {
        let (password, pin) = (Secret::new("a new password").unwrap(), Secret::new(pin).unwrap());
        let (login, bank_account, payload) = (name(n), bank_account(n), payload(finger));
        Request::Recover {
            recovery: Recovery { login, password, channel, bank_account, pin, payload, signature: None },
        }
    };
    let here = stranger.channel();
    let wrong_channel = recovery(1, 1, PIN, before.channel());
    assert_eq!(ask(&stranger, wrong_channel).await, REFUSED(Refusal::WrongChannel));
    for wrong in [recovery(1, 2, PIN, here), recovery(1, 1, "0000", here), recovery(9, 1, PIN, here)] {
        assert_eq!(ask(&stranger, wrong).await, REFUSED(Refusal::WrongCredentials));
    }
    assert_eq!(ask(&stranger, recovery(1, 1, PIN, here)).await, Response::Recovered);
    assert_eq!(ask(&before, Request::FetchHelper).await, REFUSED(Refusal::NotLoggedIn));
    let answer = ask(&stranger, login(&stranger, 1, "a new password")).await;
    assert_eq!(answer, Response::LoggedIn { account: AccountState::Bound });
    assert!(matches!(pay(&stranger, 10, "k", 1).await, Response::Charged(_)));
    system.assert_money().await;
    system.stop().await;
}

/// Recovery and step up guess at a PIN no faster than the bank lets anybody, and the bank's people unblock it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_was_guessed_at_is_blocked_and_unblocked_by_the_bank() {
    let system = System::start(Setup::default()).await;
    let user = system.user(1).await;
    for guess in 0..3 {
        let answer = ask(&user, by_pin(1, &format!("000{guess}"))).await;
        assert_eq!(answer, REFUSED(Refusal::StepUpRefused));
    }
    assert!(!matches!(ask(&user, by_pin(1, PIN)).await, Response::SteppedUp { .. }), "the bank has blocked it");
    assert!(system.ledger.unblock_pin(bank_account(1)).await.unwrap());
    let mut answer = ask(&user, by_pin(1, PIN)).await;
    if matches!(answer, Response::Refused(Refusal::Throttled { .. })) {
        // Our own limit is as tight; the QR is another way.
        answer = ask(&user, by_qr(1)).await;
    }
    assert!(matches!(answer, Response::SteppedUp { .. }), "{answer:?}");
    system.stop().await;
}
