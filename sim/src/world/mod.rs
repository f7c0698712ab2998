//! The world: an entity a handset, driven by events.
//!
//! All events due at one instant are handled together. The system that does so changes components, files records, queues
//! later events, and leaves commands for the I/O side, whose completions come back as events. Nothing here waits, reads
//! a clock or draws a random number.

pub mod event;
pub mod handset;
pub mod queue;
mod systems;

use crate::io::Command;
use crate::network::Itinerary as Routes;
use crate::plan::HandsetPlan;
use crate::population::Population;
use crate::recorder::Recorder;
use crate::scenario::{ClockKind, Scenario};
use crate::time::SimTime;
use bevy_ecs::prelude::{Entity, Resource, Schedule, World};
use event::EventKind;
use handset::{Current, Identity, Itinerary, Line};
use queue::EventQueue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Holds what time it is.
#[derive(Resource, Default)]
pub struct Now {
    /// The instant that the world is at.
    pub instant: SimTime,
    /// The clock's time, up to which the world runs: later than the instant where the world is late.
    pub clock: SimTime,
}

/// Holds what the I/O side shall do.
#[derive(Resource, Default)]
pub struct Outbox(pub Vec<Command>);

/// Holds the people behind the handsets.
#[derive(Resource, Clone)]
pub struct People(pub Arc<Population>);

/// Holds the parts of the scenario that the systems need.
#[derive(Resource)]
pub struct Rules {
    /// Time to read and type a code.
    pub code_entry: std::time::Duration,
    /// Whether connections are kept between transactions.
    pub keeps_connections: bool,
    /// Whether symbols that no camera reads are drawn.
    pub draws_symbols: bool,
    /// Whether time passes while the world works, so that what it does can be late.
    pub can_be_late: bool,
}

/// The latency entry of how late the world took up what it was due to do, on the wall clock.
pub const LAG: &str = "generator-lag";

/// Tells which link a handset has and when; nothing on the wall clock, which has one network.
#[derive(Resource, Clone, Default)]
pub struct Links(pub Option<Arc<BTreeMap<u32, Routes>>>);

/// Says how far an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Its registration has not ended yet.
    Pending,
    /// It can be used.
    Open,
    /// It was never opened.
    Failed,
}

/// Holds every account's state, by its owner's handset.
#[derive(Resource)]
pub struct Accounts(pub Vec<AccountState>);

/// Counts what a watcher wants to know while the run goes on.
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

/// Is the world with its systems.
pub struct Simulation {
    world: World,
    schedule: Schedule,
}

impl Simulation {
    /// Populates the world.
    pub fn new(scenario: &Scenario, plans: Vec<HandsetPlan>, population: Arc<Population>, links: Links) -> Self {
        let mut world = World::new();
        world.insert_resource(Now::default());
        world.insert_resource(Outbox::default());
        world.insert_resource(People(population));
        world.insert_resource(Rules {
            code_entry: std::time::Duration::from_millis(scenario.users.code_entry_ms),
            keeps_connections: scenario.connections.keep,
            draws_symbols: scenario.payments.draws_symbols,
            can_be_late: scenario.clock == ClockKind::Wall,
        });
        world.insert_resource(Accounts(vec![AccountState::Pending; scenario.handsets as usize]));
        world.insert_resource(Recorder::default());
        world.insert_resource(links);
        let planned = plans.iter().map(|p| p.transactions.len() as u64).sum();
        world.insert_resource(Tally { planned, ..Tally::default() });
        let mut queue = EventQueue::default();
        for plan in plans {
            spawn(&mut world, &mut queue, plan);
        }
        world.insert_resource(queue);
        let mut schedule = Schedule::default();
        schedule.add_systems(systems::live);
        Self { world, schedule }
    }

    /// Queues an event.
    pub fn queue(&mut self, at: SimTime, target: Entity, kind: EventKind) {
        self.world.resource_mut::<EventQueue<EventKind>>().push(at, target, kind);
    }

    /// Returns when the next event is due.
    pub fn next_event(&self) -> Option<SimTime> {
        self.world.resource::<EventQueue<EventKind>>().next_at()
    }

    /// Lives through every event that is due by `now`, and returns the commands that came of it, in order.
    pub fn run_until(&mut self, now: SimTime) -> Vec<Command> {
        if self.next_event().is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.world.resource_mut::<Now>().clock = now;
        self.schedule.run(&mut self.world);
        std::mem::take(&mut self.world.resource_mut::<Outbox>().0)
    }

    /// Returns the counters.
    pub fn tally(&self) -> Tally {
        *self.world.resource::<Tally>()
    }

    /// Takes the records out of the world.
    pub fn into_recorder(mut self) -> Recorder {
        self.world.remove_resource::<Recorder>().unwrap_or_default()
    }

    /// Gives access to the records while the world lives.
    pub fn recorder(&mut self) -> bevy_ecs::prelude::Mut<'_, Recorder> {
        self.world.resource_mut::<Recorder>()
    }
}

fn spawn(world: &mut World, queue: &mut EventQueue<EventKind>, plan: HandsetPlan) {
    let identity = Identity { handset: plan.handset, account: plan.account, scheme: plan.scheme };
    let entity = world.spawn((identity, Itinerary::default(), Current::default(), Line::default())).id();
    for transaction in plan.transactions {
        queue.push(transaction.at, entity, EventKind::Due(transaction));
    }
}
