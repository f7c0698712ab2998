//! PHOLD on the simulator's event queue and `bevy_ecs` world, as `biopay_sim::world` processes its events.

use super::{Delays, Target};
use bevy_ecs::prelude::{Component, Entity, Query, ResMut, Resource, Schedule, World as Ecs};
use biopay_sim::time::SimTime;
use biopay_sim::world::queue::EventQueue;
use std::time::Duration;

#[derive(Component)]
struct Process {
    delays: Delays,
    events: u64,
    next: Entity,
}

#[derive(Resource)]
struct Until(SimTime);

/// An event without content.
struct Hold;

pub struct World {
    ecs: Ecs,
    schedule: Schedule,
}

impl World {
    pub fn new(population: usize, target: Target) -> Self {
        let mut ecs = Ecs::new();
        let mut queue = EventQueue::default();
        let process = |entity| Process { delays: Delays::of(entity), events: 0, next: Entity::PLACEHOLDER };
        let entities: Vec<Entity> = (0..population).map(|i| ecs.spawn(process(i)).id()).collect();
        for (i, &entity) in entities.iter().enumerate() {
            let next = if target == Target::Oneself { i } else { (i + 1) % population };
            let mut process = ecs.get_mut::<Process>(entity).expect("it was spawned above");
            process.next = entities[next];
            let first = process.delays.next();
            queue.push(SimTime::ZERO.after(first), entity, Hold);
        }
        ecs.insert_resource(queue);
        ecs.insert_resource(Until(SimTime::ZERO));
        let mut schedule = Schedule::default();
        schedule.add_systems(live);
        Self { ecs, schedule }
    }

    pub fn run(&mut self, span: Duration) {
        self.ecs.resource_mut::<Until>().0 = SimTime::ZERO.after(span);
        self.schedule.run(&mut self.ecs);
    }

    pub fn events(&mut self) -> u64 {
        self.ecs.query::<&Process>().iter(&self.ecs).map(|process| process.events).sum()
    }
}

fn live(until: ResMut<'_, Until>, mut queue: ResMut<'_, EventQueue<Hold>>, mut processes: Query<'_, '_, &mut Process>) {
    let mut due = Vec::new();
    while let Some(instant) = queue.pop_instant(until.0, &mut due) {
        for event in due.drain(..) {
            let Ok(mut process) = processes.get_mut(event.target) else { continue };
            process.events += 1;
            let at = instant.after(process.delays.next());
            queue.push(at, process.next, event.kind);
        }
    }
}
