//! A charge over QUIC against what it cannot do without: an echo of the same sizes, and the store's calls.

use super::common::processes::{Processes, Settings};
use super::common::soaking::USERS;
use super::common::{begin, login, payload, register};
use super::store::raw_cpu_us;
use super::usage::{cpu_seconds, resident_bytes};
use biopay_protocol::{ChargeReceipt, PaymentId, PresentationProof, Request, Response, codec};
use biopay_server::client::Connection;
use biopay_server::config::Limits;
use biopay_server::socket;
use biopay_server::tls::{self, Identity};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Makes the bench an echo server.
pub const ECHO_ROLE: &str = "BIOPAY_FIGURES_ECHO";
const CONNECTIONS: usize = 1_000;
/// Charges of a connection in a turn.
const CHARGES_EACH: usize = 20;
const CHARGES: usize = CONNECTIONS * CHARGES_EACH;
/// Turns at full load, each with its peers: a second or two tell little, and a machine that slows down slows all.
const FULL_TURNS: usize = 3;
/// Connections that fill the store and its caches, so that what the others need can be told from it.
const FEW: usize = 20;
/// Charges that fill them.
const FILLING: usize = 60_000;
/// How long a request may take: a busy machine slows the figures, and must not end them.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Starts a server with users who can pay.
pub async fn start(folder: &std::path::Path, hash_cost: &'static str, hash_priority: &'static str) -> Processes {
    let store = format!("sqlite:{}", folder.join("server.db").display());
    let settings = Settings { store, accounts: USERS, balance_minor: 1_000_000_000, ..Settings::default() };
    let server_flags = &["--metrics-for", "clients"];
    let settings = Settings { hash_cost, hash_priority, server_flags, bank_timeout_ms: 30_000, ..settings };
    let processes = Processes::start(folder, settings);
    for user in 0..USERS {
        let connection = processes.door(0).connect().await.unwrap().with_deadline(PATIENCE);
        assert_eq!(connection.request(&register(user)).await.unwrap(), Response::Registered);
        connection.close();
    }
    processes
}

/// Opens connections and logs in on them.
pub async fn connect(processes: &Processes, count: usize) -> Vec<(u64, Connection)> {
    let mut connections = Vec::new();
    for n in 0..count {
        let user = n as u64 % USERS;
        let connection = processes.door(0).connect().await.unwrap().with_deadline(PATIENCE);
        connection.request(&login(&connection, user, "password")).await.unwrap();
        connections.push((user, connection));
    }
    connections
}

/// Pays once.
pub async fn charge(connection: &Connection, user: u64, key: &str) {
    let Response::PaymentOpened { payment, .. } = connection.request(&begin(1, key)).await.unwrap() else { panic!() };
    let present = Request::PresentQr { payment, payload: payload_of(user), proof: PresentationProof::default() };
    let answer = connection.request(&present).await.unwrap();
    assert!(matches!(answer, Response::Charged(_)), "{answer:?}");
}

fn payload_of(user: u64) -> biopay_protocol::PayloadBytes {
    static PAYLOADS: std::sync::OnceLock<Vec<biopay_protocol::PayloadBytes>> = std::sync::OnceLock::new();
    PAYLOADS.get_or_init(|| (0..USERS).map(payload).collect())[user as usize].clone()
}

/// Says when a connection does something for the nth time.
#[derive(Clone, Copy)]
enum Load {
    /// All connections together so often a second, on a schedule: with room to spare, the server and the echo have the
    /// same to do and to wait for.
    PerSecond(u32),
    /// As soon as it can.
    Full,
}

impl Load {
    async fn wait(self, began: Instant, connection: usize, turn: usize) {
        if let Self::PerSecond(rate) = self {
            let number = (turn * CONNECTIONS + connection) as u32;
            tokio::time::sleep_until((began + Duration::from_secs(1) * number / rate).into()).await;
        }
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "at {rate}/s"),
            Self::Full => write!(f, "as fast as they can"),
        }
    }
}

/// Is processor time a charge in microseconds: the server's, and that of what it cannot do without.
struct Cost {
    server: f64,
    echo: f64,
    store: f64,
    /// How many of the store's commands shared a commit.
    group: usize,
}

/// Measures the server's processor time a charge, and its memory.
pub async fn processor_and_memory(round: usize) {
    let folder = tempfile::tempdir().unwrap();
    let processes = start(folder.path(), "memory-kib = 64\npasses = 1", "idle").await;
    let pid = processes.pid(0);
    let empty = resident_bytes(pid);
    pay_all(&connect(&processes, FEW).await, Load::Full, FILLING / FEW, "filling").await;
    let base = resident_bytes(pid);
    let connections = connect(&processes, CONNECTIONS).await;
    let connected = resident_bytes(pid);
    let (mut at_rates, mut full, mut filled) = (Vec::new(), Vec::new(), FILLING);
    for rate in [1_000, 2_000] {
        let load = Load::PerSecond(rate);
        at_rates.push((load, filled, server_cpu_us(pid, &connections, load, "rate").await));
        filled += CHARGES;
    }
    for turn in 0..FULL_TURNS {
        let (server, group) = server_cpu_us(pid, &connections, Load::Full, &format!("full-{turn}")).await;
        full.push(beside_peers(server, group, Load::Full, filled).await);
        filled += CHARGES;
    }
    let loaded = resident_bytes(pid);
    drop((connections, processes));
    for (load, filled, (server, group)) in at_rates {
        print_processor(round, load, &[beside_peers(server, group, load, filled).await]);
    }
    print_processor(round, Load::Full, &full);
    println!(
        "round {round}: memory: {:.1} MB with no connection, {:.1} MB after {FILLING} charges on {FEW} (asked for: at most \
         50 MB); then {:.1} kB a connection logged in, {:.1} kB after load (asked for: at most 60 kB); {:.1} MB in all",
        empty / 1e6,
        base / 1e6,
        (connected - base) / CONNECTIONS as f64 / 1e3,
        (loaded - base) / CONNECTIONS as f64 / 1e3,
        loaded / 1e6
    );
}

/// Pays on all connections; returns the server's processor time a charge, and the size of its store's groups.
async fn server_cpu_us(pid: u32, connections: &[(u64, Connection)], load: Load, name: &str) -> (f64, usize) {
    let (before, began) = (commits(&connections[0].1).await, cpu_seconds(pid));
    pay_all(connections, load, CHARGES_EACH, name).await;
    let took = cpu_seconds(pid) - began;
    let after = commits(&connections[0].1).await;
    (took * 1e6 / CHARGES as f64, ((after.0 - before.0) / (after.1 - before.1)).round() as usize)
}

async fn beside_peers(server: f64, group: usize, load: Load, filled: usize) -> Cost {
    Cost { server, echo: echo_cpu_us(load).await, store: raw_cpu_us(CHARGES, group, filled).await, group }
}

fn print_processor(round: usize, load: Load, turns: &[Cost]) {
    let mean = |part: fn(&Cost) -> f64| turns.iter().map(part).sum::<f64>() / turns.len() as f64;
    let (server, echo, store) = (mean(|turn| turn.server), mean(|turn| turn.echo), mean(|turn| turn.store));
    let groups = mean(|turn| turn.group as f64);
    println!(
        "round {round}: processor a durable charge over {CONNECTIONS} connections {load}: {server:.0} µs, quinn echo \
         {echo:.0} µs + store {store:.0} µs in the same groups of {groups:.0}: {:.2} (asked for: at most 1.50)",
        server / (echo + store)
    );
}

async fn pay_all(connections: &[(u64, Connection)], load: Load, turns: usize, name: &str) {
    let began = Instant::now();
    let paying = connections.iter().cloned().enumerate().map(|(n, (user, connection))| {
        let name = format!("{name}-{load}-{n}").replace(' ', "-");
        tokio::spawn(async move {
            for turn in 0..turns {
                load.wait(began, n, turn).await;
                charge(&connection, user, &format!("{name}-{turn}")).await;
            }
        })
    });
    for task in paying.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Asks the server how many commands its store has written, in how many commits.
async fn commits(connection: &Connection) -> (f64, f64) {
    let Response::Metrics { json } = connection.request(&Request::Metrics).await.unwrap() else { panic!() };
    let counters: serde_json::Value = serde_json::from_str(&json).unwrap();
    let count = |name: &str| counters["store"][name].as_f64().unwrap();
    (count("commands"), count("commits"))
}

/// Measures a plain quinn server's processor time for two exchanges of a charge's sizes.
async fn echo_cpu_us(load: Load) -> f64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(ECHO_ROLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (address, hex) = line.trim().split_once(' ').unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let certificate: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let config = tls::client_config(&[certificate.into()], &tls::TlsSources::system()).unwrap();
    let endpoint = socket::endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let connecting = endpoint.connect_with(config.clone(), address.parse().unwrap(), "localhost").unwrap();
        connections.push(connecting.await.unwrap());
    }
    let before = cpu_seconds(child.id());
    exchange_all(connections, load).await;
    let took = cpu_seconds(child.id()) - before;
    end(&mut child);
    took * 1e6 / CHARGES as f64
}

async fn exchange_all(connections: Vec<quinn::Connection>, load: Load) {
    let (sizes, began) = (sizes(), Instant::now());
    let asking = connections.into_iter().enumerate().map(|(n, connection)| {
        tokio::spawn(async move {
            for turn in 0..CHARGES_EACH {
                load.wait(began, n, turn).await;
                for (up, down) in sizes {
                    let (mut send, mut receive) = connection.open_bi().await.unwrap();
                    send.write_all(&vec![down as u8; up]).await.unwrap();
                    send.finish().unwrap();
                    receive.read_to_end(1_024).await.unwrap();
                }
            }
        })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Returns the lengths of a charge's two requests and their responses, with their prefixes.
fn sizes() -> [(usize, usize); 2] {
    let payment = PaymentId(u128::MAX);
    let begin = begin(1, "1000-10");
    let (Request::BeginPayment { amount, currency, .. }, payload) = (begin.clone(), payload_of(0)) else { panic!() };
    let (reference, approval) = ("ABCDEF123456".into(), "000001".into());
    let receipt = ChargeReceipt { payment, reference, approval, amount, currency };
    let opened = Response::PaymentOpened { payment, qr_tries: 3 };
    let length = |frame: Result<Vec<u8>, _>| frame.unwrap().len();
    [
        (length(codec::encode(&begin)), length(codec::encode(&opened))),
        (
            length(codec::encode(&Request::PresentQr { payment, payload, proof: PresentationProof::default() })),
            length(codec::encode(&Response::Charged(receipt))),
        ),
    ]
}

/// Answers every stream with as many bytes as its first byte says: no more than quinn itself.
pub async fn echo_server() {
    let identity = Identity::development().unwrap();
    let hex: String = identity.chain[0].iter().map(|byte| format!("{byte:02x}")).collect();
    let config = tls::server_config(identity, &Limits::default(), &tls::TlsSources::system()).unwrap();
    let endpoint = socket::endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_server_config(Some(config));
    println!("{} {hex}", endpoint.local_addr().unwrap());
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await.unwrap();
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    let request = receive.read_to_end(1_024).await.unwrap();
                    send.write_all(&vec![0; usize::from(request[0])]).await.unwrap();
                    send.finish().unwrap();
                });
            }
        });
    }
}
