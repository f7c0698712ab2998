//! The books of a run: what handsets were told, held against what the bank posted.

use crate::manifest::{Completion, Manifest};
use crate::records::Transaction;
use crate::run_folder::Records;
use crate::summary::CHARGED;
use std::collections::BTreeSet;

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
    let posted = records.server.iter().find(|f| f.component == "bank" && f.name == POSTED)?.value;
    let acknowledged: i64 = charged(records).map(|t| t.amount_minor).sum();
    let cut_off = records.transactions.iter().any(|t| t.outcome == "connection-lost" || t.outcome == "unknown-outcome");
    let may_be_more = cut_off || completion == Completion::Partial;
    let disagree = posted < acknowledged as f64 || (posted > acknowledged as f64 && !may_be_more);
    Some(Sums { acknowledged, posted, disagree })
}

/// Counts acknowledged charges without a posting or with another's, and one more where the sums disagree.
///
/// `None` where the bank was not audited.
pub fn violations(records: &Records, manifest: &Manifest) -> Option<u64> {
    let sums = sums(records, manifest.completion)?;
    let is_shared = manifest.scenario["server"]["shared"].as_bool().unwrap_or(true);
    let mut references = BTreeSet::new();
    let mut mismatched = 0;
    for t in charged(records) {
        // Servers that are not shared have a bank each, and references of their own.
        let bank = if is_shared { 0 } else { t.account_subject };
        let is_own = t.bank_reference.as_deref().is_some_and(|reference| references.insert((bank, reference)));
        mismatched += u64::from(!is_own);
    }
    Some(mismatched + u64::from(sums.disagree))
}

fn charged(records: &Records) -> impl Iterator<Item = &Transaction> {
    records.transactions.iter().filter(|t| t.outcome == CHARGED)
}
