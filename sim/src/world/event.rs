//! What happens to handsets.

use super::command::{Made, NetworkStatistics};
use crate::network::Itinerary;
use crate::people::plan::PlannedTransaction;
use crate::time::SimTime;
use bevy_ecs::prelude::{Entity, Resource};
use biopay_protocol::{ChannelBinding, Response, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;
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

/// Is an event that the I/O side reports.
#[derive(Debug)]
pub struct Completion {
    /// When it happened.
    pub at: SimTime,
    /// To which handset.
    pub target: Entity,
    /// What.
    pub kind: EventKind,
}

/// Tells which link a handset has and when; nothing on the wall clock, which has one network.
#[derive(Resource, Clone, Default)]
pub struct Links(pub Option<Arc<BTreeMap<u32, Itinerary>>>);
