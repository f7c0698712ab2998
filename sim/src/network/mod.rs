//! The network in virtual time: every handset behind a link of its own, one server, and hop by hop between them.
//!
//! ```text
//! handset ─► uplink ─► core ─► server's machine ─► inbox        hops are events of their own on the timeline:
//!           (radio)   (delay)  (cores, a cost a datagram)        what arrives first is served first, wherever it came from
//! handset ◄─ downlink ◄─ core ◄─ server's machine ◄─ server
//! ```
//! A link is a rate, a delay with jitter, a queue that drops at its end, bursts of loss, and interruptions; which link
//! a handset has may change over the day. Handsets share one endpoint: each dials an address of the server that is its
//! own, and the network puts the handset's own address in its place, as a NAT does.

pub mod address;
pub mod fabric;
pub mod link;
pub mod loss;
pub mod mobility;
pub mod profile;
pub mod stations;

pub use fabric::{End, Fabric, Host, Packet, Traffic};
pub use mobility::Itinerary;
pub use profile::{Profile, ProfileId};
pub use stations::Stations;
