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

pub mod arrival;
pub mod attack;
pub mod bucket;
pub mod calibration;
pub mod cases;
pub mod cli;
pub mod clocks;
pub mod comparisons;
pub mod driver;
pub mod error;
pub mod evaluation;
pub mod face_training;
pub mod io;
pub mod knee;
pub mod merge;
pub mod network;
pub mod outcome;
pub mod plan;
pub mod population;
pub mod progress;
pub mod recorder;
pub mod run;
pub mod samples;
pub mod scenario;
pub mod shard;
pub mod slurm;
pub mod stop;
pub mod studio;
pub mod sweep;
pub mod symbols;
pub mod time;
pub mod training;
pub mod tuning;
pub mod virtual_time;
pub mod wall;
pub mod world;

pub use error::Error;
pub use scenario::Scenario;
