//! The events of handsets.

use super::command::{Made, NetworkStatistics};
use crate::network::Itinerary;
use crate::people::plan::PlannedTransaction;
use crate::time::SimTime;
use bevy_ecs::prelude::{Entity, Resource};
use biopay_protocol::{ChannelBinding, Response, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The kinds of events of a handset.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A planned transaction is due.
    Due(PlannedTransaction),
    /// The connection is established.
    Connected {
        /// The duration of the handshake.
        handshake: Duration,
        /// The connection's channel binding, which its login carries.
        channel: ChannelBinding,
    },
    /// The server answered.
    Answered {
        /// The answer.
        response: Response,
        /// The time from the request to the answer.
        latency: Duration,
    },
    /// The connection was lost, or could not be made, while a request or the handset waited for it.
    Lost,
    /// The connection ended while no request was under way.
    Dropped,
    /// A QR was made, or not.
    QrMade(Made),
    /// The user has looked at the payment page for long enough.
    Thought,
    /// The user has typed a code.
    CodeTyped(Secret),
    /// The handset closed the connection, which had these statistics.
    Closed(NetworkStatistics),
}

/// An event that the I/O side reports.
#[derive(Debug)]
pub struct Completion {
    /// The instant of the event.
    pub at: SimTime,
    /// The handset.
    pub target: Entity,
    /// The event.
    pub kind: EventKind,
}

/// The links of each handset over time; `None` on the wall clock, which has one network.
#[derive(Resource, Clone, Default)]
pub struct Links(pub Option<Arc<BTreeMap<u32, Itinerary>>>);
