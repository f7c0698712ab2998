//! The network in virtual time: every handset with its own link, one server, and the hops between them.
//!
//! ```text
//! handset ─► uplink ─► core ─► server's machine ─► inbox        hops are events of their own on the timeline:
//!           (radio)   (delay)  (cores, a cost a datagram)        what arrives first is served first, wherever it came from
//! handset ◄─ downlink ◄─ core ◄─ server's machine ◄─ server
//! ```
//! A link has a rate, a delay with jitter, a queue that drops at its end, bursts of loss, and interruptions; a
//! handset's link may change over the day. Handsets share one endpoint: each dials its own address of the server, and
//! the network replaces it by the handset's own address, as a NAT does.

pub mod address;
pub mod fabric;
pub mod link;
pub mod loss;
pub mod mobility;
pub mod profile;
pub mod stations;
mod weather;

pub use fabric::{End, Fabric, Host, Packet, Traffic};
pub use mobility::Itinerary;
pub use profile::{Profile, ProfileId};
pub use stations::Stations;
pub use weather::Weather;
