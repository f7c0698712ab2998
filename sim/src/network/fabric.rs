//! The simulated network, which takes datagrams at either end, moves them hop by hop, and keeps them until they are
//! received.

use super::address;
use super::link::{Fate, Link};
use super::mobility::Itinerary;
use super::profile::ProfileId;
use super::stations::Stations;
use super::weather::Weather;
use crate::time::Nanos;
use biopay_datasets::stream::stream;
use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};
use std::io::IoSliceMut;
use std::task::{Poll, Waker};
use std::time::Duration;

/// The ends of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The endpoint that all handsets share.
    Handsets,
    /// The server's endpoint.
    Server,
}

/// A datagram on its way.
#[derive(Debug)]
pub struct Packet {
    handset: u32,
    hop: Hop,
    ecn: Option<EcnCodepoint>,
    bytes: Vec<u8>,
}

/// The next stop of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    /// At the server's machine, before its processing.
    ServerDoor,
    /// With the server.
    Server,
    /// Out of the server's machine.
    ServerLeft,
    /// At the cell that sends it to the handset.
    Cell,
    /// With the handset.
    Handset,
}

/// The server's machine, with the network costs of its processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Host {
    /// Its processor cores.
    pub cores: usize,
    /// The processor time for a datagram, in or out.
    pub datagram: Duration,
    /// The additional processor time for a handshake.
    pub handshake: Duration,
    /// The delay between a datagram's arrival and its processing, without processor time.
    pub wakeup: Duration,
}

/// The traffic of one link profile in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of datagrams handed to the link.
    pub sent: u64,
    /// The number of datagrams lost on the way.
    pub lost: u64,
    /// The number of datagrams dropped by a full queue.
    pub dropped: u64,
    /// Bytes handed to the link, without headers.
    pub bytes: u64,
}

/// The simulated network of all handsets and one server.
pub struct Fabric {
    handsets: Vec<Access>,
    host: Host,
    stations: Stations,
    to_server: Inbox,
    to_handsets: Inbox,
    traffic: BTreeMap<(ProfileId, &'static str), Traffic>,
    tap: Option<Tap>,
    /// Whether nobody receives at the server's address.
    is_server_down: bool,
}

/// The recording of one handset's datagrams.
struct Tap {
    handset: u32,
    datagrams: Vec<Vec<u8>>,
}

/// One handset's access to the network.
struct Access {
    itinerary: Itinerary,
    up: Link,
    down: Link,
    /// The instant until which the server has processed the handset's datagrams.
    seen_until: Nanos,
    /// Whether everything sent to the handset is lost.
    is_deaf: bool,
    weather: Weather,
    /// The draws of the weather.
    sky: ChaCha8Rng,
}

#[derive(Default)]
struct Inbox {
    packets: VecDeque<Box<Packet>>,
    waker: Option<Waker>,
}

/// A function that puts a packet on the timeline.
type Later<'a> = &'a mut dyn FnMut(Nanos, Box<Packet>);

impl Fabric {
    /// Builds the network: a handset for each itinerary, in order, and a server's machine.
    pub fn new(seed: u64, itineraries: impl IntoIterator<Item = (u32, Itinerary)>, host: Host) -> Self {
        let mut handsets: Vec<Access> = Vec::new();
        for (handset, itinerary) in itineraries {
            // Handsets of another shard have no link here, and never send.
            while handsets.len() < handset as usize {
                let index = handsets.len() as u64;
                handsets.push(Access::new(seed, index, Itinerary::fixed(ProfileId::Loopback)));
            }
            handsets.push(Access::new(seed, u64::from(handset), itinerary));
        }
        Self {
            handsets,
            host,
            stations: Stations::new(host.cores),
            to_server: Inbox::default(),
            to_handsets: Inbox::default(),
            traffic: BTreeMap::new(),
            tap: None,
            is_server_down: false,
        }
    }

    /// Closes the server's socket: what has arrived and what arrives is lost, until [`Self::open_server`].
    pub fn close_server(&mut self) {
        self.is_server_down = true;
        self.to_server = Inbox::default();
    }

    /// Opens a socket at the server's address again.
    pub fn open_server(&mut self) {
        self.is_server_down = false;
    }

    /// Returns what goes wrong on a handset's way, to be changed.
    pub fn weather(&mut self, handset: u32) -> Option<&mut Weather> {
        self.handsets.get_mut(handset as usize).map(|access| &mut access.weather)
    }

    /// Cuts a handset's downlink permanently: what is sent to it is lost, as at a forged sender address.
    pub fn deafen(&mut self, handset: u32) {
        self.handsets[handset as usize].is_deaf = true;
    }

    /// Starts to record a handset's datagrams.
    pub fn tap(&mut self, handset: u32) {
        self.tap = Some(Tap { handset, datagrams: Vec::new() });
    }

    /// Ends the recording and returns it.
    pub fn untap(&mut self) -> Vec<Vec<u8>> {
        self.tap.take().map(|tap| tap.datagrams).unwrap_or_default()
    }

    /// Builds a network without handsets.
    pub fn silent() -> Self {
        let zero = Duration::ZERO;
        let host = Host { cores: 1, datagram: zero, handshake: zero, wakeup: zero };
        Self::new(0, [], host)
    }

    /// Returns the profile of a handset's link at an instant.
    pub fn profile_of(&self, handset: u32, now: Nanos) -> Option<ProfileId> {
        Some(self.handsets.get(handset as usize)?.itinerary.at(now).id)
    }

    /// Returns what each profile carried, by direction: `up` or `down`.
    pub fn traffic(&self) -> &BTreeMap<(ProfileId, &'static str), Traffic> {
        &self.traffic
    }

    /// Takes a datagram at one end. A datagram to an unknown address is lost, as on any network.
    pub(crate) fn send(&mut self, now: Nanos, from: End, transmit: &Transmit<'_>, later: Later<'_>) {
        let Some(handset) = address::handset_of(transmit.destination) else { return };
        if handset as usize >= self.handsets.len() {
            return;
        }
        for bytes in transmit.contents.chunks(transmit.segment_size.unwrap_or(usize::MAX)) {
            if let Some(tap) = self.tap.as_mut().filter(|tap| tap.handset == handset && from == End::Handsets) {
                tap.datagrams.push(bytes.to_vec());
            }
            let packet = |hop| Box::new(Packet { handset, hop, ecn: transmit.ecn, bytes: bytes.to_vec() });
            match from {
                End::Handsets => self.uplink(now, packet(Hop::ServerDoor), later),
                End::Server => {
                    let done = self.work(now, self.host.datagram);
                    later(done, packet(Hop::ServerLeft));
                }
            }
        }
    }

    /// Moves a datagram to its next stop; returns the task to wake when it has arrived.
    pub(crate) fn arrive(&mut self, now: Nanos, mut packet: Box<Packet>, later: Later<'_>) -> Option<Waker> {
        match packet.hop {
            Hop::ServerDoor => {
                let is_first = begins_a_connection(&packet.bytes);
                let handshake = if is_first { self.host.handshake } else { Duration::ZERO };
                packet.hop = Hop::Server;
                let done = self.work(now, self.host.datagram + handshake) + self.host.wakeup.as_nanos() as Nanos;
                // One task looks at a connection's datagrams, in their order, however many cores there are.
                let access = &mut self.handsets[packet.handset as usize];
                access.seen_until = access.seen_until.max(done);
                later(access.seen_until, packet);
                None
            }
            Hop::Server if self.is_server_down => None,
            Hop::Server => self.to_server.put(packet),
            Hop::ServerLeft => {
                packet.hop = Hop::Cell;
                let delay = self.handsets[packet.handset as usize].itinerary.at(now).down.delay;
                later(now + delay.as_nanos() as Nanos, packet);
                None
            }
            Hop::Cell => {
                self.downlink(now, packet, later);
                None
            }
            Hop::Handset => self.to_handsets.put(packet),
        }
    }

    /// Fetches what has arrived at an end.
    pub(crate) fn receive(
        &mut self,
        at: End,
        waker: &Waker,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        let inbox = match at {
            End::Handsets => &mut self.to_handsets,
            End::Server => &mut self.to_server,
        };
        let mut received = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            let Some(packet) = inbox.packets.pop_front() else { break };
            let from = match at {
                End::Handsets => address::dialled_by(packet.handset),
                End::Server => self.handsets[packet.handset as usize].address(packet.handset),
            };
            *meta = deliver(&packet.bytes, from, packet.ecn, buffer);
            received += 1;
        }
        if received > 0 {
            return Poll::Ready(received);
        }
        inbox.waker = Some(waker.clone());
        Poll::Pending
    }

    fn work(&mut self, now: Nanos, takes: Duration) -> Nanos {
        self.stations.take(now, takes.as_nanos() as Nanos).1
    }

    fn uplink(&mut self, now: Nanos, packet: Box<Packet>, later: Later<'_>) {
        let access = &mut self.handsets[packet.handset as usize];
        let profile = access.itinerary.at(now);
        let fate = access.up.pass(&profile.up, profile.handover, profile.outage, now, packet.bytes.len());
        let id = profile.id;
        self.count(id, "up", &packet, fate);
        if let Fate::Arrives(at) = fate {
            self.handsets[packet.handset as usize].hand_on(at, packet, later);
        }
    }

    /// Sends over the radio, after the delay of the way to the cell.
    fn downlink(&mut self, now: Nanos, mut packet: Box<Packet>, later: Later<'_>) {
        let access = &mut self.handsets[packet.handset as usize];
        let profile = access.itinerary.at(now);
        let radio = super::profile::Direction { delay: Duration::ZERO, ..profile.down };
        let fate = access.down.pass(&radio, profile.handover, profile.outage, now, packet.bytes.len());
        let id = profile.id;
        self.count(id, "down", &packet, fate);
        let hears = !self.handsets[packet.handset as usize].is_deaf;
        if let (Fate::Arrives(at), true) = (fate, hears) {
            packet.hop = Hop::Handset;
            self.handsets[packet.handset as usize].hand_on(at, packet, later);
        }
    }

    fn count(&mut self, profile: ProfileId, direction: &'static str, packet: &Packet, fate: Fate) {
        let traffic = self.traffic.entry((profile, direction)).or_default();
        traffic.sent += 1;
        traffic.bytes += packet.bytes.len() as u64;
        traffic.lost += u64::from(fate == Fate::Lost);
        traffic.dropped += u64::from(fate == Fate::Dropped);
    }
}

impl Access {
    fn new(seed: u64, handset: u64, itinerary: Itinerary) -> Self {
        let link = |name| Link::new(stream(seed, name, handset));
        Self {
            itinerary,
            up: link("sim/uplink"),
            down: link("sim/downlink"),
            seen_until: 0,
            is_deaf: false,
            weather: Weather::default(),
            sky: stream(seed, "sim/weather", handset),
        }
    }

    /// Puts what the weather leaves of a packet on the timeline.
    fn hand_on(&mut self, at: Nanos, packet: Box<Packet>, later: Later<'_>) {
        if self.weather == Weather::default() {
            return later(at, packet);
        }
        let Packet { handset, hop, ecn, ref bytes } = *packet;
        let is_cut = if hop == Hop::Handset { self.weather.cut_down } else { self.weather.cut_up };
        for (delay, bytes) in self.weather.pass(is_cut, bytes, &mut self.sky) {
            later(at + delay, Box::new(Packet { handset, hop, ecn, bytes }));
        }
    }

    /// Returns the handset's address as the server sees it.
    fn address(&self, handset: u32) -> std::net::SocketAddr {
        let mut address = address::of_handset(handset);
        address.set_port(address.port() + self.weather.rebound);
        address
    }
}

impl Inbox {
    fn put(&mut self, packet: Box<Packet>) -> Option<Waker> {
        self.packets.push_back(packet);
        self.waker.take()
    }
}

/// Returns whether a datagram from a client begins a connection: its first packet is an Initial one that carries a
/// whole hello, with the padding to 1,200 bytes (RFC 9000, 14.1 and 17.2.2). A client's later Initial packets only
/// acknowledge, and share their datagram with packets of the handshake.
fn begins_a_connection(bytes: &[u8]) -> bool {
    const LONG_HEADER_INITIAL: u8 = 0b1100_0000;
    const TYPE: u8 = 0b1111_0000;
    const VERSION_END: usize = 5;
    const HELLO_MIN: usize = 1_000;
    let is_initial = bytes.first().is_some_and(|first| first & TYPE == LONG_HEADER_INITIAL);
    let length = || {
        let mut at = VERSION_END;
        for _id in ["destination", "source"] {
            at += 1 + usize::from(*bytes.get(at)?);
        }
        let (token, at) = variable_integer(bytes, at)?;
        variable_integer(bytes, at.checked_add(token)?).map(|(length, _)| length)
    };
    is_initial && length().is_some_and(|length| length >= HELLO_MIN)
}

/// Reads an integer of variable length (RFC 9000, 16) and returns it with the offset after it.
fn variable_integer(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *bytes.get(at)?;
    let end = at + (1 << (first >> 6));
    let rest = bytes.get(at + 1..end)?;
    let value = rest.iter().fold(usize::from(first & 0b0011_1111), |value, &byte| value << 8 | usize::from(byte));
    Some((value, end))
}

/// Copies a packet into a receive buffer; returns its description.
fn deliver(bytes: &[u8], from: std::net::SocketAddr, ecn: Option<EcnCodepoint>, buffer: &mut [u8]) -> RecvMeta {
    let len = bytes.len().min(buffer.len());
    buffer[..len].copy_from_slice(&bytes[..len]);
    let mut meta = RecvMeta::default();
    (meta.addr, meta.len, meta.stride, meta.ecn) = (from, len, len, ecn);
    meta
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9001, A.2: a client's Initial packet of 1,200 bytes, up to its packet number.
    const INITIAL: [u8; 18] = [0xc3, 0, 0, 0, 1, 8, 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08, 0, 0, 0x44, 0x9e];

    #[test]
    fn a_hello_begins_a_connection_and_an_acknowledgement_does_not() {
        let mut datagram = INITIAL.to_vec();
        datagram.resize(1_200, 0);
        assert!(begins_a_connection(&datagram));
        datagram[16..18].copy_from_slice(&[0x40, 0x16]); // 22 bytes, and another packet behind them.
        assert!(!begins_a_connection(&datagram));
        datagram[0] = 0xe3; // Of the handshake.
        assert!(!begins_a_connection(&datagram));
        for length in 0..INITIAL.len() {
            assert!(!begins_a_connection(&INITIAL[..length]));
        }
    }

    /// A handshake costs more processor time than the datagram after it. On a server with two cores that datagram would
    /// overtake it, and be lost for want of keys.
    #[test]
    fn a_handsets_datagrams_are_looked_at_in_order() {
        let (cost, later) = (Duration::from_micros(300), Duration::from_micros(5));
        let host = Host { cores: 2, datagram: later, handshake: cost, wakeup: later };
        let mut fabric = Fabric::new(1, [(0, Itinerary::fixed(ProfileId::Loopback))], host);
        let mut hello = INITIAL.to_vec();
        hello.resize(1_200, 0);
        let mut seen = Vec::new();
        for (now, bytes) in [(0, hello), (10, vec![0x40; 50])] {
            let packet = Box::new(Packet { handset: 0, hop: Hop::ServerDoor, ecn: None, bytes });
            fabric.arrive(now, packet, &mut |at, packet| seen.push((at, packet.bytes.len())));
        }
        assert!(seen[0].0 <= seen[1].0 && seen[0].1 == 1_200, "{seen:?}");
    }
}
