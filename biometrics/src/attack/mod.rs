//! What an adversary achieves against a scheme, without I/O: the same procedures run against a scheme alone and, by whoever
//! carries payloads to it, against a server.
//!
//! ```text
//! Strategy ──propose──► QrPayload ──oracle──► ComparisonDecision ──through a Leak──► learn ──┐
//!     ▲──────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! Each procedure's module says how it works, what the attacker knows, what its figures measure, and which parameter of
//! the defence makes it succeed (the negative control that its tests run). Everything follows from the random streams
//! that are handed in.

pub mod dictionary;
pub mod helper_only;
pub mod hill_climbing;
pub mod inversion;
pub mod linkage;
pub mod offline_search;
pub mod presentation;
pub mod stolen_factor;
mod target;
mod template_model;

pub use hill_climbing::{Guesser, PayloadClimber, TemplateClimber};
pub use target::{Factors, Stolen, Target};
pub use template_model::TemplateModel;

use crate::QrPayload;
use crate::scheme::ComparisonDecision;

/// An adversary that proposes payloads for one target and learns from each answer. It does no I/O, so that the same one
/// runs against a scheme alone and over QUIC against the server.
pub trait Strategy: Send {
    /// Returns the next payload to present; `None` when the adversary has given up.
    fn propose(&mut self) -> Option<QrPayload>;

    /// Takes the answer to the last proposal. The verdict's score is `None` where nothing leaks.
    fn learn(&mut self, verdict: ComparisonDecision);
}

/// The outcome of one attack on one target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Index of the subject who is attacked.
    pub target: u32,
    /// Payloads presented, or guesses computed where the attack is offline, the successful one included.
    pub queries: u64,
    /// Whether one was accepted.
    pub succeeded: bool,
    /// What the attack measures besides, as each attack documents.
    pub value: Option<f32>,
}

/// The part of a verdict that the adversary sees: the counter-measure against climbing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leak {
    /// The score as it is.
    Score,
    /// The score rounded down to a multiple of this step.
    Rounded(f32),
    /// Whether the payload was accepted, and nothing else.
    Decision,
}

impl Leak {
    /// Returns what the adversary sees of a verdict.
    pub fn of(self, verdict: ComparisonDecision) -> ComparisonDecision {
        let score = match self {
            Self::Score => verdict.score,
            Self::Rounded(step) => verdict.score.map(|score| (score / step).floor() * step),
            Self::Decision => None,
        };
        ComparisonDecision { score, ..verdict }
    }
}

/// Drives a strategy against an oracle until a payload is accepted, the strategy gives up or the budget is spent.
///
/// Returns how many payloads were presented, and whether the last one was accepted.
pub fn drive(
    strategy: &mut dyn Strategy,
    oracle: &mut dyn FnMut(&QrPayload) -> ComparisonDecision,
    budget: u64,
) -> (u64, bool) {
    for queries in 0..budget {
        let Some(payload) = strategy.propose() else { return (queries, false) };
        let verdict = oracle(&payload);
        strategy.learn(verdict);
        if verdict.accepted {
            return (queries + 1, true);
        }
    }
    (budget, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::SchemeId;

    /// A strategy that counts upwards, and gives up after the given number of proposals.
    struct Counter(u8, u8);

    impl Strategy for Counter {
        fn propose(&mut self) -> Option<QrPayload> {
            (self.0 < self.1).then(|| QrPayload { scheme: SchemeId::Digest, body: vec![self.0] })
        }

        fn learn(&mut self, _: ComparisonDecision) {
            self.0 += 1;
        }
    }

    #[test]
    fn driving_ends_at_acceptance_at_the_budget_and_when_the_strategy_gives_up() {
        let mut oracle = |payload: &QrPayload| ComparisonDecision { accepted: payload.body == [4], score: None };
        assert_eq!(drive(&mut Counter(0, 99), &mut oracle, 100), (5, true));
        assert_eq!(drive(&mut Counter(0, 99), &mut oracle, 4), (4, false));
        assert_eq!(drive(&mut Counter(0, 3), &mut oracle, 100), (3, false));
    }

    #[test]
    fn a_leak_shows_what_it_says() {
        let verdict = ComparisonDecision { accepted: false, score: Some(0.624) };
        assert_eq!(Leak::Score.of(verdict), verdict);
        assert!((Leak::Rounded(0.05).of(verdict).score.unwrap() - 0.6).abs() < 1e-6);
        assert_eq!(Leak::Decision.of(verdict).score, None);
    }
}
