//! What went on at which time of a run, in at most a few hundred bins of equal width.

use serde::Serialize;

/// Widths that a person reads easily. Units: seconds.
const WIDTHS_S: [u64; 18] =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 3_600, 7_200, 21_600, 86_400, 604_800, 2_592_000, 31_536_000];
/// The most bins of a run that lasts as long as its manifest says.
const BINS_MAX: u64 = 300;
/// What comes after the last of so many bins is counted in it.
const BINS_KEPT: usize = 4 * BINS_MAX as usize;

/// Counts by bin of time. All vectors are as long as there are bins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// How wide a bin is. Units: seconds.
    pub bin_s: u64,
    /// Logins that were answered.
    pub logins: Vec<u64>,
    /// Payments that were charged.
    pub charges: Vec<u64>,
    /// Transactions that ended for want of the server, the bank or the network.
    pub faults: Vec<u64>,
    /// Transactions that ended otherwise without their aim: refused, or given up.
    pub refusals: Vec<u64>,
    /// Time that handsets spent within transactions, all handsets together. Units: microseconds.
    pub busy_us: Vec<u64>,
}

impl Timeline {
    /// Prepares the bins of a run of this length. Units: microseconds.
    pub fn over(duration_us: u64) -> Self {
        let fits = |width: &u64| duration_us <= width * 1_000_000 * BINS_MAX;
        let bin_s = WIDTHS_S.into_iter().find(fits).unwrap_or(WIDTHS_S[WIDTHS_S.len() - 1]);
        let none = Vec::new;
        Self { bin_s, logins: none(), charges: none(), faults: none(), refusals: none(), busy_us: none() }
    }

    /// Counts a login. Units: microseconds since the start.
    pub fn login(&mut self, at_us: u64) {
        let bin = self.bin(at_us);
        self.logins[bin] += 1;
    }

    /// Counts a transaction as having lasted from one instant to another, and as having ended as `end` says.
    pub fn transaction(&mut self, start_us: u64, end_us: u64, end: End) {
        let last = self.bin(end_us);
        match end {
            End::Charged => self.charges[last] += 1,
            End::Fault => self.faults[last] += 1,
            End::Refused => self.refusals[last] += 1,
            End::Other => {}
        }
        let first = self.bin(start_us.min(end_us));
        let width_us = self.bin_s * 1_000_000;
        for bin in first..=last {
            let (from, to) = (bin as u64 * width_us, (bin as u64 + 1) * width_us);
            // What lies beyond the last bin is not drawn.
            self.busy_us[bin] += end_us.min(to).saturating_sub(start_us.max(from));
        }
    }

    /// Returns how many handsets were within a transaction in each bin, as a mean over the bin's time.
    pub fn open(&self) -> Vec<f64> {
        self.busy_us.iter().map(|&us| us as f64 / (self.bin_s as f64 * 1e6)).collect()
    }

    fn bin(&mut self, at_us: u64) -> usize {
        let bin = ((at_us / 1_000_000 / self.bin_s) as usize).min(BINS_KEPT - 1);
        for counts in [&mut self.logins, &mut self.charges, &mut self.faults, &mut self.refusals, &mut self.busy_us] {
            if counts.len() <= bin {
                counts.resize(bin + 1, 0);
            }
        }
        bin
    }
}

/// How a transaction ended, as far as a timeline tells endings apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Charged.
    Charged,
    /// For want of the server, the bank or the network.
    Fault,
    /// Without its aim, for another reason.
    Refused,
    /// An account was opened.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_suit_the_runs_length() {
        for (seconds, bin_s) in [(0, 1), (300, 1), (301, 2), (6_000, 20), (63_072_000, 604_800)] {
            assert_eq!(Timeline::over(seconds * 1_000_000).bin_s, bin_s, "{seconds} s");
        }
    }

    #[test]
    fn open_handsets_are_the_mean_over_each_bin() {
        let mut timeline = Timeline::over(3_000_000);
        timeline.transaction(500_000, 2_250_000, End::Charged);
        timeline.transaction(1_000_000, 1_500_000, End::Fault);
        timeline.login(1_200_000);
        assert_eq!(timeline.open(), [0.5, 1.5, 0.25]);
        assert_eq!((&timeline.charges[..], &timeline.faults[..]), (&[0, 0, 1][..], &[0, 1, 0][..]));
        assert_eq!(timeline.logins, [0, 1, 0]);
    }

    #[test]
    fn a_transaction_that_outlasts_the_run_by_far_takes_no_memory() {
        let mut timeline = Timeline::over(1);
        timeline.transaction(0, u64::MAX, End::Refused);
        assert_eq!(timeline.refusals.len(), BINS_KEPT);
        assert_eq!(timeline.refusals[BINS_KEPT - 1], 1);
    }
}
