//! The trail of a process, and the events that the process itself notes.

use super::keys;
use crate::config::ServerConfig;
use crate::env::{Env, system};
use crate::error::Error;
use crate::trail::{Event, Trail};

/// Opens the trail, where one is configured, and notes which keys this server begins with.
pub(crate) fn open_trail(config: &ServerConfig, env: &Env) -> Result<Trail, Error> {
    let Some(path) = &config.trail.file else { return Ok(Trail::default()) };
    let trail = Trail::open(path, &*keys::trail(&config.trail)?, rotate_bytes(config))?;
    note_keys(&trail, env, "keys-loaded", config)?;
    Ok(trail)
}

fn rotate_bytes(config: &ServerConfig) -> u64 {
    u64::from(config.trail.rotate_mib) << 20
}

/// Notes a rotation of keys. A running server writes to its own file: the rotation's stands beside it.
pub(crate) fn note_rotation(config: &ServerConfig) -> Result<(), Error> {
    let Some(path) = &config.trail.file else { return Ok(()) };
    let beside = path.with_extension("rotations.jsonl");
    let trail = Trail::open(&beside, &*keys::trail(&config.trail)?, rotate_bytes(config))?;
    note_keys(&trail, &system::env(1, 1), "keys-rotated", config)?;
    trail.close();
    Ok(())
}

/// Notes what was done with the vault's keys.
pub(crate) fn note_keys(trail: &Trail, env: &Env, outcome: &str, config: &ServerConfig) -> Result<(), Error> {
    let numbers: Vec<String> = keys::vault_keys(&config.keys)?.keys().map(u32::to_string).collect();
    let on = Some(format!("vault keys {}", numbers.join(", ")));
    let (at_ms, outcome) = (env.clock.unix_ms(), outcome.to_owned());
    trail.note(Event { at_ms, event: "key-use", outcome, login: None, source: None, on });
    Ok(())
}
