//! The draw of a case from its seed: few kinds of faults a run, each with its own rate, so that rare pairs meet.

use super::fault::{Case, Entry, FaultKind, Part};
use super::times::{FAULTS_FROM, FAULTS_UNTIL};
use biopay_datasets::stream::stream;
use rand::{Rng, RngExt};

/// The share of kinds that a run has.
const SHARE: f64 = 0.2;
/// Of so many kinds or fewer, a run has all.
const FEW: usize = 4;
/// The most faults of a kind in a run.
const EACH_MAX: u32 = 5;

/// The setting that a case is drawn for.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The number of handsets.
    pub(super) handsets: u32,
    /// The payments of each.
    pub(super) payments: u32,
    /// The kinds of faults that may be drawn; empty for a control without any.
    pub(super) kinds: Vec<FaultKind>,
}

/// Draws the case of a seed.
pub(super) fn draw(setting: &Setting, seed: u64) -> Case {
    let mut faults = Vec::new();
    for &kind in &setting.kinds {
        // Each kind has a stream of its own, so that one more kind changes nothing of the others.
        let mut own = stream(seed, &format!("hunt/{}", kind.name()), 0);
        if own.random_bool(if setting.kinds.len() <= FEW { 1.0 } else { SHARE }) {
            let count = own.random_range(1..=EACH_MAX);
            faults.extend((0..count).map(|_| entry(kind, setting.handsets, &mut own)));
        }
    }
    faults.sort_by_key(|entry: &Entry| (entry.at_ms, entry.kind, entry.handset));
    Case { seed, handsets: (0..setting.handsets).collect(), payments: setting.payments, faults }
}

fn entry(kind: FaultKind, handsets: u32, rng: &mut impl Rng) -> Entry {
    let at_ms = rng.random_range(FAULTS_FROM.as_millis() as u64..FAULTS_UNTIL.as_millis() as u64 * 9 / 10);
    let handset = rng.random_range(0..handsets.max(1));
    let short: u64 = rng.random_range(200..15_000);
    let long: u64 = rng.random_range(5_000..90_000);
    let share: u32 = rng.random_range(10..=100);
    let (for_ms, level) = match kind.part() {
        // Half of the deaths come at once, the others before one of the next changes of the disk.
        Part::Process => (short, if rng.random_bool(0.5) { 0 } else { rng.random_range(1..60) }),
        Part::Disk | Part::LyingDisk => (short, rng.random_range(0..40)),
        Part::Road => (short, rng.random_range(100..6_000)),
        Part::Answers | Part::Database => (long, share),
        Part::Link => (short, share.min(60)),
        Part::Calendar => (long, rng.random_range(1_000..4_000_000)),
        Part::User => (rng.random_range(1_000..300_000), share),
        Part::Operator => (long, share),
    };
    Entry { at_ms, kind, handset, for_ms, level }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(kinds: &[FaultKind]) -> Setting {
        Setting { handsets: 5, payments: 2, kinds: kinds.to_vec() }
    }

    #[test]
    fn one_seed_draws_one_case_and_the_kinds_are_all_drawn() {
        let all = setting(FaultKind::ALL);
        assert_eq!(draw(&all, 7), draw(&all, 7));
        let drawn = |kind| (0..200).any(|seed| draw(&all, seed).faults.iter().any(|entry| entry.kind == kind));
        assert!(FaultKind::ALL.iter().all(|&kind| drawn(kind)));
        assert!(draw(&setting(&[]), 7).faults.is_empty());
    }
}
