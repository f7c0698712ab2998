//! Bursts of loss: the model of Gilbert (1960), the two-state case of Elliott (1963) in which the good state loses
//! nothing and the bad one everything.

use rand::{Rng, RngExt};

/// The share of lost datagrams, and the length of bursts of loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Share of datagrams that are lost, in [0, 1).
    pub share: f64,
    /// Mean number of datagrams in a row that are lost; 1 / (1 - share) makes losses independent, and is the least
    /// that there can be.
    pub burst: f64,
}

impl Loss {
    /// No loss.
    pub const NONE: Self = Self { share: 0.0, burst: 1.0 };

    /// Returns the probability of leaving the bad state with a datagram.
    fn recovers(self) -> f64 {
        1.0 / self.burst.max(1.0 / (1.0 - self.share))
    }

    /// Returns the probability of entering the bad state with a datagram, such that the share of time in it is the
    /// share of losses.
    fn fails(self) -> f64 {
        self.share * self.recovers() / (1.0 - self.share)
    }
}

/// The state of the channel: good, or bad.
#[derive(Clone, Copy, Debug, Default)]
pub struct Channel {
    is_bad: bool,
}

impl Channel {
    /// Advances by one datagram, and returns whether it is lost.
    pub fn loses(&mut self, loss: Loss, rng: &mut impl Rng) -> bool {
        let change = if self.is_bad { loss.recovers() } else { loss.fails() };
        if change > 0.0 && rng.random_bool(change) {
            self.is_bad = !self.is_bad;
        }
        self.is_bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biopay_datasets::stream::stream;

    /// 400,000 datagrams. The variance of a two-state chain's mean is p(1-p)(1+ρ)/(1-ρ)/n with ρ = 1 - fails -
    /// recovers: the share's standard error is 0.00043, the tolerance 5 of them; a burst's mean over about 2,600
    /// bursts has one of 0.05, the tolerance 4. One seed in 15,000 would fail.
    #[test]
    fn share_and_burst_are_as_configured() {
        let loss = Loss { share: 0.02, burst: 3.0 };
        let rng = &mut stream(1, "test/loss", 0);
        let mut channel = Channel::default();
        let (mut lost, mut bursts, mut was_lost) = (0, 0, false);
        const DATAGRAMS: u32 = 400_000;
        for _ in 0..DATAGRAMS {
            let is_lost = channel.loses(loss, rng);
            lost += u32::from(is_lost);
            bursts += u32::from(is_lost && !was_lost);
            was_lost = is_lost;
        }
        let share = f64::from(lost) / f64::from(DATAGRAMS);
        let burst = f64::from(lost) / f64::from(bursts);
        assert!((share - loss.share).abs() < 0.0022, "{share}");
        assert!((burst - loss.burst).abs() < 0.2, "{burst}");
    }

    #[test]
    fn a_clean_link_loses_nothing() {
        let rng = &mut stream(1, "test/loss", 1);
        let mut channel = Channel::default();
        assert!((0..10_000).all(|_| !channel.loses(Loss::NONE, rng)));
    }
}
