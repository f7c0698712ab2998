//! Whether a system resists an attack.

use super::attack::AttackSummary;
use crate::statistics::evidence::limit::{Conformance, Needed, against};

/// The verdict on one form of an attack in one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackVerdict {
    /// The successes are within the requirement.
    Resisted,
    /// The negative control, in which the attack has to succeed, saw no success: nothing was measured.
    NotMeasured,
    /// The evidence does not decide.
    NotEnoughEvidence {
        /// What would decide.
        needed: Option<Needed>,
    },
    /// The successes are beyond the requirement.
    NotResisted,
}

impl AttackVerdict {
    /// Returns the words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Resisted => "resisted",
            Self::NotMeasured => "not measured",
            Self::NotEnoughEvidence { .. } => "not enough evidence",
            Self::NotResisted => "not resisted",
        }
    }

    /// Returns a number that is the greater, the more serious the verdict.
    pub(crate) const fn weight(&self) -> u8 {
        match self {
            Self::Resisted => 0,
            Self::NotMeasured => 1,
            Self::NotEnoughEvidence { .. } => 2,
            Self::NotResisted => 3,
        }
    }
}

/// Returns the verdict on an attack; `None` where it has no requirement. A requirement of 0 is that of a flaw that exists
/// or does not: one success shows it, and its absence is shown as far as it was looked for.
pub(crate) fn verdict(attack: &AttackSummary) -> Option<AttackVerdict> {
    let max = attack.requirement.as_ref()?.max;
    if max <= 0.0 && attack.success.count > 0 {
        return Some(AttackVerdict::NotResisted);
    }
    if attack.control_succeeded == Some(false) && attack.success.count == 0 {
        return Some(AttackVerdict::NotMeasured);
    }
    if max <= 0.0 && attack.success.total > 0 {
        return Some(AttackVerdict::Resisted);
    }
    Some(match against(&attack.success, max) {
        Conformance::Met => AttackVerdict::Resisted,
        Conformance::NotMet => AttackVerdict::NotResisted,
        Conformance::NotEnoughEvidence { needed } => AttackVerdict::NotEnoughEvidence { needed },
    })
}
