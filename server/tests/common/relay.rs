//! A UDP relay between clients and a server that loses, doubles, delays and holds back datagrams.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// How often, in percent, a datagram meets each disturbance.
#[derive(Clone, Copy, Default)]
pub struct Disturbance {
    pub lost: u32,
    pub doubled: u32,
    /// Delayed by up to 20 ms, so that later datagrams overtake it.
    pub reordered: u32,
}

/// A relay; it ends with the runtime.
pub struct Relay {
    pub address: SocketAddr,
    held: watch::Sender<bool>,
}

impl Relay {
    pub async fn start(server: SocketAddr, disturbance: Disturbance, seed: u64) -> Self {
        let inside = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = inside.local_addr().unwrap();
        let (held, hold) = watch::channel(false);
        tokio::spawn(async move {
            let mut outsides: BTreeMap<SocketAddr, Outlet> = BTreeMap::new();
            let (mut buffer, mut seed) = ([0; 65_536], seed);
            loop {
                let Ok((length, client)) = inside.recv_from(&mut buffer).await else { return };
                if !outsides.contains_key(&client) {
                    seed += 2;
                    let outside = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                    let down = Outlet::new(inside.clone(), client, disturbance, seed, hold.clone());
                    tokio::spawn(carry_back(outside.clone(), down));
                    outsides.insert(client, Outlet::new(outside, server, disturbance, seed + 1, hold.clone()));
                }
                outsides.get_mut(&client).unwrap().pass(&buffer[..length]);
            }
        });
        Self { address, held }
    }

    /// Holds every datagram back for a while, and then lets all of them go at once: whoever sent them has sent their
    /// content again by then, in packets of its own.
    pub async fn hold_for(&self, duration: Duration) {
        self.held.send_replace(true);
        tokio::time::sleep(duration).await;
        self.held.send_replace(false);
    }
}

async fn carry_back(outside: Arc<UdpSocket>, mut down: Outlet) {
    let mut buffer = [0; 65_536];
    while let Ok((length, _)) = outside.recv_from(&mut buffer).await {
        down.pass(&buffer[..length]);
    }
}

/// One direction of one client's traffic.
struct Outlet {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    disturbance: Disturbance,
    rng: ChaCha8Rng,
    hold: watch::Receiver<bool>,
}

impl Outlet {
    fn new(
        socket: Arc<UdpSocket>,
        to: SocketAddr,
        disturbance: Disturbance,
        seed: u64,
        hold: watch::Receiver<bool>,
    ) -> Self {
        Self { socket, to, disturbance, rng: ChaCha8Rng::seed_from_u64(seed), hold }
    }

    fn pass(&mut self, datagram: &[u8]) {
        let mut happens = |percent: u32| self.rng.next_u32() % 100 < percent;
        let Disturbance { lost, doubled, reordered } = self.disturbance;
        let (lost, doubled, reordered) = (happens(lost), happens(doubled), happens(reordered));
        let delay = Duration::from_millis(u64::from(if reordered { 1 + self.rng.next_u32() % 20 } else { 0 }));
        for _ in 0..if lost { 0 } else { 1 + u32::from(doubled) } {
            let (socket, to, datagram, mut hold) = (self.socket.clone(), self.to, datagram.to_vec(), self.hold.clone());
            if delay.is_zero() && !*hold.borrow() && socket.try_send_to(&datagram, to).is_ok() {
                continue;
            }
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let _ = hold.wait_for(|held| !held).await;
                let _ = socket.send_to(&datagram, to).await;
            });
        }
    }
}
