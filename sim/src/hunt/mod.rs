//! The hunt: the run in virtual time with processes that die, disks and roads that fail, and checkers.
//!
//! ```text
//! seed ─► schedule ─► Case (data) ─► play: one turn after the other
//!                                     crowd (the world's handsets) ─► fabric ─► server ─► disk (SQLite, through a VFS)
//!                                                                                 └─► road ─► bank ─► disk
//!                                     injector: what each fault does to them
//!                                   ─► journal, books ─► checks ─► findings ─► shrink ─► report
//! ```
//! Server, bank and handsets are those of every other run. What is simulated here is what is outside of them: disks, the
//! road to the bank, power, calendars, operators. Each process is a tokio runtime of its own on one thread, so that it
//! can be dropped between two polls.

// A case, as data.
mod fault;
mod schedule;
mod times;

// What processes stand on.
mod clock;
mod disk;
mod journal;
mod process;
mod road;

// The processes, and what is done to them.
mod bank;
mod crowd;
mod device;
mod injector;
mod log;
mod observed;
mod play;
mod scene;
mod server;

// What is found.
mod books;
mod checks;
mod findings;

// Many seeds.
mod campaign;
mod report;
mod shrink;

pub use campaign::{Campaign, Guide, Hunted, Until, corpus};
pub use fault::{Case, Entry, FaultKind};
pub use findings::Checker;
pub use play::Played;
pub use report::{reproduce, timeline, to_html, to_json, write_case};
