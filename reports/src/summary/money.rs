//! The books of a run: what handsets were told, held against what the bank posted.

use crate::records::{Component, POSTED, ServerFigure, TransactionOutcome};
use crate::run_folder::Records;
use crate::run_folder::manifest::{Completion, Manifest};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What handsets were told and what the bank posted. Units: minor units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// What handsets were told was charged.
    pub acknowledged: i64,
    /// What the bank posted.
    pub posted: f64,
    /// Whether the two cannot both be right. A handset that was cut off before its answer may have been charged, so that
    /// the bank may then have posted more.
    pub disagree: bool,
}

/// Adds up both sides; `None` where the bank was not audited.
pub fn sums(records: &Records, completion: Completion) -> Option<Sums> {
    let acknowledged =
        records.transactions.iter().filter(|t| t.outcome == TransactionOutcome::Charged).map(|t| t.amount_minor).sum();
    let cut_off = records.transactions.iter().any(|t| may_have_charged(&t.outcome));
    compared(acknowledged, &records.server, cut_off || completion == Completion::Partial)
}

/// Whether an outcome leaves open that the bank has posted a charge.
pub(crate) fn may_have_charged(outcome: &str) -> bool {
    TransactionOutcome::of(outcome).is_some_and(TransactionOutcome::may_have_charged)
}

fn compared(acknowledged: i64, figures: &[ServerFigure], may_be_more: bool) -> Option<Sums> {
    let posted = figures.iter().find(|f| f.component == Component::Bank && f.name == POSTED)?.value;
    let disagree = posted < acknowledged as f64 || (posted > acknowledged as f64 && !may_be_more);
    Some(Sums { acknowledged, posted, disagree })
}

/// The postings that handsets were told of, at eight bytes each.
pub(crate) struct References {
    /// Servers that are not shared have a bank each, and references of their own.
    is_shared: bool,
    is_partial: bool,
    /// Whether a handset was cut off before its answer.
    pub(crate) cut_off: bool,
    acknowledged: i64,
    missing: u64,
    keys: Vec<u64>,
}

impl References {
    /// Prepares to gather the postings of a run.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            is_shared: manifest.scenario["server"]["shared"].as_bool().unwrap_or(true),
            is_partial: manifest.completion == Completion::Partial,
            cut_off: false,
            acknowledged: 0,
            missing: 0,
            keys: Vec::new(),
        }
    }

    /// Takes one acknowledged charge.
    pub(crate) fn add(&mut self, account_subject: u32, amount_minor: i64, bank_reference: Option<&str>) {
        self.acknowledged += amount_minor;
        match bank_reference {
            None => self.missing += 1,
            Some(reference) => {
                let bank = if self.is_shared { 0 } else { account_subject };
                let mut hasher = DefaultHasher::new();
                (bank, reference).hash(&mut hasher);
                self.keys.push(hasher.finish());
            }
        }
    }

    /// Counts acknowledged charges without a posting or with another's, and one more where the sums disagree; `None` where
    /// the bank was not audited.
    ///
    /// References are told apart by 64 bits of SipHash: among ten million, two different ones are taken for one with a
    /// probability of 3 in a million.
    pub(crate) fn violations(&mut self, figures: &[ServerFigure]) -> Option<u64> {
        let sums = compared(self.acknowledged, figures, self.cut_off || self.is_partial)?;
        self.keys.sort_unstable();
        let repeated = self.keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        Some(self.missing + repeated + u64::from(sums.disagree))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One acknowledged charge of 100 minor units: the account, and the bank's reference.
    type Charge = (u32, Option<&'static str>);

    fn violations(shared: bool, charges: &[Charge], posted: f64) -> Option<u64> {
        let mut references = References::of(&Manifest {
            scenario: serde_json::json!({"server": {"shared": shared}}),
            ..Manifest::example()
        });
        charges.iter().for_each(|(account, reference)| references.add(*account, 100, *reference));
        references.violations(&[ServerFigure {
            component: Component::Bank.name().into(),
            name: POSTED.into(),
            value: posted,
        }])
    }

    #[test]
    fn each_charge_has_a_posting_of_its_own_and_the_sums_agree() {
        let (a, b) = ((1, Some("1")), (2, Some("2")));
        assert_eq!(violations(true, &[a, b], 200.0), Some(0));
        assert_eq!(violations(true, &[a, a], 200.0), Some(1));
        assert_eq!(violations(true, &[a, (2, None)], 200.0), Some(1));
        assert_eq!(violations(true, &[a, b], 300.0), Some(1));
        let same_number = (2, Some("1"));
        assert_eq!(
            (violations(true, &[a, same_number], 200.0), violations(false, &[a, same_number], 200.0)),
            (Some(1), Some(0))
        );
        assert_eq!(References::of(&Manifest::example()).violations(&[]), None);
    }
}
