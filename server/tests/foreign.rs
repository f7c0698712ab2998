//! The server and a client that shares no code with it: Python over aioquic (`pip install aioquic`), written from
//! `protocol/doc/wire.md`, on a link that behaves and on one that loses, doubles and reorders datagrams.
//!
//! `BIOPAY_PYTHON` names the interpreter (`python3` by default). Where it or the package is missing the test says so
//! and checks nothing, unless `BIOPAY_REQUIRE_PEERS` is set, as in continuous integration.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::TraceContext;
use biopay_server::config::{FailureLimit, ThrottleConfig};
use biopay_server::telemetry::Telemetry;
use common::relay::{Disturbance, Relay};
use common::*;
use std::collections::BTreeMap;
use std::process::Stdio;
use tokio::io::AsyncBufReadExt;

const COLLECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/otlp_collector.py");
/// The example of W3C Trace Context, section 3.2.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TOUR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/doc/example/tour.py");
/// Payments of each of four workers over the bad link. `BIOPAY_FOREIGN_ROUNDS=8334` are 100,008 requests.
fn rounds() -> u64 {
    std::env::var("BIOPAY_FOREIGN_ROUNDS").map_or(25, |text| text.parse().unwrap())
}

fn python(module: &str) -> Option<String> {
    let python = std::env::var("BIOPAY_PYTHON").unwrap_or_else(|_| "python3".into());
    let import = format!("import {module}");
    let found = std::process::Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "{python} has no {module}");
    eprintln!("skipped: {python} has no {module}, nothing was compared");
    None
}

/// Runs parts of the tour and returns how often what was seen.
async fn tour(system: &System, disturbance: Disturbance, parts: &[&str]) -> Option<BTreeMap<String, u64>> {
    let python = python("aioquic")?;
    let relay = Relay::start(system.address, disturbance, 5).await;
    let folder = tempfile::tempdir().unwrap();
    let (trusted, setting) = (folder.path().join("server.pem"), folder.path().join("tour.json"));
    std::fs::write(&trusted, system.chain_pem()).unwrap();
    let user = |n: u64| {
        serde_json::json!({
            "login": name(n), "password": "password", "bank_account": bank_account(n).as_str(), "pin": PIN,
            "payload": payload(n).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        })
    };
    let content = serde_json::json!({
        "host": "127.0.0.1", "port": relay.address.port(), "trusted": trusted, "parts": parts, "rounds": rounds(),
        "limit_s": 240 + rounds(), "merchant_seed": "07".repeat(32), "traceparent": TRACEPARENT,
        "users": [user(1), user(2), user(3), user(4)],
    });
    std::fs::write(&setting, content.to_string()).unwrap();
    let mut command = tokio::process::Command::new(python);
    command.arg("-B").arg(TOUR).arg(&setting);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn assert_nothing_unexpected(seen: &BTreeMap<String, u64>) {
    let unexpected: Vec<_> = seen.iter().filter(|(what, _)| what.starts_with("UNEXPECTED")).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_goes_the_patents_ways_and_meets_each_refusal() {
    let merchants = merchant_keys("signing shop");
    let system = System::start(Setup { merchants, ..Setup::default() }).await;
    let parts = [
        "in_one_message",
        "in_two_steps",
        "on_a_second_device",
        "refusals",
        "migration",
        "versions",
        "with_a_device",
        "account_life",
        "merchants",
    ];
    let Some(seen) = tour(&system, Disturbance::default(), &parts).await else { return };
    assert_nothing_unexpected(&seen);
    assert_eq!(seen["helper is right: True"], 1);
    let refusals = seen.keys().filter(|what| what.starts_with("malformed, ")).count();
    assert_eq!((refusals, seen["pay: Charged"], seen["pay after moving: Charged"]), (8, 4, 1), "{seen:#?}");
    assert_eq!((seen["pay, signed: Charged"], seen["a field of tomorrow: Healthy"]), (1, 1), "{seen:#?}");
    assert_eq!((seen["the device is listed: True"], seen["sessions listed: 2"]), (1, 1), "{seen:#?}");
    let ended = ["AccountClosed", "MandateRevoked", "Recovered", "PasswordChanged", "DeviceRevoked", "SessionsEnded"];
    for answer in ended {
        assert!(seen.keys().any(|what| what.ends_with(&format!(": {answer}"))), "{answer}: {seen:#?}");
    }
    assert_eq!((seen["Refund: Refunded"], seen["Refund: RefundTooLarge"]), (3, 1), "{seen:#?}");
    assert_eq!(seen.keys().filter(|what| what.contains("closed with (2, 'biopay/3')")).count(), 3, "{seen:#?}");
    assert_eq!(system.ledger.audit().await.unwrap().charges, 7);
    system.assert_money().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_valid_request_is_refused_over_a_link_that_loses_doubles_and_reorders() {
    let throttle = ThrottleConfig { enquiries: FailureLimit::OFF, ..Setup::default().throttle };
    let rounds = rounds();
    let system = System::start(Setup { throttle, balance_minor: 4 * rounds, ..Setup::default() }).await;
    drop(system.user(2).await);
    let disturbance = Disturbance { lost: 5, doubled: 5, reordered: 5 };
    let Some(seen) = tour(&system, disturbance, &["crowd"]).await else { return };
    assert_nothing_unexpected(&seen);
    assert_eq!((seen["pay: Charged"], seen["Health: Healthy"]), (4 * rounds, 4 * rounds), "{seen:#?}");
    assert_eq!(system.service.snapshot().malformed, 0);
    assert_eq!(system.ledger.audit().await.unwrap().charges, 4 * rounds);
    println!("{} requests over the bad link, none refused: {seen:?}", 12 * rounds);
    system.stop().await;
}

/// A span as a collector that we did not write read it.
#[derive(serde::Deserialize)]
struct Span {
    service: String,
    name: String,
    trace: String,
    span: String,
    parent: String,
    took_ns: i64,
    attributes: BTreeMap<String, String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_clients_trace_goes_on_to_the_bank_and_a_foreign_collector_reads_it() {
    let Some(python) = python("opentelemetry.proto.collector.trace.v1.trace_service_pb2") else { return };
    let mut collector = tokio::process::Command::new(python)
        .args(["-B", COLLECTOR])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(collector.stdout.take().unwrap()).lines();
    let telemetry = Telemetry::to_collector(&lines.next_line().await.unwrap().unwrap(), 100).unwrap();
    let system = System::start(Setup { telemetry, ..Setup::default() }).await;
    drop(system.user(2).await);
    let Some(seen) = tour(&system, Disturbance::default(), &["traced"]).await else { return };
    assert_nothing_unexpected(&seen);
    // Everything that is left goes out; then the collector may end.
    tokio::task::block_in_place(|| system.service.telemetry().finish());
    drop(collector.stdin.take());
    let mut spans: Vec<Span> = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        spans.push(serde_json::from_str(&line).unwrap());
    }
    assert!(collector.wait().await.unwrap().success());
    assert!(spans.iter().all(|span| span.service == "biopay-server" && span.took_ns >= 0));

    let trace: TraceContext = TRACEPARENT.parse().unwrap();
    let ours = format!("{:032x}", u128::from_be_bytes(trace.trace_id));
    let of_client: Vec<&Span> = spans.iter().filter(|span| span.trace == ours).collect();
    let served: Vec<&str> = of_client
        .iter()
        .filter(|span| span.parent == format!("{:016x}", u64::from_be_bytes(trace.parent_id)))
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(served, ["login", "begin-payment", "present-qr"]);
    let present = of_client.iter().find(|span| span.name == "present-qr").unwrap();
    assert_eq!(present.attributes["biopay.answer"], "charged");
    let below: Vec<&str> =
        of_client.iter().filter(|span| span.parent == present.span).map(|span| span.name.as_str()).collect();
    assert_eq!(below, ["store/open-payment", "bank/charge", "store/settle"]);
    // The bank knows the charge by the reference that the trace has.
    let reference = &of_client.iter().find(|span| span.name == "bank/charge").unwrap().attributes["biopay.reference"];
    let Some(found) = system.store.find_payment_by_reference(reference.clone()).await.unwrap() else { panic!() };
    assert_eq!(found.amount.value(), 7);
    let health = spans.iter().find(|span| span.name == "health").unwrap();
    assert!(health.trace != ours && health.parent.is_empty());
    system.stop().await;
}
