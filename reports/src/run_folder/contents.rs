//! Everything that a run measured, in memory.

use super::latency::LatencyRecorder;
use crate::records::{Attack, AttackFigure, Comparison, Network, ServerFigure, Transaction};
use serde::{Deserialize, Serialize};

/// The rows of every table of a run, and its latencies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Records {
    /// Off-line comparisons.
    pub comparisons: Vec<Comparison>,
    /// Registrations and payments.
    pub transactions: Vec<Transaction>,
    /// Attacks.
    pub attacks: Vec<Attack>,
    /// Figures of attacks that are not shares of successes.
    pub attack_figures: Vec<AttackFigure>,
    /// Connections.
    pub network: Vec<Network>,
    /// Figures that components filed about themselves.
    pub server: Vec<ServerFigure>,
    /// Latencies by operation.
    pub latency: LatencyRecorder,
}

impl Records {
    /// Sorts the rows, so that their order does not depend on which of several handsets came first.
    pub fn sort(&mut self) {
        let by_handset = |t: &Transaction| (t.handset, t.intended_start_us, t.start_us);
        self.transactions.sort_by_key(by_handset);
        // Stable: attacks on one target stay in the order in which they were made.
        let key = |a: &Attack| (a.attack.clone(), a.variant.clone(), a.configuration.clone(), a.scheme.clone());
        self.attacks.sort_by_cached_key(|a| (key(a), a.target_subject, a.attacker_subject));
        self.network.sort_by_key(|n| n.handset);
        self.server.sort_by(|a, b| (&a.component, &a.name).cmp(&(&b.component, &b.name)));
    }
}
