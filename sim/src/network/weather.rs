//! What goes wrong with one handset's datagrams beside its link's own losses.

use crate::time::Nanos;
use rand::{Rng, RngExt};

/// The greatest delay of a datagram that is overtaken. Units: nanoseconds.
const OVERTAKEN_MAX: Nanos = 400_000_000;

/// The faults of one handset's way to the server. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// Whether everything from the handset is lost.
    pub cut_up: bool,
    /// Whether everything to the handset is lost.
    pub cut_down: bool,
    /// The share of datagrams that arrive twice.
    pub duplicated: f64,
    /// The share that later ones overtake.
    pub overtaken: f64,
    /// The share of which a bit is flipped.
    pub corrupted: f64,
    /// The length above which datagrams are lost; 0 for none. Units: bytes.
    pub mtu: usize,
    /// How often a NAT gave the handset another port.
    pub rebound: u16,
}

impl Weather {
    /// Returns the copies of a datagram that arrive, each with its delay; without faults nothing is drawn.
    pub(super) fn pass(&self, is_cut: bool, bytes: &[u8], rng: &mut impl Rng) -> Vec<(Nanos, Vec<u8>)> {
        if is_cut || self.mtu > 0 && bytes.len() > self.mtu {
            return Vec::new();
        }
        let mut happens = |share: f64| share > 0.0 && rng.random_bool(share);
        let (twice, late, flipped) = (happens(self.duplicated), happens(self.overtaken), happens(self.corrupted));
        let mut bytes = bytes.to_vec();
        if flipped && !bytes.is_empty() {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        let delay = if late { rng.random_range(0..OVERTAKEN_MAX) } else { 0 };
        let mut copies = vec![(delay, bytes)];
        if twice {
            let again = copies[0].1.clone();
            copies.push((rng.random_range(0..OVERTAKEN_MAX), again));
        }
        copies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biopay_datasets::stream::stream;

    #[test]
    fn each_fault_does_what_it_says() {
        let mut rng = stream(1, "test/weather", 0);
        let fine = Weather::default();
        assert_eq!(fine.pass(false, b"abc", &mut rng), [(0, b"abc".to_vec())]);
        assert!(fine.pass(true, b"abc", &mut rng).is_empty());
        assert!(Weather { mtu: 2, ..fine }.pass(false, b"abc", &mut rng).is_empty());
        assert_eq!(Weather { duplicated: 1.0, ..fine }.pass(false, b"abc", &mut rng).len(), 2);
        let flipped = Weather { corrupted: 1.0, ..fine }.pass(false, b"abc", &mut rng);
        let bits: u32 = flipped[0].1.iter().zip(b"abc").map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(bits, 1);
        assert!(Weather { overtaken: 1.0, ..fine }.pass(false, b"abc", &mut rng)[0].0 > 0);
    }
}
