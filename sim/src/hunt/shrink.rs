//! Shrinking: a failing case with fewer faults, handsets and payments that breaks the same promise.

use super::fault::Case;
use crate::Error;

/// The most plays that one case is worth.
const PLAYS_MAX: u32 = 160;

/// A shrunk case.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The case.
    pub case: Case,
    /// How often it was played.
    pub plays: u32,
}

type Fails<'a> = &'a dyn Fn(&Case) -> Result<bool, Error>;

struct Shrinking<'a> {
    best: Case,
    plays: u32,
    fails: Fails<'a>,
}

/// Makes a failing case smaller as long as it fails: first without handsets in halves, quarters and one by one, then
/// without faults, then with fewer payments, then with shorter faults.
///
/// # Errors
///
/// Those of playing.
pub(super) fn shrink(case: &Case, fails: Fails<'_>) -> Result<Shrunk, Error> {
    let mut shrinking = Shrinking { best: case.clone(), plays: 0, fails };
    loop {
        let before = shrinking.best.clone();
        // A run with fewer handsets is quicker too.
        shrinking.without_parts(|case| &mut case.handsets)?;
        shrinking.without_parts(|case| &mut case.faults)?;
        shrinking.fewer_payments()?;
        shrinking.shorter_faults()?;
        if shrinking.best == before || shrinking.plays >= PLAYS_MAX {
            return Ok(Shrunk { case: shrinking.best, plays: shrinking.plays });
        }
    }
}

impl Shrinking<'_> {
    /// Takes a smaller case if it fails too.
    fn consider(&mut self, case: Case) -> Result<bool, Error> {
        if self.plays >= PLAYS_MAX || case == self.best {
            return Ok(false);
        }
        self.plays += 1;
        let is_failing = (self.fails)(&case)?;
        if is_failing {
            self.best = case;
        }
        Ok(is_failing)
    }

    /// Leaves out parts of a list, from halves to single items (Zeller's ddmin).
    fn without_parts<T: Clone>(&mut self, list: impl Fn(&mut Case) -> &mut Vec<T>) -> Result<(), Error> {
        let mut size = list(&mut self.best).len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < list(&mut self.best).len() {
                let mut smaller = self.best.clone();
                let items = list(&mut smaller);
                let end = (from + size).min(items.len());
                items.drain(from..end);
                if !self.consider(smaller)? {
                    from += size;
                }
            }
            size /= 2;
        }
        Ok(())
    }

    fn fewer_payments(&mut self) -> Result<(), Error> {
        for payments in 1..self.best.payments {
            if self.consider(Case { payments, ..self.best.clone() })? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn shorter_faults(&mut self) -> Result<(), Error> {
        for at in 0..self.best.faults.len() {
            let mut smaller = self.best.clone();
            smaller.faults[at].for_ms = smaller.faults[at].for_ms.min(1_000);
            self.consider(smaller)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::fault::{Entry, FaultKind};

    #[test]
    fn what_does_not_matter_is_left_out() {
        let entry = |kind, at_ms| Entry { at_ms, kind, handset: 0, for_ms: 9_000, level: 1 };
        let kinds = FaultKind::ALL.iter().enumerate().map(|(at, &kind)| entry(kind, at as u64));
        let case = Case { seed: 1, handsets: (0..20).collect(), payments: 6, faults: kinds.collect() };
        let needs = |case: &Case| {
            let has = |kind| case.faults.iter().any(|entry| entry.kind == kind);
            Ok(has(FaultKind::SyncFails)
                && has(FaultKind::ServerPower)
                && case.handsets.contains(&7)
                && case.payments > 1)
        };
        let least = shrink(&case, &needs).unwrap().case;
        let kinds: Vec<FaultKind> = least.faults.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [FaultKind::ServerPower, FaultKind::SyncFails]);
        assert_eq!((least.handsets, least.payments), (vec![7], 2));
        assert!(least.faults.iter().all(|entry| entry.for_ms == 1_000));
    }
}
