//! The event queue: ordered by time, then by the order in which events were queued.

use crate::io::command::{Made, NetworkStatistics};
use crate::plan::PlannedTransaction;
use crate::time::SimTime;
use bevy_ecs::prelude::{Entity, Resource};
use biopay_protocol::{ChannelBinding, Response, Secret};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Says what happens to a handset.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A planned transaction is meant to start.
    Due(PlannedTransaction),
    /// The connection stands.
    Connected {
        /// How long the handshake took.
        handshake: Duration,
        /// The connection's name, which its login carries.
        channel: ChannelBinding,
    },
    /// The server answered.
    Answered {
        /// The answer.
        response: Response,
        /// From the request to the answer.
        latency: Duration,
    },
    /// The connection was lost, or could not be made, while a request or the handset waited for it.
    Lost,
    /// The connection ended while nothing was asked on it.
    Dropped,
    /// A QR was made, or not.
    QrMade(Made),
    /// The user has looked at the payment page for long enough.
    Thought,
    /// The user has typed a code.
    CodeTyped(Secret),
    /// The connection was closed by the handset, and these were its statistics.
    Closed(NetworkStatistics),
}

/// Is one event.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: SimTime,
    /// To which handset.
    pub target: Entity,
    /// What.
    pub kind: EventKind,
    sequence: u64,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders the earliest first in a max-heap.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// Holds the events to come.
#[derive(Resource, Default)]
pub struct EventQueue {
    heap: BinaryHeap<Event>,
    pushed: u64,
}

impl EventQueue {
    /// Queues an event.
    pub fn push(&mut self, at: SimTime, target: Entity, kind: EventKind) {
        self.heap.push(Event { at, target, kind, sequence: self.pushed });
        self.pushed += 1;
    }

    /// Returns when the next event is due.
    pub fn next_at(&self) -> Option<SimTime> {
        self.heap.peek().map(|event| event.at)
    }

    /// Takes all events of the earliest instant, in the order in which they were queued; `None` when that instant is
    /// after `now` or nothing is queued.
    pub fn pop_instant(&mut self, now: SimTime) -> Option<(SimTime, Vec<Event>)> {
        let instant = self.next_at().filter(|&at| at <= now)?;
        let mut events = Vec::new();
        while self.next_at() == Some(instant) {
            events.extend(self.heap.pop());
        }
        Some((instant, events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_of_queueing() {
        let mut queue = EventQueue::default();
        let target = Entity::PLACEHOLDER;
        let code = |text: &str| EventKind::CodeTyped(Secret::new(text).unwrap());
        let at = SimTime::from_seconds;
        for (seconds, text) in [(2.0, "c"), (1.0, "a"), (1.0, "b"), (3.0, "d")] {
            queue.push(at(seconds), target, code(text));
        }
        let texts = |events: Vec<Event>| -> Vec<String> {
            let text =
                |e: Event| if let EventKind::CodeTyped(c) = e.kind { c.expose().to_owned() } else { String::new() };
            events.into_iter().map(text).collect()
        };
        let (instant, events) = queue.pop_instant(at(2.5)).unwrap();
        assert_eq!((instant, texts(events)), (at(1.0), vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(texts(queue.pop_instant(at(2.5)).unwrap().1), ["c"]);
        assert!(queue.pop_instant(at(2.5)).is_none());
        assert_eq!(queue.next_at(), Some(at(3.0)));
    }
}
