//! The I/O side: connections to the server, and the making of QRs. Commands go in, completions come out as events.

pub mod driver;
mod qr;

use crate::network::ProfileId;
use crate::network::address::dialled_by;
use crate::people::population::Population;
use crate::scenario::ServiceModel;
use crate::time::SimTime;
use crate::world::command::{Command, NetworkStatistics, QrJob};
use crate::world::event::{Completion, EventKind, Links};
use bevy_ecs::prelude::Entity;
use biopay_protocol::Request;
use biopay_server::client::{ClientError, Connection};
use biopay_server::env::Clock;
use qr::{Timing, make_qr};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The channel for completions to the loop that runs the world: in a task, or in a thread, which can sleep more
/// exactly.
#[derive(Clone, Debug)]
pub enum CompletionSender {
    /// To a task.
    Task(UnboundedSender<Completion>),
    /// To a thread.
    Thread(std::sync::mpsc::Sender<Completion>),
}

impl CompletionSender {
    /// Delivers a completion. The receiver is dropped only after the end of the run, when completions are no longer
    /// needed.
    fn deliver(&self, completion: Completion) {
        match self {
            Self::Task(sender) => drop(sender.send(completion)),
            Self::Thread(sender) => drop(sender.send(completion)),
        }
    }
}

/// The way in which handsets reach the server.
#[derive(Clone, Debug)]
pub enum ServerAddress {
    /// Over real sockets, shared by handsets in turn or one for each connection.
    Wall {
        /// The shared sockets; if empty, every connection opens its own.
        endpoints: Vec<quinn::Endpoint>,
        /// The trusted certificates and the transport settings of handsets.
        config: quinn::ClientConfig,
        /// The address.
        address: SocketAddr,
        /// The name in the server's certificate.
        name: String,
    },
    /// Over the simulated network, on which each handset has its own address.
    Virtual {
        /// The handsets' end of the network.
        endpoint: quinn::Endpoint,
        /// The trusted certificates and the transport settings of handsets.
        config: quinn::ClientConfig,
        /// The name in the server's certificate.
        name: String,
    },
}

/// The way in which QRs are made, and how long it takes.
#[derive(Clone, Debug)]
pub enum QrMaking {
    /// On threads of this machine, with their measured times.
    Threads,
    /// On the run's thread; every operation takes the model's time.
    Modelled(Arc<ServiceModel>),
}

/// The I/O side, which carries out commands.
pub struct Io {
    shared: Arc<Shared>,
    connections: BTreeMap<Entity, UnboundedSender<Request>>,
    opened: usize,
}

struct Shared {
    clock: Arc<dyn Clock>,
    server: ServerAddress,
    making: QrMaking,
    links: Links,
    population: Arc<Population>,
    post: CompletionSender,
    /// The connections that had no socket, for want of descriptors or ports of this machine.
    without_socket: AtomicU64,
}

impl Io {
    /// Sets up the I/O side. Completions are sent through `post`, which closes when no command is under way any more.
    pub fn new(
        clock: Arc<dyn Clock>,
        server: ServerAddress,
        making: QrMaking,
        links: Links,
        population: Arc<Population>,
        post: CompletionSender,
    ) -> Self {
        let shared =
            Arc::new(Shared { clock, server, making, links, population, post, without_socket: AtomicU64::new(0) });
        Self { shared, connections: BTreeMap::new(), opened: 0 }
    }

    /// Starts to carry out a command.
    pub fn submit(&mut self, command: Command) {
        match command {
            Command::Connect { target, handset } => {
                let (sender, requests) = unbounded_channel();
                self.connections.insert(target, sender);
                let dialler = Dialler { target, handset, turn: self.opened };
                self.opened += 1;
                tokio::spawn(self.shared.clone().hold_connection(dialler, requests));
            }
            Command::Send { target, request } => {
                let sent = self.connections.get(&target).is_some_and(|c| c.send(request).is_ok());
                if !sent {
                    self.shared.complete(target, EventKind::Lost);
                }
            }
            Command::MakeQr { target, job } => self.make_qr(target, job),
            Command::Close { target } => drop(self.connections.remove(&target)),
        }
    }

    fn make_qr(&self, target: Entity, job: QrJob) {
        let shared = self.shared.clone();
        match self.shared.making.clone() {
            QrMaking::Threads => rayon::spawn(move || {
                let made = make_qr(&shared.population, &job, &Timing::Measured(shared.clock.as_ref()));
                shared.complete(target, EventKind::QrMade(made));
            }),
            QrMaking::Modelled(model) => {
                tokio::spawn(async move {
                    let made = make_qr(&shared.population, &job, &Timing::Modelled(&model));
                    shared.clock.sleep(made.took.iter().map(|(_, took)| *took).sum()).await;
                    shared.complete(target, EventKind::QrMade(made));
                });
            }
        }
    }

    /// Closes every connection, waits until quinn has said so, and returns how many connections had no socket.
    pub async fn finish(mut self) -> u64 {
        self.connections.clear();
        for endpoint in self.shared.server.endpoints() {
            endpoint.close(0_u32.into(), b"");
            endpoint.wait_idle().await;
        }
        self.shared.without_socket.load(Ordering::Relaxed)
    }
}

impl ServerAddress {
    fn endpoints(&self) -> &[quinn::Endpoint] {
        match self {
            Self::Wall { endpoints, .. } => endpoints,
            Self::Virtual { endpoint, .. } => std::slice::from_ref(endpoint),
        }
    }

    async fn dial(&self, dialler: Dialler, without_socket: &AtomicU64) -> Result<Connection, ClientError> {
        match self {
            Self::Wall { endpoints, config, address, name } => {
                let own;
                let endpoint = match endpoints.len() {
                    0 => {
                        own = own_endpoint(*address).inspect_err(|_| {
                            without_socket.fetch_add(1, Ordering::Relaxed);
                        })?;
                        &own
                    }
                    shared => &endpoints[dialler.turn % shared],
                };
                Connection::connect(endpoint, config.clone(), *address, name).await
            }
            Self::Virtual { endpoint, config, name } => {
                Connection::connect(endpoint, config.clone(), dialled_by(dialler.handset), name).await
            }
        }
    }
}

/// Opens a socket that one connection uses alone.
fn own_endpoint(server: SocketAddr) -> Result<quinn::Endpoint, ClientError> {
    let failed = |_| ClientError::Connect(quinn::ConnectError::EndpointStopping);
    quinn::Endpoint::client(any_port(server)).map_err(failed)
}

/// Returns the address to bind for reaching a server: of the same family, and a loopback address for a local server.
pub fn any_port(server: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match server.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, 0)
}

/// The handset that connects.
#[derive(Clone, Copy)]
struct Dialler {
    target: Entity,
    handset: u32,
    /// The number of connections made before.
    turn: usize,
}

impl Shared {
    fn complete(&self, target: Entity, kind: EventKind) {
        self.post.deliver(Completion { at: SimTime::since_start(self.clock.elapsed()), target, kind });
    }

    /// Connects, answers requests until the handset closes, and reports the connection's statistics.
    async fn hold_connection(self: Arc<Self>, dialler: Dialler, mut requests: UnboundedReceiver<Request>) {
        let (started, target) = (self.clock.elapsed(), dialler.target);
        let Ok(connection) = self.server.dial(dialler, &self.without_socket).await else {
            return self.complete(target, EventKind::Lost);
        };
        let connection = connection.with_clock(self.clock.clone());
        let handshake = self.clock.elapsed() - started;
        self.complete(target, EventKind::Connected { handshake, channel: connection.channel() });
        while let Some(request) = self.next_request(&connection, target, &mut requests).await {
            let sent = self.clock.elapsed();
            let kind = match connection.request(&request).await {
                Ok(response) => EventKind::Answered { response, latency: self.clock.elapsed() - sent },
                Err(_) => EventKind::Lost,
            };
            self.complete(target, kind);
        }
        let statistics = statistics(&connection, handshake, self.profile_of(dialler.handset));
        connection.close();
        self.complete(target, EventKind::Closed(statistics));
    }

    /// Waits for the handset's next request; `None` when the handset has closed. A connection that ends meanwhile is
    /// reported once, and the wait continues.
    async fn next_request(
        &self,
        connection: &Connection,
        target: Entity,
        requests: &mut UnboundedReceiver<Request>,
    ) -> Option<Request> {
        let is_open = connection.quic().close_reason().is_none();
        tokio::select! {
            biased;
            request = requests.recv() => return request,
            _ = connection.quic().closed(), if is_open => self.complete(target, EventKind::Dropped),
        }
        requests.recv().await
    }

    fn profile_of(&self, handset: u32) -> &'static str {
        let now = self.clock.elapsed().as_nanos() as u64;
        let link = self.links.0.as_ref().and_then(|links| links.get(&handset));
        link.map_or(ProfileId::Loopback, |link| link.at(now).id).name()
    }
}

fn statistics(connection: &Connection, handshake: Duration, profile: &'static str) -> NetworkStatistics {
    let stats = connection.quic().stats();
    NetworkStatistics {
        profile,
        handshake,
        round_trip: connection.quic().rtt(),
        datagrams_sent: stats.udp_tx.datagrams,
        datagrams_received: stats.udp_rx.datagrams,
        bytes_sent: stats.udp_tx.bytes,
        bytes_received: stats.udp_rx.bytes,
        packets_lost: stats.path.lost_packets,
    }
}
