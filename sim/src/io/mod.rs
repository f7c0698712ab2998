//! The I/O side: connections to the server and the making of QRs. Commands go in, completions come out as events.

pub mod command;
mod qr;

pub use command::{Command, Made, NetworkStatistics, NotMade, QrJob, QrSource};

use crate::population::Population;
use crate::time::SimTime;
use crate::world::event::EventKind;
use bevy_ecs::prelude::Entity;
use biopay_protocol::Request;
use biopay_server::client::Connection;
use biopay_server::env::Clock;
use qr::make_qr;
use rustls_pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Is an event that the I/O side reports.
#[derive(Debug)]
pub struct Completion {
    /// When it happened.
    pub at: SimTime,
    /// To which handset.
    pub target: Entity,
    /// What.
    pub kind: EventKind,
}

/// Says where the server is, and how to trust it.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    /// The address.
    pub address: SocketAddr,
    /// The name in its certificate.
    pub name: String,
    /// The certificates to trust.
    pub trusted: Vec<CertificateDer<'static>>,
}

/// Carries out commands.
pub struct Io {
    shared: Arc<Shared>,
    connections: BTreeMap<Entity, UnboundedSender<Request>>,
    opened: usize,
}

struct Shared {
    clock: Arc<dyn Clock>,
    endpoints: Vec<quinn::Endpoint>,
    server: ServerAddress,
    population: Arc<Population>,
    completions: UnboundedSender<Completion>,
}

impl Io {
    /// Sets up the I/O side; handsets share the endpoints in turn. Completions arrive on the returned channel.
    pub fn new(
        clock: Arc<dyn Clock>,
        endpoints: Vec<quinn::Endpoint>,
        server: ServerAddress,
        population: Arc<Population>,
    ) -> (Self, UnboundedReceiver<Completion>) {
        let (completions, receiver) = unbounded_channel();
        let shared = Arc::new(Shared { clock, endpoints, server, population, completions });
        (Self { shared, connections: BTreeMap::new(), opened: 0 }, receiver)
    }

    /// Begins to carry a command out.
    pub fn submit(&mut self, command: Command) {
        match command {
            Command::Connect { target } => {
                let (sender, requests) = unbounded_channel();
                self.connections.insert(target, sender);
                let endpoint = self.opened % self.shared.endpoints.len();
                self.opened += 1;
                tokio::spawn(self.shared.clone().hold_connection(target, endpoint, requests));
            }
            Command::Send { target, request } => {
                let sent = self.connections.get(&target).is_some_and(|c| c.send(request).is_ok());
                if !sent {
                    self.shared.complete(target, EventKind::Lost);
                }
            }
            Command::MakeQr { target, job } => {
                let shared = self.shared.clone();
                rayon::spawn(move || {
                    let made = make_qr(&shared.population, &job, shared.clock.as_ref());
                    shared.complete(target, EventKind::QrMade(made));
                });
            }
            Command::Close { target } => drop(self.connections.remove(&target)),
        }
    }

    /// Closes every connection and waits until quinn has said so.
    pub async fn finish(mut self) {
        self.connections.clear();
        for endpoint in &self.shared.endpoints {
            endpoint.close(0_u32.into(), b"");
            endpoint.wait_idle().await;
        }
    }
}

impl Shared {
    fn complete(&self, target: Entity, kind: EventKind) {
        let at = SimTime::since_start(self.clock.elapsed());
        // The receiver is gone only when the run has ended, and then nobody wants to know.
        drop(self.completions.send(Completion { at, target, kind }));
    }

    /// Connects, answers requests until the handset closes, and reports the connection's statistics.
    async fn hold_connection(
        self: Arc<Self>,
        target: Entity,
        endpoint: usize,
        mut requests: UnboundedReceiver<Request>,
    ) {
        let started = self.clock.elapsed();
        let Some(connection) = self.connect(endpoint).await else {
            return self.complete(target, EventKind::Lost);
        };
        let handshake = self.clock.elapsed() - started;
        self.complete(target, EventKind::Connected { handshake, channel: connection.channel() });
        while let Some(request) = requests.recv().await {
            let sent = self.clock.elapsed();
            let kind = match connection.request(&request).await {
                Ok(response) => EventKind::Answered { response, latency: self.clock.elapsed() - sent },
                Err(_) => EventKind::Lost,
            };
            self.complete(target, kind);
        }
        let statistics = statistics(&connection, handshake);
        connection.close();
        self.complete(target, EventKind::Closed(statistics));
    }

    /// A client configuration of its own for each connection: a shared one would share session tickets, and handsets
    /// do not know each other.
    async fn connect(&self, endpoint: usize) -> Option<Connection> {
        let config = biopay_server::tls::client_config(&self.server.trusted, &biopay_server::tls::TlsSources::system()).ok()?;
        Connection::connect(&self.endpoints[endpoint], config, self.server.address, &self.server.name).await.ok()
    }
}

fn statistics(connection: &Connection, handshake: Duration) -> NetworkStatistics {
    let stats = connection.quic().stats();
    NetworkStatistics {
        profile: "loopback",
        handshake,
        round_trip: connection.quic().rtt(),
        datagrams_sent: stats.udp_tx.datagrams,
        datagrams_received: stats.udp_rx.datagrams,
        bytes_sent: stats.udp_tx.bytes,
        bytes_received: stats.udp_rx.bytes,
        packets_lost: stats.path.lost_packets,
    }
}
