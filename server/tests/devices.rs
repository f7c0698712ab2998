//! What a presented QR must come with, and what slows codes down, over real QUIC.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::message::AccountState;
use biopay_protocol::*;
use biopay_server::client::Connection;
use biopay_server::config::{CodeRule, Presentation};
use common::*;

fn device(seed: u8) -> DeviceSecret {
    DeviceSecret::from_seed(&[seed; 32])
}

/// Registers user 1 with one device and logs in.
async fn user(system: &System) -> Connection {
    let Request::Register { login, password, enrolment, helper, bank_account, pin, .. } = register(1) else {
        unreachable!()
    };
    let devices = DeviceKeys::new([device(1).key()]).unwrap();
    let request = Request::Register { login, password, enrolment, helper, bank_account, pin, devices };
    assert_eq!(system.connect().await.request(&request).await.unwrap(), Response::Registered);
    system.log_in(1).await
}

async fn present(user: &Connection, payment: PaymentId, proof: PresentationProof) -> Response {
    user.request(&Request::PresentQr { payment, payload: payload(1), proof }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presentation_is_for_one_payment_and_by_an_enrolled_device() {
    let presentation = Presentation::DeviceAndNonce;
    let system = System::start(Setup { presentation, ..Setup::default() }).await;
    let user = user(&system).await;
    let other = open_page(&user, 100, "other").await;
    let payment = open_page(&user, 100, "k").await;
    let signed = |by: u8, nonce| PresentationProof { nonce, signature: Some(device(by).sign(&payload(1), nonce)) };
    let refused = |tries_left| Response::Refused(Refusal::QrMismatch { tries_left });
    // No proof, then one of a strange device; each is a wrong presentation.
    let bare = user
        .request(&Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() })
        .await
        .unwrap();
    assert_eq!(bare, refused(2));
    assert_eq!(present(&user, payment, signed(2, Some(payment))).await, refused(1));
    assert!(matches!(present(&user, payment, signed(1, Some(payment))).await, Response::Charged(_)));
    // What was seen there is worth nothing on another page, neither as it was nor with the nonce put in.
    assert_eq!(present(&user, other, signed(1, Some(payment))).await, refused(2));
    let rewrapped = PresentationProof { nonce: Some(other), ..signed(1, Some(payment)) };
    assert_eq!(present(&user, other, rewrapped).await, refused(1));
    assert!(matches!(present(&user, other, signed(1, Some(other))).await, Response::Charged(_)));
    system.assert_money().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_qr_is_signed_for_its_connection_and_keeps_the_devices() {
    let presentation = Presentation::Device;
    let system = System::start(Setup { presentation, ..Setup::default() }).await;
    // Without a device there is no registration, and a password alone replaces no QR.
    let refused = Response::Refused(Refusal::DeviceRequired);
    assert_eq!(system.connect().await.request(&register(2)).await.unwrap(), refused);
    let user = user(&system).await;
    let enrolment = payload(3);
    let replace = |signature| Request::ReplaceQr { enrolment: payload(3), helper: None, signature: Some(signature) };
    let plain = Request::ReplaceQr { enrolment: enrolment.clone(), helper: None, signature: None };
    assert_eq!(user.request(&plain).await.unwrap(), refused);
    let elsewhere = system.log_in(1).await;
    let signature = device(1).sign_enrolment(&enrolment, elsewhere.channel());
    assert_eq!(user.request(&replace(signature)).await.unwrap(), refused);
    let strange = device(2).sign_enrolment(&enrolment, user.channel());
    assert_eq!(user.request(&replace(strange)).await.unwrap(), refused);
    let signature = device(1).sign_enrolment(&enrolment, user.channel());
    assert_eq!(user.request(&replace(signature)).await.unwrap(), Response::QrReplaced);
    let payment = open_page(&user, 100, "k").await;
    let proof = PresentationProof { nonce: None, signature: Some(device(1).sign(&enrolment, None)) };
    let answer = user.request(&Request::PresentQr { payment, payload: enrolment, proof }).await.unwrap();
    assert!(matches!(answer, Response::Charged(_)), "{answer:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_qr_is_replaced_by_the_device_that_is_left() {
    let presentation = Presentation::Device;
    let system = System::start(Setup { presentation, ..Setup::default() }).await;
    let before = user(&system).await;
    let payment = open_page(&before, 100, "before").await;
    assert_eq!(before.request(&Request::RevokeQr).await.unwrap(), Response::QrRevoked);
    // A page that was open takes the old QR no more.
    let proof = PresentationProof { nonce: None, signature: Some(device(1).sign(&payload(1), None)) };
    assert_eq!(present(&before, payment, proof).await, Response::Refused(Refusal::NotBound));
    let user = system.connect().await;
    let answer = user.request(&login(&user, 1, "password")).await.unwrap();
    assert_eq!(answer, Response::LoggedIn { account: AccountState::QrRevoked });
    let replace = |by: u8| {
        let signature = device(by).sign_enrolment(&payload(3), user.channel());
        Request::ReplaceQr { enrolment: payload(3), helper: None, signature: Some(signature) }
    };
    assert_eq!(user.request(&replace(2)).await.unwrap(), Response::Refused(Refusal::DeviceRequired));
    assert_eq!(user.request(&replace(1)).await.unwrap(), Response::QrReplaced);
    let payment = open_page(&user, 100, "after").await;
    let proof = PresentationProof { nonce: None, signature: Some(device(1).sign(&payload(3), None)) };
    let answer = user.request(&Request::PresentQr { payment, payload: payload(3), proof }).await.unwrap();
    assert!(matches!(answer, Response::Charged(_)), "{answer:?}");
    system.stop().await;
}

/// The limit is the account's: before it there was one a page, and pages without end.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_and_code_messages_are_limited_over_pages() {
    let system = System::start(Setup { code: CodeRule::On, ..Setup::default() }).await;
    let user = system.user(1).await;
    let (mut wrong, mut throttled) = (0, false);
    for page in 0..8 {
        let payment = open_page(&user, 100, &format!("k{page}")).await;
        let answer = user
            .request(&Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() })
            .await
            .unwrap();
        let Response::CodeIssued { shown, .. } = answer else { panic!("{answer:?}") };
        let guess = if shown.expose() == "000000" { "000001" } else { "000000" };
        for _ in 0..3 {
            let code = Secret::new(guess).unwrap();
            match user.request(&Request::SubmitCode { payment, code }).await.unwrap() {
                Response::Refused(Refusal::WrongCode { .. } | Refusal::CodeExhausted) => wrong += 1,
                Response::Refused(Refusal::Throttled { .. }) => throttled = true,
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(throttled && wrong == 10, "{wrong}");
    // Eight messages so far; two more, and then the owner is left in peace, and the try is not lost.
    let payment = open_page(&user, 100, "last").await;
    let present = Request::PresentQr { payment, payload: payload(1), proof: PresentationProof::default() };
    assert!(matches!(user.request(&present).await.unwrap(), Response::CodeIssued { .. }));
    let again = user.request(&Request::ResendCode { payment }).await.unwrap();
    assert!(matches!(again, Response::CodeIssued { .. }), "{again:?}");
    let flooded = user.request(&Request::ResendCode { payment }).await.unwrap();
    assert!(matches!(flooded, Response::Refused(Refusal::Throttled { .. })), "{flooded:?}");
    system.stop().await;
}
