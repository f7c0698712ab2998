//! Link profiles, each figure with its source.
//!
//! Rates and round-trip times of `2g`, `3g`, `4g` and `ethernet` are WebPageTest's connectivity presets (the
//! measurements of real carriers that page-speed tools have used since 2014): Mobile EDGE 240/200 kbit/s and 840 ms, 3G
//! 1.6 Mbit/s / 768 kbit/s and 300 ms, LTE 12/12 Mbit/s and 70 ms, FIOS 20/5 Mbit/s and 4 ms. `5g` is the public
//! non-standalone network that Kottkamp (Rohde & Schwarz, 2022) timed: one way 7 ms down and 18 ms up at their best and
//! worst, with rates of Narayanan et al. (WWW 2020) for low-band 5G. `wifi` has the hop of Sui et al. (MobiSys 2016: a
//! median of 3 ms over 47,000 devices; their tail, 20 ms at the 90th percentile, is a campus's and not a home's), with the
//! rates of a middling 802.11n link. `loopback` is this machine: pings of 54 µs, of which most is the hosts' own work.
//!
//! A preset says nothing of jitter, loss, queues and handover. Jitter is an assumption: on cellular links a fifth of the
//! one-way delay, exponential, in the order of the spread that Huang et al. (MobiSys 2012) show for LTE. Loss is that of
//! the presets of tools for calls over such networks (Loadero's: 1 % on EDGE, 0.5 % on 3G, 0.2 % on 4G); what link layers
//! leave over after their own repeats comes in bursts (Hasslinger and Hohlfeld, MMB 2008), here of two to four datagrams.
//! Queues are deep where carriers build them deep (Jiang et al., IMC 2012: seconds on cellular). An interruption of a
//! handover within a technology: 10.5 ms of user plane for LTE and less for 5G (3GPP TR 36.912, annex; TR 38.913, 7.7),
//! hundreds of milliseconds with a hard handover in 3G, and on 2G the 3 to 3.7 s that a field trial saw between GPRS/EDGE
//! and UMTS cells.

use super::loss::Loss;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The link profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileId {
    /// EDGE: the least that the patent asks for (paragraph 19).
    #[serde(rename = "2g")]
    TwoG,
    /// UMTS with HSPA.
    #[serde(rename = "3g")]
    ThreeG,
    /// LTE.
    #[serde(rename = "4g")]
    FourG,
    /// NR, non-standalone.
    #[serde(rename = "5g")]
    FiveG,
    /// A home's 802.11n.
    Wifi,
    /// A wired access line.
    Ethernet,
    /// No network at all.
    Loopback,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    /// Bits a second; headers count.
    pub rate_bps: f64,
    /// The least one-way delay, without the time to send.
    pub delay: Duration,
    /// The mean of the additional exponential delay. Datagrams never overtake each other: link layers deliver in order
    /// (3GPP TS 36.322, acknowledged mode).
    pub jitter: Duration,
    /// The loss on the way.
    pub loss: Loss,
    /// The size of the queue before the link; more is dropped. Units: bytes.
    pub queue_bytes: u32,
}

/// The frequency and length of a link's interruptions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interruptions {
    /// Mean time between two, exponential; zero for never.
    pub every: Duration,
    /// How long one takes.
    pub lasts: Duration,
}

impl Interruptions {
    /// Never.
    pub const NEVER: Self = Self { every: Duration::ZERO, lasts: Duration::ZERO };
}

/// The properties of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub id: ProfileId,
    /// From the handset.
    pub up: Direction,
    /// To the handset.
    pub down: Direction,
    /// Handovers to another cell: datagrams wait meanwhile.
    pub handover: Interruptions,
    /// Outages, as in a lift or a tunnel: datagrams are lost meanwhile.
    pub outage: Interruptions,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

impl ProfileId {
    /// Every profile, from the slowest.
    pub const ALL: [Self; 7] =
        [Self::TwoG, Self::ThreeG, Self::FourG, Self::FiveG, Self::Wifi, Self::Ethernet, Self::Loopback];

    /// Returns the name used in scenarios and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoG => "2g",
            Self::ThreeG => "3g",
            Self::FourG => "4g",
            Self::FiveG => "5g",
            Self::Wifi => "wifi",
            Self::Ethernet => "ethernet",
            Self::Loopback => "loopback",
        }
    }

    /// Finds a profile by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }

    /// Returns the link's properties; the module's documentation has the source of each figure.
    pub fn profile(self) -> Profile {
        let cell = |every_s, lasts_ms| Interruptions { every: Duration::from_secs(every_s), lasts: ms(lasts_ms) };
        let cellular = |rate_bps, delay: Duration, share, burst, queue_bytes| Direction {
            rate_bps,
            delay: delay * 4 / 5,
            jitter: delay / 5,
            loss: Loss { share, burst },
            queue_bytes,
        };
        let steady = |rate_bps, delay, jitter, loss| Direction { rate_bps, delay, jitter, loss, queue_bytes: 256_000 };
        let (up, down, handover, outage) = match self {
            Self::TwoG => (
                cellular(200e3, ms(420), 0.01, 4.0, 64_000),
                cellular(240e3, ms(420), 0.01, 4.0, 64_000),
                cell(300, 3_000),
                cell(1_800, 8_000),
            ),
            Self::ThreeG => (
                cellular(768e3, ms(150), 0.005, 3.0, 128_000),
                cellular(1.6e6, ms(150), 0.005, 3.0, 256_000),
                cell(300, 300),
                cell(1_800, 5_000),
            ),
            Self::FourG => (
                cellular(12e6, ms(35), 0.002, 2.0, 512_000),
                cellular(12e6, ms(35), 0.002, 2.0, 1_000_000),
                cell(300, 50),
                cell(3_600, 3_000),
            ),
            Self::FiveG => (
                cellular(30e6, ms(18), 0.001, 2.0, 1_000_000),
                cellular(100e6, ms(7), 0.001, 2.0, 2_000_000),
                cell(300, 20),
                cell(3_600, 2_000),
            ),
            Self::Wifi => (
                steady(20e6, us(1_500), us(1_000), Loss { share: 0.002, burst: 2.0 }),
                steady(40e6, us(1_500), us(1_000), Loss { share: 0.002, burst: 2.0 }),
                Interruptions::NEVER,
                Interruptions::NEVER,
            ),
            Self::Ethernet => (
                steady(5e6, ms(2), us(100), Loss { share: 0.0001, burst: 1.5 }),
                steady(20e6, ms(2), us(100), Loss { share: 0.0001, burst: 1.5 }),
                Interruptions::NEVER,
                Interruptions::NEVER,
            ),
            Self::Loopback => (
                steady(10e9, us(8), Duration::ZERO, Loss::NONE),
                steady(10e9, us(8), Duration::ZERO, Loss::NONE),
                Interruptions::NEVER,
                Interruptions::NEVER,
            ),
        };
        Profile { id: self, up, down, handover, outage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_profiles_belong_together() {
        for id in ProfileId::ALL {
            assert_eq!(ProfileId::named(id.name()), Some(id));
            assert_eq!(id.profile().id, id);
            assert_eq!(serde_json::to_value(id).unwrap(), id.name());
        }
        assert_eq!(ProfileId::named("6g"), None);
    }
}
