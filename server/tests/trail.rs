//! The trail over real QUIC: a line for what matters, none of a secret, and the program that checks it.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::message::Factors;
use biopay_protocol::*;
use biopay_server::config::{CodeRule, Mode};
use biopay_server::trail::verify;
use common::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const KEY: &str = "0303030303030303030303030303030303030303030303030303030303030303";

/// Returns event and outcome of every line.
fn lines(path: &Path) -> Vec<(String, String, serde_json::Value)> {
    let text = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("event"), text("outcome"), line.clone())
    };
    text.lines().map(read).collect()
}

fn verify_by_program(path: &Path) -> Option<i32> {
    let config = path.with_extension("toml");
    std::fs::write(&config, format!("[trail]\nkey = \"{KEY}\"\n")).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
    server.arg("--config").arg(config).arg("--verify-trail").arg(path);
    server.output().unwrap().status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_failure_binding_change_and_limit_leaves_a_line_without_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trail.jsonl");
    let trail = Some(path.clone());
    let setup = Setup { trail, mode: Mode::PatentLiteral, code: CodeRule::On, ..Setup::default() };
    let system = System::start(setup).await;
    let user = system.user(1).await;
    for _ in 0..12 {
        // The tenth and later ones hit the limit.
        let stranger = system.connect().await;
        let _ = stranger.request(&login(&stranger, 2, "guessed-password")).await.unwrap();
    }
    let Response::CodeIssued { payment, shown, .. } = pay(&user, 10, "k", 1).await else { panic!() };
    let code = shown.expose().to_owned();
    let paid = user.request(&Request::SubmitCode { payment, code: shown }).await.unwrap();
    assert!(matches!(paid, Response::Charged(_)), "{paid:?}");
    let wrong =
        user.request(&Request::ReplaceQr { enrolment: payload(2), helper: None, signature: None }).await.unwrap();
    assert_eq!(wrong, Response::Refused(Refusal::StepUpRequired));
    let (account, pin) = (Some(bank_account(1)), Some(Secret::new(PIN).unwrap()));
    let factors = Factors { bank_account: account, pin, ..Factors::default() };
    user.request(&Request::StepUp { factors }).await.unwrap();
    let replaced =
        user.request(&Request::ReplaceQr { enrolment: payload(2), helper: None, signature: None }).await.unwrap();
    assert_eq!(replaced, Response::QrReplaced);
    user.request(&Request::FetchHelper).await.unwrap();
    let service = system.service.clone();
    system.stop().await;
    service.trail().close();
    let found = lines(&path);
    let pairs: BTreeSet<(&str, &str)> =
        found.iter().map(|(event, outcome, _)| (event.as_str(), outcome.as_str())).collect();
    for expected in [
        ("register", "registered"),
        ("login", "logged-in"),
        ("login", "wrong-credentials"),
        ("login", "throttled"),
        ("present-qr", "code-issued"),
        ("submit-code", "charged"),
        ("key-use", "opened"),
        ("replace-qr", "step-up-required"),
        ("step-up", "stepped-up"),
        ("replace-qr", "qr-replaced"),
    ] {
        assert!(pairs.contains(&expected), "{expected:?} in {pairs:?}");
    }
    assert!(!pairs.iter().any(|(event, _)| *event == "fetch-helper"), "{pairs:?}");
    let paid = found.iter().find(|(event, ..)| event == "submit-code").unwrap();
    assert_eq!((paid.2["login"].as_str(), paid.2["source"].as_str()), (Some("user1"), Some("127.0.0.1")));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("guessed-password") && !text.contains("400000000001"));
    // Short digits are in macs and payments by chance.
    for (event, outcome, line) in &found {
        let told = format!("{event} {outcome} {} {}", line["login"], line["source"]);
        assert!(!told.contains(PIN) && !told.contains(&code), "{told}");
    }
    let key: Vec<u8> = vec![3; 32];
    assert_eq!(verify(&path, &key).unwrap().last, found.len() as u64);
    assert_eq!(verify_by_program(&path), Some(0));
    // One outcome altered by hand.
    std::fs::write(&path, text.replacen("wrong-credentials", "logged-in", 1)).unwrap();
    assert_eq!(verify_by_program(&path), Some(1));
}
