//! Limits outlast a restart, and servers that share a store share them.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Refusal, Request, Response};
use common::postgres::Postgres;
use common::processes::{Processes, Settings};
use common::*;
use rustix::process::Signal;
use std::time::Duration;

/// Ten guesses, and the next one in a day.
const TEN: &str = "[throttle.login]\nburst = 10\nrefill-ms = 86400000\n";
/// Longer than a failure is known to one process alone, and than servers take to hear of each other.
const HEARD: Duration = Duration::from_millis(2_500);

/// Guesses a password and returns whether the guess was looked at.
async fn guess(processes: &Processes, server: usize, user: u64) -> bool {
    let connection = processes.door(server).connect().await.unwrap().with_deadline(Duration::from_secs(60));
    match connection.request(&login(&connection, user, "a wrong guess")).await.unwrap() {
        Response::Refused(Refusal::WrongCredentials) => true,
        Response::Refused(Refusal::Throttled { .. }) => false,
        other => panic!("{other:?}"),
    }
}

async fn guesses(processes: &Processes, server: usize, user: u64, count: u32) -> u32 {
    let mut looked_at = 0;
    for _ in 0..count {
        looked_at += u32::from(guess(processes, server, user).await);
    }
    looked_at
}

async fn register_user(processes: &Processes, user: u64) {
    let connection = processes.door(0).connect().await.unwrap().with_deadline(Duration::from_secs(60));
    let Request::Register { login, password, .. } = register(user) else { panic!() };
    let answer = connection.request(&Request::RegisterCredentials { login, password }).await.unwrap();
    assert_eq!(answer, Response::CredentialsRegistered);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_guesses_stay_ten_over_restarts_and_kills() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { server_toml: TEN.into(), ..Settings::default() };
    let mut processes = Processes::start(folder.path(), settings);
    register_user(&processes, 1).await;
    let mut looked_at = guesses(&processes, 0, 1, 4).await;
    // A graceful end tells the store everything at once.
    processes.signal(0, Signal::TERM);
    assert!(processes.wait_for_server(0).success());
    processes.start_server(0);
    looked_at += guesses(&processes, 0, 1, 4).await;
    tokio::time::sleep(HEARD).await;
    processes.kill_server(0);
    processes.start_server(0);
    looked_at += guesses(&processes, 0, 1, 12).await;
    assert_eq!(looked_at, 10, "of 20 guesses");
    // Nobody else is concerned, and the store has no name or address in the clear.
    assert_eq!(guesses(&processes, 0, 2, 3).await, 3);
    processes.signal(0, Signal::TERM);
    assert!(processes.wait_for_server(0).success());
    let store = rusqlite::Connection::open(folder.path().join("server.db")).unwrap();
    let rows = "SELECT count(*) FROM limits WHERE length(key) = 16 AND name = 'login'";
    assert_eq!(store.query_row(rows, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owners_exception_outlasts_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server_toml = "[throttle.source]\nburst = 3\nrefill-ms = 86400000\n".into();
    let mut processes = Processes::start(folder.path(), Settings { server_toml, ..Settings::default() });
    register_user(&processes, 1).await;
    let owner = async |processes: &Processes| {
        let connection = processes.door(0).connect().await.unwrap().with_deadline(Duration::from_secs(60));
        connection.request(&login(&connection, 1, "password")).await.unwrap()
    };
    assert!(matches!(owner(&processes).await, Response::LoggedIn { .. }));
    assert_eq!(guesses(&processes, 0, 2, 5).await, 3, "the source has three failures");
    processes.signal(0, Signal::TERM);
    assert!(processes.wait_for_server(0).success());
    processes.start_server(0);
    assert_eq!(guesses(&processes, 0, 3, 2).await, 0, "the source has had its failures");
    assert!(matches!(owner(&processes).await, Response::LoggedIn { .. }), "the owner logs in from there as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_allow_ten_guesses_together() {
    let Some(postgres) = Postgres::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { servers: 2, store: postgres.url(), server_toml: TEN.into(), ..Settings::default() };
    let mut processes = Processes::start(folder.path(), settings);
    register_user(&processes, 1).await;
    let mut looked_at = guesses(&processes, 0, 1, 5).await;
    tokio::time::sleep(HEARD).await;
    looked_at += guesses(&processes, 1, 1, 3).await;
    tokio::time::sleep(HEARD).await;
    looked_at += guesses(&processes, 0, 1, 6).await;
    assert_eq!(looked_at, 10, "of 14 guesses");
    tokio::time::sleep(HEARD).await;
    assert_eq!(guesses(&processes, 1, 1, 2).await, 0);
    processes.kill_server(1);
    processes.start_server(1);
    assert_eq!(guesses(&processes, 1, 1, 2).await, 0);
}
