//! The simulator: scenarios, a world of virtual handsets driven by events, and the command line.
//!
//! ```text
//! Scenario ─► Population (samples, templates, enrolments) ─► World (one entity for each handset, an event queue)
//!                                                            │ commands   ▲ completions as events
//!                                                            ▼            │
//!                                                          Io: QUIC connections to the real server, captures
//!                                                            │
//!                                                            └─► Recorder ─► run folder ─► report
//! ```

#![warn(clippy::wildcard_enum_match_arm, unreachable_pub)]

// Used by all other modules.
mod csv_file;
pub mod error;
pub mod progress;
pub mod provenance;
pub mod shard;
pub mod stop;
pub mod time;

// The definition of a run, and its people.
pub mod modality;
pub mod parts;
pub mod people;
pub mod programs;
pub mod scenario;

// The handsets, and the I/O that carries out their commands.
pub mod io;
pub mod network;
pub mod world;

// The two clocks, with the real server on each.
pub mod played;
pub mod server_setup;
pub mod virtual_time;
pub mod wall;

// Runs, and the attacks and sweeps made of them.
pub mod attack;
pub mod hunt;
pub mod run;
pub mod sweep;

// Evaluation, training, tuning and calibration, without a run.
pub mod calibration;
pub mod evaluation;
pub mod training;
pub mod tuning;

// Many machines, and the command line.
pub mod cli;
pub mod cluster;

pub use error::Error;
pub use scenario::Scenario;
