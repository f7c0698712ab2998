//! What QUIC is allowed to do, seen on the wire: address validation, no 0-RTT, logins bound to their connection.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::{ALPN, Refusal, Request, Response};
use biopay_server::config::Limits;
use common::*;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UdpSocket;

/// What a wire has seen of QUIC version 1 packets with long headers (RFC 9000, section 17.2).
#[derive(Default)]
struct Seen {
    retries: AtomicU64,
    /// Packets from the client.
    passed: AtomicU64,
    /// Whether nothing of the client's gets through after its first packet.
    is_deaf: AtomicBool,
    first_initial: Mutex<Vec<u8>>,
}

impl Seen {
    fn look(&self, packet: &[u8], towards_server: bool) {
        let is_version_1 = packet.len() > 5 && packet[0] & 0x80 != 0 && packet[1..5] == [0, 0, 0, 1];
        match (packet.first().map(|byte| byte >> 4 & 3), towards_server) {
            (Some(3), false) if is_version_1 => drop(self.retries.fetch_add(1, Ordering::Relaxed)),
            (Some(0), true) if is_version_1 => {
                let mut first = self.first_initial.lock().unwrap();
                if first.is_empty() {
                    *first = packet.to_vec();
                }
            }
            _ => {}
        }
    }
}

/// Is a wire between one client and the server, which somebody looks at.
async fn wire(server: SocketAddr) -> (SocketAddr, Arc<Seen>) {
    let inside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let outside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (inside.local_addr().unwrap(), Arc::new(Seen::default()));
    let watching = seen.clone();
    tokio::spawn(async move {
        let (mut client, mut up, mut down) = (None, [0; 65_536], [0; 65_536]);
        loop {
            tokio::select! {
                Ok((length, from)) = inside.recv_from(&mut up) => {
                    client = Some(from);
                    watching.look(&up[..length], true);
                    let is_first = watching.passed.fetch_add(1, Ordering::Relaxed) == 0;
                    if watching.is_deaf.load(Ordering::Relaxed) && !is_first {
                        continue;
                    }
                    let _ = outside.send_to(&up[..length], server).await;
                }
                Ok((length, _)) = outside.recv_from(&mut down) => {
                    watching.look(&down[..length], false);
                    let Some(client) = client else { continue };
                    let _ = inside.send_to(&down[..length], client).await;
                }
            }
        }
    });
    (address, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_threshold_an_address_proves_itself_by_a_stateless_retry() {
    let limits = Limits { retry_above: 2, ..Limits::default() };
    let system = System::start(Setup { limits, ..Setup::default() }).await;
    let (below, seen_below) = wire(system.address).await;
    let first = system.connect_to(below).await.unwrap();
    assert_eq!(seen_below.retries.load(Ordering::Relaxed), 0, "a retry below the threshold");
    let second = system.connect().await;
    let (above, seen_above) = wire(system.address).await;
    let third = system.connect_to(above).await.unwrap();
    assert_eq!(seen_above.retries.load(Ordering::Relaxed), 1, "no retry above the threshold");
    for connection in [&first, &second, &third] {
        assert_eq!(connection.request(&Request::Logout).await.unwrap(), Response::LoggedOut);
    }
    let before = system.service.metrics().snapshot(system.service.env());
    assert_eq!((before.connections_open, before.connections_retried), (3, 1));

    // Somebody who only says to be at an address gets a retry, smaller than what was sent, and no place.
    let initial = seen_above.first_initial.lock().unwrap().clone();
    let liar = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut answer = [0; 65_536];
    for _ in 0..50 {
        liar.send_to(&initial, system.address).await.unwrap();
        let length = tokio::time::timeout(Duration::from_secs(5), liar.recv(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer[0] >> 4 & 0b1011, 0b1011, "not a retry");
        assert!(length < initial.len(), "{length} bytes for {}", initial.len());
    }
    let after = system.service.metrics().snapshot(system.service.env());
    assert_eq!((after.connections_total, after.connections_retried), (before.connections_total, 51));
    drop((first, second));
}

/// Makes a client that sends early data as soon as a server lets it.
fn eager_client(chain: &[CertificateDer<'static>]) -> quinn::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    chain.iter().for_each(|certificate| roots.add(certificate.clone()).unwrap());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let mut tls = builder
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.enable_early_data = true;
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

/// Connects, waits for the session tickets, and connects again; says whether early data was sent and accepted.
async fn sends_early_data(config: &quinn::ClientConfig, address: SocketAddr) -> bool {
    let client = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let first = client.connect_with(config.clone(), address, "localhost").unwrap().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.close(0_u32.into(), b"");
    let early = client.connect_with(config.clone(), address, "localhost").unwrap().into_0rtt();
    match early {
        Ok((connection, accepted)) => {
            let (mut send, _) = connection.open_bi().await.unwrap();
            send.write_all(b"early").await.unwrap();
            accepted.await
        }
        Err(connecting) => {
            connecting.await.unwrap();
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_can_send_early_data() {
    let system = System::start(Setup::default()).await;
    assert!(!sends_early_data(&eager_client(system.chain()), system.address).await);

    // The same client, and a server that lets it: the test would notice.
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let chain = vec![certificate.der().clone()];
    let private = rustls_pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap().with_no_client_auth();
    let mut tls = builder.with_single_cert(chain.clone(), private).unwrap();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.max_early_data_size = u32::MAX;
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let lax = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = lax.local_addr().unwrap();
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Some(incoming) = lax.accept().await {
            connections.push(incoming.await);
        }
    });
    assert!(sends_early_data(&eager_client(&chain), address).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_for_another_connection_is_refused() {
    let system = System::start(Setup::default()).await;
    drop(system.user(1).await);
    let (mine, other) = (system.connect().await, system.connect().await);
    assert_ne!(mine.channel(), other.channel());
    let carried = login(&other, 1, "password");
    assert_eq!(mine.request(&carried).await.unwrap(), Response::Refused(Refusal::WrongChannel));
    assert_eq!(mine.request(&begin(1, "k")).await.unwrap(), Response::Refused(Refusal::NotLoggedIn));
    // It counts against nobody, and the connection that it is for takes it.
    assert!(matches!(other.request(&carried).await.unwrap(), Response::LoggedIn { .. }));
    assert_eq!(mine.request(&begin(1, "k")).await.unwrap(), Response::Refused(Refusal::NotLoggedIn));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_stalls_is_given_up() {
    let limits = Limits { handshake_ms: 300, idle_ms: 60_000, ..Limits::default() };
    let system = System::start(Setup { limits, ..Setup::default() }).await;
    let (address, seen) = wire(system.address).await;
    seen.is_deaf.store(true, Ordering::Relaxed);
    // The handset may think that it is connected: the server has said all that it had to.
    let stalled = tokio::time::timeout(Duration::from_secs(1), system.connect_to(address)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(stalled);
    let counts = system.service.metrics().snapshot(system.service.env());
    assert_eq!((counts.handshakes_timed_out, counts.connections_total), (1, 0));
    assert!(matches!(system.connect().await.request(&Request::Logout).await.unwrap(), Response::LoggedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn qlog_is_a_file_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let system = System::start(Setup { qlog: Some(folder.path().into()), ..Setup::default() }).await;
    let user = system.user(1).await;
    assert!(matches!(pay(&user, 10, "k", 1).await, Response::Charged(_)));
    user.close();
    drop(user);
    system.stop().await;
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "registration and payment had a connection each");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // JSON text sequences (RFC 7464): a record separator before each, and never what was said.
        let events: Vec<serde_json::Value> = text
            .split('\u{1e}')
            .filter(|record| !record.trim().is_empty())
            .map(|record| serde_json::from_str(record).unwrap())
            .collect();
        assert!(events.len() > 5, "{} events", events.len());
        assert!(!text.contains("password"));
    }
}
