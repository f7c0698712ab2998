//! The event queue: ordered by time, then by the order in which events were queued.

use crate::time::SimTime;
use bevy_ecs::prelude::{Entity, Resource};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One event of kind `K`.
#[derive(Clone, Debug)]
pub struct Event<K> {
    /// The entity.
    pub target: Entity,
    /// The event.
    pub kind: K,
}

/// The instant and the place of an event. The heap moves these 24 bytes about, and leaves the event, which may be a
/// server's whole answer, in its slot.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    at: SimTime,
    sequence: u64,
    slot: u32,
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders the earliest first in a max-heap.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// The queue of future events.
#[derive(Resource)]
pub struct EventQueue<K: Send + Sync + 'static> {
    heap: BinaryHeap<Key>,
    slots: Vec<Option<Event<K>>>,
    free: Vec<u32>,
    pushed: u64,
}

impl<K: Send + Sync + 'static> Default for EventQueue<K> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), pushed: 0 }
    }
}

impl<K: Send + Sync + 'static> EventQueue<K> {
    /// Queues an event.
    ///
    /// # Panics
    /// At more than 4,294,967,295 events at once.
    pub fn push(&mut self, at: SimTime, target: Entity, kind: K) {
        let event = Some(Event { target, kind });
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("events in the queue do not fit into memory before that")
        });
        self.slots[slot as usize] = event;
        self.heap.push(Key { at, sequence: self.pushed, slot });
        self.pushed += 1;
    }

    /// Returns when the next event is due.
    pub fn next_at(&self) -> Option<SimTime> {
        self.heap.peek().map(|key| key.at)
    }

    /// Takes the earliest event; `None` when it is due after `now` or nothing is queued.
    pub fn pop(&mut self, now: SimTime) -> Option<(SimTime, Event<K>)> {
        let key = self.heap.peek().filter(|key| key.at <= now).copied()?;
        self.heap.pop();
        self.free.push(key.slot);
        let event = self.slots[key.slot as usize].take()?;
        Some((key.at, event))
    }

    /// Takes all events of the earliest instant into `events`, in the order in which they were queued, and returns the
    /// instant; `None`, and no events, when it is after `now` or nothing is queued.
    pub fn pop_instant(&mut self, now: SimTime, events: &mut Vec<Event<K>>) -> Option<SimTime> {
        events.clear();
        let (instant, first) = self.pop(now)?;
        events.push(first);
        while let Some((_, next)) = self.pop(instant) {
            events.push(next);
        }
        Some(instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_of_queueing() {
        let mut queue = EventQueue::default();
        let at = SimTime::from_seconds;
        for (seconds, kind) in [(2.0, 'c'), (1.0, 'a'), (1.0, 'b'), (3.0, 'd')] {
            queue.push(at(seconds), Entity::PLACEHOLDER, kind);
        }
        let mut events = Vec::new();
        let mut next = |queue: &mut EventQueue<char>| {
            let instant = queue.pop_instant(at(2.5), &mut events);
            (instant, events.iter().map(|event| event.kind).collect::<String>())
        };
        assert_eq!(next(&mut queue), (Some(at(1.0)), "ab".to_owned()));
        queue.push(at(2.0), Entity::PLACEHOLDER, 'e');
        assert_eq!(next(&mut queue), (Some(at(2.0)), "ce".to_owned()));
        assert_eq!(next(&mut queue), (None, String::new()));
        assert_eq!(queue.next_at(), Some(at(3.0)));
    }

    /// Slots are reused: the queue grows to its greatest length, not to the number of all events.
    #[test]
    fn a_queue_is_as_large_as_its_fullest_moment() {
        let mut queue = EventQueue::default();
        for turn in 0..100_u64 {
            queue.push(SimTime::from_seconds(turn as f64), Entity::PLACEHOLDER, turn);
            queue.push(SimTime::from_seconds(turn as f64), Entity::PLACEHOLDER, turn);
            assert!(queue.pop(SimTime::from_seconds(1e6)).is_some_and(|(_, event)| event.kind == turn));
            assert!(queue.pop(SimTime::from_seconds(1e6)).is_some_and(|(_, event)| event.kind == turn));
        }
        assert_eq!(queue.slots.len(), 2);
    }
}
