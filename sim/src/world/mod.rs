//! The world: one entity for each handset, driven by events.
//!
//! All events due at one instant are handled together by one system, which changes components, records results, queues
//! later events, and leaves commands for the I/O side, whose completions come back as events. Nothing here waits, reads
//! a clock or draws a random number.

pub mod command;
pub mod event;
pub mod handset;
pub mod outcome;
pub mod queue;
pub mod recorder;
pub mod resources;
mod systems;

pub use resources::{Rules, Tally};

use crate::people::Population;
use crate::people::plan::HandsetPlan;
use crate::time::SimTime;
use bevy_ecs::prelude::{Entity, Schedule, World};
use command::Command;
use event::{EventKind, Links};
use handset::{Current, Identity, Itinerary, KeptConnection};
use queue::EventQueue;
use recorder::Recorder;
use resources::{AccountState, Accounts, Now, Outbox, People};
use std::sync::Arc;

/// The world with its systems.
pub struct Simulation {
    world: World,
    schedule: Schedule,
}

impl Simulation {
    /// Creates the world with one entity for each handset.
    pub fn new(rules: Rules, plans: Vec<HandsetPlan>, population: Arc<Population>, links: Links) -> Self {
        let mut world = World::new();
        world.insert_resource(Now::default());
        world.insert_resource(Outbox::default());
        world.insert_resource(People(population));
        world.insert_resource(Accounts(vec![AccountState::Pending; rules.accounts as usize]));
        world.insert_resource(rules);
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

    /// Processes every event that is due by `now`, and returns the resulting commands, in order.
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
    let identity =
        Identity { handset: plan.handset, presenter: plan.presenter, account: plan.account, scheme: plan.scheme };
    let entity = world.spawn((identity, Itinerary::default(), Current::default(), KeptConnection::default())).id();
    for transaction in plan.transactions {
        queue.push(transaction.at, entity, EventKind::Due(transaction));
    }
}
