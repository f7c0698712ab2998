//! Virtual time: handsets and server on one thread, on a clock that jumps to the next event.
//!
//! ```text
//!   tasks run until nothing can ─► the executor parks ─► Timeline::advance ─► the earliest instant's timers and packets
//!        ▲                                                                                   │ wake
//!        └───────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! The same handset and server code runs here as on the wall clock. Its inputs are replaced at its seams: time and
//! timers ([`timeline`], [`runtime`]), the network ([`crate::network`]), the processor and randomness ([`env`]), TLS's
//! keys ([`tls`]). One seed gives one result, to the byte: nothing here reads a clock, a thread or the system's
//! randomness, and events of one instant keep the order in which they were queued.

pub mod env;
pub mod executor;
pub mod play;
pub mod runtime;
pub mod server;
pub mod socket;
pub mod store;
pub mod timeline;
pub mod tls;

pub use env::{ServiceTimes, VirtualClock, virtual_env};
pub use executor::run;
pub use runtime::VirtualRuntime;
pub use server::VirtualServer;
pub use socket::FabricSocket;
pub use timeline::{Timeline, Timer};
