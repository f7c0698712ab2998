//! An operator's mistakes: a mistyped path, the other program's database, absurd values, a copied file, a password on the
//! screen.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::Response;
use common::processes::{Processes, Settings};
use common::*;
use rustix::process::Signal;
use std::path::Path;
use std::process::{Command, Output};

fn server(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay-server")).current_dir(folder).args(arguments).output().unwrap()
}

fn bank(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay-bank")).current_dir(folder).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_mistyped_path_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["--store", "sqlite:mistyped.db", "--audit"], ["--store", "sqlite:mistyped.db", "--rotate-keys"]]
    {
        let output = server(folder.path(), &arguments);
        assert!(!output.status.success() && said(&output).contains("there is no database"), "{}", said(&output));
    }
    let output = bank(folder.path(), &["--store", "sqlite:mistyped.db", "--audit"]);
    assert!(!output.status.success() && said(&output).contains("there is no database"), "{}", said(&output));
    assert!(!folder.path().join("mistyped.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_the_database_is_one_whole_file_of_its_own_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut processes = Processes::start(folder.path(), Settings::default());
    let connection = processes.door(0).connect().await.unwrap();
    connection.request(&register(1)).await.unwrap();
    connection.request(&login(&connection, 1, "password")).await.unwrap();
    assert!(matches!(pay(&connection, 10, "k", 1).await, Response::Charged(_)));
    connection.close();
    processes.signal(0, Signal::TERM);
    let wal = folder.path().join("server.db-wal");
    for _ in 0..200 {
        let left = std::fs::metadata(&wal).map_or(0, |wal| wal.len());
        if left == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    std::fs::copy(folder.path().join("server.db"), folder.path().join("copy.db")).unwrap();
    let output = server(folder.path(), &["--store", "sqlite:copy.db", "--audit"]);
    let audit: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((audit["posted"].as_u64(), audit["posted_minor"].as_i64()), (Some(1), Some(10)), "{audit}");
    // The bank's database is not the server's, nor the other way round.
    let output = server(folder.path(), &["--store", "sqlite:bank.db", "--audit"]);
    assert!(said(&output).contains("another program"), "{}", said(&output));
    let output = bank(folder.path(), &["--store", "sqlite:copy.db", "--audit"]);
    assert!(said(&output).contains("another program"), "{}", said(&output));
}

#[test]
fn absurd_values_are_refused_by_name_and_passwords_hidden() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.toml"), "[limits]\nstreams = 0\n").unwrap();
    let output = server(folder.path(), &["--config", "server.toml", "--store", "memory"]);
    assert_eq!((output.status.code(), said(&output).contains("limits.streams")), (Some(2), true), "{}", said(&output));
    let store = "postgres://db.example/pay?user=pay&password=s3cret";
    let output = server(folder.path(), &["--store", store, "--print-config"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !shown.contains("s3cret") && shown.contains("user=pay"), "{shown}");
}
