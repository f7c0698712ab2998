//! Canaries: secrets that would stand out, looked for in everything that the processes leave behind, at the most
//! talkative log level and in the mode that keeps the most.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{DeviceKeys, Refusal, Request, Response, Secret};
use common::processes::{Processes, Settings};
use common::*;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

const PASSWORD: &str = "canary-password-Zq83";
const WRONG_PASSWORD: &str = "canary-wrong-Xw71";
const CANARY_PIN: &str = "739146258037";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_a_log_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let server_flags = &["--mode", "patent-literal", "--code", "on"];
    let settings = Settings { server_flags, log: "trace", pin: CANARY_PIN, ..Settings::default() };
    let processes = Processes::start(folder.path(), settings);
    let connection = processes.door(0).connect().await.unwrap();
    let Request::Register { login, enrolment, helper, bank_account, .. } = register(1) else { panic!() };
    let (password, pin) = (Secret::new(PASSWORD).unwrap(), Secret::new(CANARY_PIN).unwrap());
    let request =
        Request::Register { login, password, enrolment, helper, bank_account, pin, devices: DeviceKeys::default() };
    assert_eq!(connection.request(&request).await.unwrap(), Response::Registered);
    let wrong = connection.request(&common::login(&connection, 1, WRONG_PASSWORD)).await.unwrap();
    assert_eq!(wrong, Response::Refused(Refusal::WrongCredentials));
    connection.request(&common::login(&connection, 1, PASSWORD)).await.unwrap();
    let Response::CodeIssued { payment, shown, .. } = pay(&connection, 10, "k", 1).await else { panic!() };
    let code = Request::SubmitCode { payment, code: shown.clone() };
    assert!(matches!(connection.request(&code).await.unwrap(), Response::Charged(_)));
    drop(processes);

    let account = bank_account_text(1);
    let finger = payload(1);
    let template = &finger.as_bytes()[16..48];
    let everywhere: [&[u8]; 4] = [PASSWORD.as_bytes(), WRONG_PASSWORD.as_bytes(), CANARY_PIN.as_bytes(), template];
    let log = std::fs::read(folder.path().join("log")).unwrap();
    assert!(log.len() > 10_000, "the log is silent: the search shows nothing");
    for (name, content) in files(folder.path()) {
        // The accounts file is the test's own input.
        if name == "accounts.csv" {
            assert!(contains(&content, CANARY_PIN.as_bytes()), "the search itself is broken");
            continue;
        }
        for canary in everywhere {
            assert!(!contains(&content, canary), "{name} holds {:?}", String::from_utf8_lossy(canary));
        }
        // The bank has to know its own accounts; the server and the logs have not.
        if !name.starts_with("bank.db") {
            assert!(!contains(&content, account.as_bytes()), "{name} holds the account's number");
        }
        // In a log, six digits may be anything.
        if name.contains(".db") {
            assert!(!contains(&content, shown.expose().as_bytes()), "{name} holds the code");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_core_is_dumped_whatever_the_limit() {
    // Whether this machine dumps cores at all, where the limit lets it: with the same signal, a shell of our own.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && kill -ABRT $$"]).current_dir(elsewhere.path());
    println!("an unguarded process dumps its core here: {}", shell.status().unwrap().core_dumped());
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::start(folder.path(), Settings::default());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", processes.pid(0))).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // A process that may not be dumped belongs to root in /proc, so that its own user cannot read its memory.
    processes.signal(0, Signal::ABORT);
    let ended = processes.wait_for_server(0);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    assert!(!files(folder.path()).iter().any(|(name, _)| name.starts_with("core")));
}

fn bank_account_text(n: u64) -> String {
    bank_account(n).as_str().to_owned()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
