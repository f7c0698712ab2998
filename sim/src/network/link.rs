//! One direction of one handset's link: rate, delay, queue, loss and interruptions, applied to each datagram.

use super::loss::Channel;
use super::profile::{Direction, Interruptions};
use crate::time::Nanos;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use std::time::Duration;

/// IPv6 and UDP headers, which the radio carries too. Units: bytes.
const HEADER_BYTES: u32 = 48;

/// The fate of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives at this instant.
    Arrives(Nanos),
    /// The queue was full.
    Dropped,
    /// It was lost on the way.
    Lost,
}

/// The state of one direction of a link.
#[derive(Clone, Debug)]
pub struct Link {
    rng: ChaCha8Rng,
    channel: Channel,
    sent_until: Nanos,
    arrived_until: Nanos,
    handover: Renewal,
    outage: Renewal,
}

impl Link {
    /// Creates an idle link.
    pub fn new(rng: ChaCha8Rng) -> Self {
        let (handover, outage) = (Renewal::default(), Renewal::default());
        Self { rng, channel: Channel::default(), sent_until: 0, arrived_until: 0, handover, outage }
    }

    /// Takes a datagram of `bytes` bytes at `now`, and returns its fate.
    pub fn pass(
        &mut self,
        direction: &Direction,
        handover: Interruptions,
        outage: Interruptions,
        now: Nanos,
        bytes: usize,
    ) -> Fate {
        if self.outage.is_under_way(outage, now, &mut self.rng).is_some() {
            return Fate::Lost;
        }
        let ready = self.handover.is_under_way(handover, now, &mut self.rng).unwrap_or(now);
        let bits = f64::from((bytes as u32 + HEADER_BYTES) * 8);
        // Until a handover ends nothing is sent, and that time does not count as backlog.
        let backlog = self.sent_until.saturating_sub(ready) as f64 * direction.rate_bps / 8e9;
        if backlog + bits / 8.0 > f64::from(direction.queue_bytes) {
            return Fate::Dropped;
        }
        let begins = self.sent_until.max(ready);
        self.sent_until = begins + (bits / direction.rate_bps * 1e9) as Nanos;
        if self.channel.loses(direction.loss, &mut self.rng) {
            return Fate::Lost;
        }
        let jitter = nanos(direction.jitter) as f64 * self.unit_exponential(direction.jitter);
        let arrives = self.sent_until + nanos(direction.delay) + jitter as Nanos;
        self.arrived_until = self.arrived_until.max(arrives);
        Fate::Arrives(self.arrived_until)
    }

    /// Draws an exponential number of mean 1, or 0 without jitter, so that a link without jitter draws nothing.
    fn unit_exponential(&mut self, jitter: Duration) -> f64 {
        if jitter.is_zero() { 0.0 } else { Exp1.sample(&mut self.rng) }
    }
}

/// A renewal process of interruptions, drawn only up to the last instant that was asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Renewal {
    begins: Nanos,
    ends: Nanos,
}

impl Renewal {
    /// Returns when the interruption that `now` falls into ends; `None` between two.
    fn is_under_way(&mut self, what: Interruptions, now: Nanos, rng: &mut ChaCha8Rng) -> Option<Nanos> {
        if what.every.is_zero() {
            return None;
        }
        // The process has no memory, so a long silence is crossed in one step.
        if self.ends == 0 || now > self.ends + 100 * nanos(what.every) {
            self.begin_after(now.saturating_sub(nanos(what.lasts)), what, rng);
        }
        while self.ends <= now {
            self.begin_after(self.ends, what, rng);
        }
        (self.begins <= now).then_some(self.ends)
    }

    fn begin_after(&mut self, from: Nanos, what: Interruptions, rng: &mut ChaCha8Rng) {
        let gap: f64 = -libm::log1p(-rng.random::<f64>());
        self.begins = from + (gap * nanos(what.every) as f64) as Nanos;
        self.ends = self.begins + nanos(what.lasts);
    }
}

fn nanos(duration: Duration) -> Nanos {
    duration.as_nanos() as Nanos
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::loss::Loss;
    use crate::network::profile::ProfileId;
    use biopay_datasets::stream::stream;

    fn link(index: u64) -> Link {
        Link::new(stream(1, "test/link", index))
    }

    fn plain(rate_bps: f64, delay: Duration, queue_bytes: u32) -> Direction {
        Direction { rate_bps, delay, jitter: Duration::ZERO, loss: Loss::NONE, queue_bytes }
    }

    #[test]
    fn datagrams_wait_for_each_other_and_then_for_the_delay() {
        let mut link = link(0);
        // 952 + 48 bytes at 8 Mbit/s: a millisecond each.
        let direction = plain(8e6, Duration::from_millis(10), 1_000_000);
        let never = Interruptions::NEVER;
        let arrivals = [0, 0, 5_000_000].map(|now| link.pass(&direction, never, never, now, 952));
        assert_eq!(arrivals, [11_000_000, 12_000_000, 16_000_000].map(Fate::Arrives));
    }

    #[test]
    fn a_full_queue_drops() {
        let mut link = link(0);
        let direction = plain(8e6, Duration::ZERO, 2_500);
        let never = Interruptions::NEVER;
        let fates = [0; 4].map(|now| link.pass(&direction, never, never, now, 952));
        assert_eq!(fates[2..], [Fate::Dropped, Fate::Dropped]);
        assert!(matches!(link.pass(&direction, never, never, 1_000_000, 952), Fate::Arrives(_)));
    }

    #[test]
    fn a_handover_holds_back_and_an_outage_loses() {
        let direction = plain(1e9, Duration::ZERO, 1_000_000);
        let (often, never) =
            (Interruptions { every: Duration::from_secs(1), lasts: Duration::from_secs(1) }, Interruptions::NEVER);
        let seconds = |s: u64| s * 500_000_000;
        let mut held = link(1);
        let late = (0..4_000).filter(|&s| match held.pass(&direction, often, never, seconds(s), 100) {
            Fate::Arrives(at) => at > seconds(s) + 1_000_000,
            Fate::Lost | Fate::Dropped => panic!("a handover loses nothing"),
        });
        // Half of the time is away: 2,000 ± 5 standard deviations of an alternating process (about 45 each).
        assert!((1_775..2_225).contains(&late.count()));
        let mut lossy = link(2);
        let lost = (0..4_000).filter(|&s| lossy.pass(&direction, never, often, seconds(s), 100) == Fate::Lost);
        assert!((1_775..2_225).contains(&lost.count()));
    }

    /// Every profile, loaded with more than it takes: the throughput is the rate, within the last datagram's time.
    #[test]
    fn a_profile_carries_its_rate() {
        for id in ProfileId::ALL {
            let profile = id.profile();
            for direction in [profile.up, profile.down] {
                let quiet = Direction { loss: Loss::NONE, jitter: Duration::ZERO, ..direction };
                let mut link = link(3);
                let (mut now, mut bits, mut last) = (0, 0.0, 0);
                while now < 20_000_000_000 {
                    if let Fate::Arrives(at) = link.pass(&quiet, Interruptions::NEVER, Interruptions::NEVER, now, 1_152)
                    {
                        (bits, last) = (bits + 9_600.0, at - nanos(direction.delay));
                    }
                    now += (9_600.0 / direction.rate_bps * 0.8e9) as Nanos + 1;
                    if bits > 2e9 {
                        break;
                    }
                }
                let rate = bits / last as f64 * 1e9;
                // A datagram of 960 ns is sent in whole nanoseconds.
                assert!((rate / direction.rate_bps - 1.0).abs() < 0.002, "{}: {rate}", id.name());
            }
        }
    }
}
