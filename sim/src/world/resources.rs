//! The shared state of the systems: the time, the accounts' states, counters, and the commands to be carried out.

use super::command::Command;
use crate::people::Population;
use crate::scenario::{ClockKind, Scenario};
use crate::time::SimTime;
use bevy_ecs::prelude::Resource;
use std::sync::Arc;

/// The current time.
#[derive(Resource, Default)]
pub struct Now {
    /// The instant of the current events.
    pub instant: SimTime,
    /// The clock's time, up to which the world runs; later than the instant if the world is late.
    pub clock: SimTime,
}

/// The commands to the I/O side.
#[derive(Resource, Default)]
pub struct Outbox(pub Vec<Command>);

/// The people behind the handsets.
#[derive(Resource, Clone)]
pub struct People(pub Arc<Population>);

/// The scenario's settings that the systems need.
#[derive(Resource)]
pub struct Rules {
    /// The time to read and type a code.
    pub code_entry: std::time::Duration,
    /// Whether connections are kept between transactions.
    pub keeps_connections: bool,
    /// Whether symbols that no camera reads are drawn.
    pub draws_symbols: bool,
    /// Whether time passes while the world works, so that it can be late.
    pub can_be_late: bool,
    /// The number of accounts.
    pub accounts: u32,
    /// Whether a registration whose login is taken means an account of an earlier run, which is used again.
    pub reuses_accounts: bool,
    /// The end of each idempotency key: orders of a run that uses accounts again are not those of the run before.
    pub order_mark: String,
}

impl Rules {
    /// Takes the systems' settings from a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            code_entry: std::time::Duration::from_millis(scenario.users.code_entry_ms),
            keeps_connections: scenario.connections.keep,
            draws_symbols: scenario.payments.draws_symbols,
            can_be_late: scenario.clock == ClockKind::Wall,
            accounts: scenario.handsets,
            reuses_accounts: scenario.server.reuse_accounts,
            order_mark: String::new(),
        }
    }
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Its registration has not ended yet.
    Pending,
    /// It can be used.
    Open,
    /// It was never opened.
    Failed,
}

/// Every account's state, by its owner's handset.
#[derive(Resource)]
pub struct Accounts(pub Vec<AccountState>);

/// The counters that show the run's progress.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Transactions in the plan.
    pub planned: u64,
    /// Transactions that ended, or that became pointless because the account was never opened.
    pub finished: u64,
    /// Of them, those that were dropped without an attempt.
    pub dropped: u64,
    /// Transactions under way.
    pub active: u64,
    /// Of them, registrations.
    pub registering: u64,
    /// Accounts that were opened.
    pub registered: u64,
    /// Payments charged.
    pub charged: u64,
    /// Impostors whose QR was accepted.
    pub false_accepts: u64,
}
