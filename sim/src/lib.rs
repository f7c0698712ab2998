//! The simulator: scenarios, a world of virtual handsets driven by events, and the command line.
//!
//! ```text
//! Scenario ─► Population (samples, templates, enrolments) ─► World (an entity a handset, an event queue)
//!                                                            │ commands        ▲ completions as events
//!                                                            ▼                 │
//!                                                          Io: QUIC connections to the real server, captures
//!                                                            │
//!                                                            └─► Recorder ─► run folder ─► report
//! ```

// What everything else uses.
pub mod error;
pub mod progress;
pub mod shard;
pub mod stop;
pub mod time;

// What a run is asked to do, and who takes part.
pub mod modality;
pub mod people;
pub mod scenario;

// The handsets, and what carries out their commands.
pub mod io;
pub mod network;
pub mod world;

// The two clocks, with the real server on each.
pub mod played;
pub mod server_setup;
pub mod virtual_time;
pub mod wall;

// What is made of them.
pub mod attack;
pub mod run;
pub mod sweep;

// Work on samples and machines without a run.
pub mod calibration;
pub mod evaluation;
pub mod training;
pub mod tuning;

// Many machines, and the command line.
pub mod cli;
pub mod cluster;

pub use error::Error;
pub use scenario::Scenario;
