//! What an operator does with the server: asks how it is, renews its certificate, reads its help and its settings.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{Request, Response};
use common::processes::{Processes, Settings};
use common::*;
use rustix::process::Signal;
use rustls_pki_types::CertificateDer;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn http(address: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    write!(socket, "{request}\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { server_flags: &["--operations", "127.0.0.1:0"], ..Settings::default() };
    let mut processes = Processes::start(folder.path(), settings);
    let address = processes.ready(0)["operations"].as_str().unwrap().to_owned();
    let connection = processes.door(0).connect().await.unwrap();
    connection.request(&register(1)).await.unwrap();
    connection.request(&login(&connection, 1, "password")).await.unwrap();
    assert!(matches!(pay(&connection, 10, "k", 1).await, Response::Charged(_)));

    let metrics = http(&address, "GET /metrics HTTP/1.1");
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n") && metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("biopay_requests_total{operation=\"present-qr\",outcome=\"charged\"} 1\n"), "{metrics}");
    assert!(metrics.contains("biopay_connections_open 1\n"), "{metrics}");
    assert!(http(&address, "GET /healthz HTTP/1.1").starts_with("HTTP/1.1 200"));
    assert!(http(&address, "GET /readyz HTTP/1.1").starts_with("HTTP/1.1 200"));
    assert!(http(&address, "GET /livez HTTP/1.1").starts_with("HTTP/1.1 200"));
    for gauge in ["payments_open 0", "suspense 0", "bank_links 1", "bank_links_up 1", "bank_waiting 0"] {
        assert!(metrics.contains(&format!("\nbiopay_{gauge}\n")), "{gauge}: {metrics}");
    }
    assert_the_operators_kit_fits(&metrics);
    // Nobody keeps others out by connecting and saying nothing.
    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(&address).unwrap()).collect();
    assert!(http(&address, "GET /livez HTTP/1.1").starts_with("HTTP/1.1 200"));
    drop(idle);
    assert!(http(&address, "GET /other HTTP/1.1").starts_with("HTTP/1.1 404"));
    assert!(http(&address, "POST /metrics HTTP/1.1").starts_with("HTTP/1.1 405"));
    let endless = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    let mut socket = TcpStream::connect(&address).unwrap();
    drop(socket.write_all(endless.as_bytes()));
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP/1.1 200"));

    processes.kill_bank();
    // An answer stands for a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let sick = http(&address, "GET /healthz HTTP/1.1");
    assert!(sick.starts_with("HTTP/1.1 503") && sick.contains("the bank cannot be reached"), "{sick}");
    // A bank that is away is no reason to restart the server.
    assert!(http(&address, "GET /livez HTTP/1.1").starts_with("HTTP/1.1 200"));
    assert!(http(&address, "GET /metrics HTTP/1.1").contains("\nbiopay_bank_links_up 0\n"));
}

/// The dashboard and the alarms use metrics that there are, and the runbook has a section for each alarm.
fn assert_the_operators_kit_fits(metrics: &str) {
    let kit = |name: &str| std::fs::read_to_string(format!("{}/doc/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let typed: Vec<&str> = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let (dashboard, alarms, runbook) = (kit("grafana.json"), kit("alarms.yml"), kit("runbook.md"));
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() >= 10);
    let mut used = 0;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for word in dashboard.split(|c| !is_word(c)).chain(alarms.split(|c| !is_word(c))) {
        if word.starts_with("biopay_") || word.starts_with("process_") {
            used += 1;
            let name = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(typed.contains(&name), "there is no metric {word}");
        }
    }
    assert!(used > 20, "the search found {used} metrics");
    let named: Vec<&str> = alarms.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(named.len() >= 10);
    for alarm in named {
        assert!(runbook.contains(&format!("\n### {alarm}\n")), "the runbook has no section {alarm}");
    }
}

#[test]
fn secrets_are_read_from_files_and_credentials_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("vault.1"), format!("{}\n", "5a".repeat(32))).unwrap();
    std::fs::write(folder.path().join("pepper"), "cayenne\n").unwrap();
    let config = "store = \"sqlite:server.db\"\n[keys]\npepper = \"file:pepper\"\n\
                  vault = [{ id = 1, key = \"credential:vault.1\" }]\n";
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let server = |with_credentials: bool, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
        command.current_dir(folder.path()).args(["--config", "server.toml"]).args(arguments);
        command.env_remove("CREDENTIALS_DIRECTORY");
        if with_credentials {
            command.env("CREDENTIALS_DIRECTORY", &credentials);
        }
        command.output().unwrap()
    };
    let shown = String::from_utf8(server(true, &["--print-config"]).stdout).unwrap();
    assert!(shown.contains("credential:vault.1") && shown.contains("file:pepper"), "{shown}");
    assert!(!shown.contains("cayenne") && !shown.contains("5a5a"), "{shown}");
    let said = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let nothing_to_do = said(server(true, &["--audit"]));
    assert!(nothing_to_do.contains("there is no database"), "the secrets were read: {nothing_to_do}");
    let missing = said(server(false, &["--audit"]));
    assert!(missing.contains("vault.1") && missing.contains("systemd gave this process none"), "{missing}");
    std::fs::write(credentials.join("vault.1"), "too short").unwrap();
    let output = server(true, &["--audit"]);
    assert_eq!(output.status.code(), Some(1), "the audit needs no keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_of_ready_reloading_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let heard = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let server_environment = vec![("NOTIFY_SOCKET", path.into_os_string())];
    let mut processes = Processes::start(folder.path(), Settings { server_environment, ..Settings::default() });
    assert_eq!(heard().trim(), "READY=1");
    processes.signal(0, Signal::HUP);
    let reloading = heard();
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert_eq!(heard().trim(), "READY=1");
    processes.signal(0, Signal::TERM);
    assert_eq!(heard().trim(), "STOPPING=1");
    assert!(processes.wait_for_server(0).success());
}

/// Writes a new certificate and its key where the server reads them.
fn renew(folder: &Path) -> Vec<CertificateDer<'static>> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    vec![certificate.der().clone()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_renews_the_certificate_and_drops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let server_toml = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n".into();
    let processes = Processes::start(folder.path(), Settings { server_toml, ..Settings::default() });
    let open = processes.door_trusting(0, &first).connect().await.unwrap();
    let second = renew(folder.path());
    assert!(processes.door_trusting(0, &second).connect().await.is_err(), "the files alone change nothing");
    processes.signal(0, Signal::HUP);
    let mut connected = Err(());
    for _ in 0..100 {
        connected = processes.door_trusting(0, &second).connect().await.map_err(drop);
        if connected.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(connected.unwrap().request(&Request::Logout).await.unwrap(), Response::LoggedOut);
    assert!(processes.door_trusting(0, &first).connect().await.is_err());
    assert_eq!(open.request(&Request::Logout).await.unwrap(), Response::LoggedOut);

    // Files that are no certificate change nothing, and are complained about.
    std::fs::write(folder.path().join("server.key"), "rubbish").unwrap();
    processes.signal(0, Signal::HUP);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let still = processes.door_trusting(0, &second).connect().await.unwrap();
    assert_eq!(still.request(&Request::Logout).await.unwrap(), Response::LoggedOut);
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("the one before stays"), "{log}");
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_has_examples_and_every_flag_a_line() {
    for program in [env!("CARGO_BIN_EXE_biopay-server"), env!("CARGO_BIN_EXE_biopay-bank")] {
        let help = output(program, &["--help"]);
        assert!(help.contains("Examples:") && help.contains("--print-config"), "{help}");
    }
    let help = output(env!("CARGO_BIN_EXE_biopay-server"), &["--help"]);
    for flag in ["--operations", "--qlog", "--rotate-keys", "--audit", "--store", "--log"] {
        assert!(help.contains(flag), "{flag} is missing:\n{help}");
    }
    assert!(!help.contains("__read-image"));
}

#[test]
fn what_is_printed_of_the_configuration_reads_back_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    let key = "00112233445566778899aabbccddeeff";
    let text = format!(
        "store = \"postgres://biopay:hunter2@db/biopay\"\n[bank]\npin-key = \"{key}\"\n\
         [keys]\npepper = \"cayenne\"\nopaque = \"{key}{key}\"\nvault = [{{ id = 7, key = \"{key}{key}\" }}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let server = env!("CARGO_BIN_EXE_biopay-server");
    let shown = output(server, &["--config", path.to_str().unwrap(), "--print-config"]);
    for secret in [key, "cayenne", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(shown.matches("(masked)").count(), 5, "{shown}");
    let parsed: toml::Value = toml::from_str(&shown).unwrap();
    assert_eq!(parsed["keys"]["vault"][0]["id"].as_integer(), Some(7));
}

#[test]
fn a_flag_wins_over_its_variable_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    std::fs::write(&path, "[password]\npriority = \"idle\"\n").unwrap();
    let priority = |variable: Option<&str>, flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
        command.arg("--config").arg(&path).arg("--print-config").args(flags);
        if let Some(value) = variable {
            command.env("BIOPAY_SERVER_HASH_PRIORITY", value);
        }
        let shown: toml::Value = toml::from_str(&String::from_utf8(command.output().unwrap().stdout).unwrap()).unwrap();
        shown["password"]["priority"].as_str().unwrap().to_owned()
    };
    assert_eq!(priority(None, &[]), "idle");
    assert_eq!(priority(Some("low"), &[]), "low");
    assert_eq!(priority(Some("low"), &["--hash-priority", "idle"]), "idle");
}
