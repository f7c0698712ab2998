//! Shards: a scenario's handsets, or an evaluation's comparisons, divided among several runs.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// One of several parts: `i/n` with i below n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// The whole in one part.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Returns part `index` of `of`; `None` if there is no such part.
    pub fn new(index: u32, of: u32) -> Option<Self> {
        (index < of).then_some(Self { index, of })
    }

    /// Returns whether an account, with its attackers, or a unit of comparisons belongs to this part.
    pub fn holds(self, number: u32) -> bool {
        number % self.of == self.index
    }

    /// Returns the part's number and the number of parts.
    pub fn numbers(self) -> (u32, u32) {
        (self.index, self.of)
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let shard = parts.and_then(|(index, of)| Self::new(index, of));
        shard.ok_or_else(|| Error::Usage(format!("{text:?} is not a shard: use i/n with i from 0 to n - 1, as in 0/8")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_in_one_part() {
        let parts: Vec<Shard> = ["0/3", "1/3", "2/3"].map(|text| text.parse().unwrap()).to_vec();
        assert!((0..100).all(|account| parts.iter().filter(|part| part.holds(account)).count() == 1));
        for wrong in ["3/3", "0/0", "1", "a/b", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
