//! The I/O side: connections to the server and the making of QRs. Commands go in, completions come out as events.

use crate::population::Population;
use crate::studio::CaptureKey;
use crate::time::SimTime;
use crate::world::event::EventKind;
use bevy_ecs::prelude::Entity;
use biopay_biometrics::scheme::{HelperData, SchemeId};
use biopay_protocol::qr::{Level, Symbol, read};
use biopay_protocol::{PayloadBytes, Request};
use biopay_server::client::Connection;
use biopay_server::env::Clock;
use rustls_pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Screen pixels that a module takes where a symbol is shown to a camera.
const MODULE_PIXELS: u8 = 4;

/// Asks the I/O side for something.
#[derive(Debug)]
pub enum Command {
    /// Open a connection for this handset.
    Connect {
        /// The handset.
        target: Entity,
    },
    /// Send a request on its connection.
    Send {
        /// The handset.
        target: Entity,
        /// The request.
        request: Request,
    },
    /// Make a QR.
    MakeQr {
        /// The handset.
        target: Entity,
        /// Of what, and how.
        job: QrJob,
    },
    /// Close its connection.
    Close {
        /// The handset.
        target: Entity,
    },
}

/// Says how a QR is to be made.
#[derive(Clone, Debug)]
pub struct QrJob {
    /// The account's scheme.
    pub scheme: SchemeId,
    /// What it is made of.
    pub source: QrSource,
    /// Whether its symbol is shown on a screen and read by a camera before it is presented.
    pub is_scanned: bool,
}

/// Says what a QR is made of.
#[derive(Clone)]
pub enum QrSource {
    /// The payload kept since enrolment.
    Stored(Vec<u8>),
    /// A capture and the helper data that the device has.
    Capture {
        /// Which capture.
        key: CaptureKey,
        /// The helper data.
        helper: HelperData,
    },
}

/// A stored payload may be a template, so it is never printed.
impl std::fmt::Debug for QrSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stored(_) => f.write_str("Stored"),
            Self::Capture { key, .. } => write!(f, "Capture({key:?})"),
        }
    }
}

/// Is what came of a [`QrJob`].
#[derive(Clone, Debug)]
pub struct Made {
    /// The payload as the till has it, or why there is none.
    pub payload: Result<PayloadBytes, NotMade>,
    /// How long each operation took.
    pub took: Vec<(&'static str, Duration)>,
}

/// Says why no QR was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// The sample gave no features.
    FailureToAcquire,
    /// The probe was too far from the reference.
    FailedToDerive,
    /// The symbol was too large to be shown, or was not read.
    SymbolNotRead,
}

/// Holds what quinn counted on a connection.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the network table")]
pub struct NetworkStatistics {
    pub profile: &'static str,
    pub handshake: Duration,
    pub round_trip: Duration,
    pub datagrams_sent: u64,
    pub datagrams_received: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_lost: u64,
}

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
        self.complete(target, EventKind::Connected { handshake });
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
        let config = biopay_server::tls::client_config(&self.server.trusted).ok()?;
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

/// Makes a QR: capture and derivation where it is not stored, then a real symbol, and the reading of it where a camera
/// scans it.
fn make_qr(population: &Population, job: &QrJob, clock: &dyn Clock) -> Made {
    let mut took = Vec::new();
    let payload =
        payload_bytes(population, job, clock, &mut took).and_then(|bytes| show(&bytes, job, clock, &mut took));
    Made { payload, took }
}

fn payload_bytes(
    population: &Population,
    job: &QrJob,
    clock: &dyn Clock,
    took: &mut Vec<(&'static str, Duration)>,
) -> Result<Vec<u8>, NotMade> {
    let (key, helper) = match &job.source {
        QrSource::Stored(bytes) => return Ok(bytes.clone()),
        QrSource::Capture { key, helper } => (*key, helper),
    };
    let captured = population.studio.capture(key).map_err(|_| NotMade::FailureToAcquire)?;
    took.extend(captured.extraction.map(|duration| ("extract", duration)));
    let template = captured.template.map_err(|_| NotMade::FailureToAcquire)?;
    let started = clock.elapsed();
    let derived = population.registry.scheme(job.scheme).derive(&template, helper, None);
    took.push(("derive", clock.elapsed() - started));
    derived.map(|payload| payload.to_bytes()).map_err(|_| NotMade::FailedToDerive)
}

fn show(
    bytes: &[u8],
    job: &QrJob,
    clock: &dyn Clock,
    took: &mut Vec<(&'static str, Duration)>,
) -> Result<PayloadBytes, NotMade> {
    let started = clock.elapsed();
    let symbol = Symbol::encode(bytes, Level::M).map_err(|_| NotMade::SymbolNotRead)?;
    took.push(("encode-symbol", clock.elapsed() - started));
    let bytes = if job.is_scanned {
        let started = clock.elapsed();
        let reading = read(&symbol.render(MODULE_PIXELS)).map_err(|_| NotMade::SymbolNotRead)?;
        took.push(("scan-symbol", clock.elapsed() - started));
        reading.payload
    } else {
        bytes.to_vec()
    };
    PayloadBytes::new(bytes).map_err(|_| NotMade::SymbolNotRead)
}
