//! The results of attacks, as rows of the run folder.

use super::setup::Setup;
use biopay_reports::records::{Attack, AttackFigure, SPACE_COVERED};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The results of one or more attacks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Findings {
    /// One row an attack on a target.
    pub trials: Vec<Attack>,
    /// Other measured figures.
    pub figures: Vec<AttackFigure>,
    /// Attacks that could not be made, and why.
    pub broken: Vec<String>,
    /// Attacks that were not made, and why.
    pub notes: Vec<String>,
    /// Whether attacks were left out because the run was interrupted.
    pub is_partial: bool,
}

impl Findings {
    /// Adds what another attack found.
    pub fn extend(&mut self, other: Self) {
        self.trials.extend(other.trials);
        self.figures.extend(other.figures);
        self.broken.extend(other.broken);
        self.notes.extend(other.notes);
        self.is_partial |= other.is_partial;
    }
}

/// The result of one attack on one target.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// The attacked subject.
    pub target: u32,
    /// The attacker.
    pub attacker: u32,
    /// Presentations or queries made.
    pub tries: u64,
    /// Whether the attacker was accepted.
    pub succeeded: bool,
    /// How it ended.
    pub outcome: String,
    /// How long it took.
    pub took: Duration,
}

/// One measured figure with its expected value.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// The name of the quantity, units last.
    pub measure: &'static str,
    /// Its value.
    pub value: f64,
    /// Its 95 % interval, where it is an estimate.
    pub interval: Option<(f64, f64)>,
    /// Observations behind it.
    pub count: u64,
    /// The expected value and its source.
    pub expected: Option<(f64, &'static str)>,
}

/// States which share of a space of keys, passwords or codes the budget of a search can try: below 1 a search that finds
/// nothing shows the budget to be too small, and no more.
pub(super) fn space_covered(share: f64, targets: usize) -> Figure {
    Figure { measure: SPACE_COVERED, value: share.min(1.0), interval: None, count: targets as u64, expected: None }
}

impl Setup {
    /// Writes trials of one form of this attack as rows.
    pub(super) fn trials(&self, variant: &str, scheme: &str, trials: impl IntoIterator<Item = Trial>) -> Findings {
        let row = |trial: Trial| Attack {
            attack: self.kind.name().to_owned(),
            variant: self.variant(variant),
            configuration: self.configuration.name().to_owned(),
            scheme: scheme.to_owned(),
            knowledge: self.attack.knowledge.to_owned(),
            target_subject: trial.target,
            attacker_subject: trial.attacker,
            tries: trial.tries,
            budget: self.budget,
            succeeded: trial.succeeded,
            outcome: trial.outcome,
            took_us: u64::try_from(trial.took.as_micros()).unwrap_or(u64::MAX),
        };
        Findings { trials: trials.into_iter().map(row).collect(), ..Findings::default() }
    }

    /// Writes a figure of one form of this attack as a row.
    pub(super) fn figure(&self, variant: &str, scheme: &str, figure: Figure) -> Findings {
        let row = AttackFigure {
            attack: self.kind.name().to_owned(),
            variant: self.variant(variant),
            configuration: self.configuration.name().to_owned(),
            scheme: scheme.to_owned(),
            measure: figure.measure.to_owned(),
            value: figure.value,
            lower: figure.interval.map(|(lower, _)| lower),
            upper: figure.interval.map(|(_, upper)| upper),
            count: figure.count,
            expected: figure.expected.map(|(expected, _)| expected),
            source: figure.expected.map_or(String::new(), |(_, source)| source.to_owned()),
        };
        Findings { figures: vec![row], ..Findings::default() }
    }
}
