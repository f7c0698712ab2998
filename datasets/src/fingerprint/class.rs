//! Pattern classes and their natural shares.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Names the pattern class of a finger (Henry's system with tented arches kept apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatternClass {
    /// Ridges rise and fall from side to side, with no singular point.
    Arch,
    /// An arch with a loop and a delta one above the other.
    TentedArch,
    /// Ridges enter from the left as seen in the image, turn round the core, and leave to the left.
    LeftLoop,
    /// The mirror image of a left loop.
    RightLoop,
    /// Two cores and two deltas.
    Whorl,
}

impl PatternClass {
    /// All classes, in the order of [`SHARES`].
    pub const ALL: [Self; 5] = [Self::Arch, Self::TentedArch, Self::LeftLoop, Self::RightLoop, Self::Whorl];

    /// Returns the name that the command line and the manifests use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arch => "arch",
            Self::TentedArch => "tented-arch",
            Self::LeftLoop => "left-loop",
            Self::RightLoop => "right-loop",
            Self::Whorl => "whorl",
        }
    }

    /// Finds a class by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Draws a class by the natural [`SHARES`].
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let mut left = rng.random_range(0..SHARES.iter().sum::<u32>());
        for (class, share) in Self::ALL.into_iter().zip(SHARES) {
            if left < share {
                return class;
            }
            left -= share;
        }
        Self::Whorl
    }
}

/// Natural shares of the classes in thousandths, in the order of [`PatternClass::ALL`].
///
/// Source: Wilson, Candela and Watson, Neural network fingerprint classification, 1994, over the FBI's files.
pub const SHARES: [u32; 5] = [37, 29, 338, 317, 279];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    #[test]
    fn names_find_their_class() {
        assert!(PatternClass::ALL.into_iter().all(|class| PatternClass::named(class.name()) == Some(class)));
        assert_eq!(PatternClass::named("loop"), None);
    }

    /// Chi-squared with 4 degrees of freedom exceeds 33.4 once in a million draws; the seed is fixed besides.
    #[test]
    fn classes_come_in_their_natural_shares() {
        let draws = 20_000u64;
        let mut counts = [0f64; 5];
        for subject in 0..draws {
            counts[PatternClass::draw(&mut stream(1, "fingerprint/class", subject)) as usize] += 1.0;
        }
        let chi_squared: f64 = counts
            .iter()
            .zip(SHARES)
            .map(|(count, share)| (count, draws as f64 * f64::from(share) / 1000.0))
            .map(|(count, expected)| (count - expected) * (count - expected) / expected)
            .sum();
        assert!(chi_squared < 33.4, "chi-squared {chi_squared} of {counts:?}");
    }
}
