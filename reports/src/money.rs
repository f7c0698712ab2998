//! The books of a run: what handsets were told, held against what the bank posted.

use crate::manifest::{Completion, Manifest};
use crate::records::ServerFigure;
use crate::run_folder::Records;
use crate::summary::CHARGED;
use crate::transaction_tally::TransactionRow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The bank's own sum of charges less reversals, in minor units.
const POSTED: &str = "audit.acquirers_minor";

/// Holds both sides' sums. Units: minor units.
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
    let acknowledged = records.transactions.iter().filter(|t| t.outcome == CHARGED).map(|t| t.amount_minor).sum();
    let cut_off = records.transactions.iter().any(|t| t.outcome == "connection-lost" || t.outcome == "unknown-outcome");
    compared(acknowledged, &records.server, cut_off || completion == Completion::Partial)
}

fn compared(acknowledged: i64, figures: &[ServerFigure], may_be_more: bool) -> Option<Sums> {
    let posted = figures.iter().find(|f| f.component == "bank" && f.name == POSTED)?.value;
    let disagree = posted < acknowledged as f64 || (posted > acknowledged as f64 && !may_be_more);
    Some(Sums { acknowledged, posted, disagree })
}

/// Gathers the postings that handsets were told of, at eight bytes each.
pub struct References {
    /// Servers that are not shared have a bank each, and references of their own.
    is_shared: bool,
    is_partial: bool,
    /// Whether a handset was cut off before its answer.
    pub cut_off: bool,
    acknowledged: i64,
    missing: u64,
    keys: Vec<u64>,
}

impl References {
    /// Prepares to gather those of a run.
    pub fn of(manifest: &Manifest) -> Self {
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
    pub fn add(&mut self, t: &TransactionRow<'_>) {
        self.acknowledged += t.amount_minor;
        match t.bank_reference {
            None => self.missing += 1,
            Some(reference) => {
                let bank = if self.is_shared { 0 } else { t.account_subject };
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
    pub fn violations(&mut self, figures: &[ServerFigure]) -> Option<u64> {
        let sums = compared(self.acknowledged, figures, self.cut_off || self.is_partial)?;
        self.keys.sort_unstable();
        let repeated = self.keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        Some(self.missing + repeated + u64::from(sums.disagree))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(account_subject: u32, bank_reference: Option<&'static str>) -> TransactionRow<'static> {
        TransactionRow {
            account_subject,
            kind: "payment",
            journey: "stored",
            scheme: "template",
            start_us: 0,
            end_us: 1,
            tries: 1,
            failures_to_acquire: 0,
            failures_to_derive: 0,
            qr_accepted: true,
            outcome: CHARGED,
            login_end_us: None,
            amount_minor: 100,
            bank_reference,
        }
    }

    fn violations(shared: bool, charges: &[TransactionRow<'_>], posted: f64) -> Option<u64> {
        let mut references = References::of(&Manifest {
            scenario: serde_json::json!({"server": {"shared": shared}}),
            ..Manifest::example()
        });
        charges.iter().for_each(|t| references.add(t));
        references.violations(&[ServerFigure { component: "bank".into(), name: POSTED.into(), value: posted }])
    }

    #[test]
    fn each_charge_has_a_posting_of_its_own_and_the_sums_agree() {
        let (a, b) = (charge(1, Some("1")), charge(2, Some("2")));
        assert_eq!(violations(true, &[a, b], 200.0), Some(0));
        assert_eq!(violations(true, &[a, a], 200.0), Some(1));
        assert_eq!(violations(true, &[a, charge(2, None)], 200.0), Some(1));
        assert_eq!(violations(true, &[a, b], 300.0), Some(1));
        let same_number = charge(2, Some("1"));
        assert_eq!(
            (violations(true, &[a, same_number], 200.0), violations(false, &[a, same_number], 200.0)),
            (Some(1), Some(0))
        );
        assert_eq!(References::of(&Manifest::example()).violations(&[]), None);
    }
}
