//! The cost of a scheme's payload as a QR symbol: the symbol's version, and how often a camera reads it.

use crate::Error;
use crate::evaluation::symbols::SymbolTrial;
use biopay_datasets::fingerprint::CaptureQuality;
use biopay_datasets::optics::Display;
use biopay_protocol::qr::Symbol;
use biopay_reports::interval::Rate;
use serde::Serialize;
use std::collections::BTreeMap;

/// The number of looks of a survey at each symbol on each display: enough to distinguish a symbol that is nearly always
/// read from one that often fails. Looks are the slowest part of a survey; `biopay dataset symbol` takes any number.
pub const SURVEY_LOOKS: u64 = 20;

/// The cost of a payload as a symbol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SymbolCost {
    /// The symbol's version, 1 to 40.
    pub version: u8,
    /// The share of looks at a screen in which the payload was read, at the default quality of looks.
    pub read_from_screen: Rate,
    /// The same share for paper.
    pub read_from_print: Rate,
}

/// The costs of symbols by payload size, each measured once: the cost depends only on the size.
pub struct SymbolCosts {
    seed: u64,
    looks: u64,
    known: BTreeMap<usize, Option<SymbolCost>>,
}

impl SymbolCosts {
    /// Starts with no size measured; each will be looked at so often on each display.
    pub fn new(seed: u64, looks: u64) -> Self {
        Self { seed, looks, known: BTreeMap::new() }
    }

    /// Returns the cost of a payload of a size; `None` if it is too large for a symbol.
    ///
    /// # Errors
    ///
    /// Those of [`SymbolTrial::measure`].
    pub fn of(&mut self, payload_bytes: usize) -> Result<Option<SymbolCost>, Error> {
        if let Some(known) = self.known.get(&payload_bytes) {
            return Ok(known.clone());
        }
        let cost = self.measure(payload_bytes)?;
        self.known.insert(payload_bytes, cost.clone());
        Ok(cost)
    }

    fn measure(&self, payload_bytes: usize) -> Result<Option<SymbolCost>, Error> {
        if Symbol::fitted(&vec![0; payload_bytes]).is_err() {
            return Ok(None);
        }
        let trial = |display| {
            let quality = CaptureQuality::default();
            SymbolTrial { display, quality, looks: self.looks, seed: self.seed }.measure(payload_bytes)
        };
        let (screen, print) = (trial(Display::Screen)?, trial(Display::Print)?);
        Ok(Some(SymbolCost { version: screen.version, read_from_screen: screen.read, read_from_print: print.read }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_payload_needs_a_larger_symbol_that_is_read_less_often() {
        let mut costs = SymbolCosts::new(1, SURVEY_LOOKS);
        let small = costs.of(44).unwrap().unwrap();
        let large = costs.of(1_500).unwrap().unwrap();
        assert!(small.version < large.version);
        assert!(small.read_from_screen.count > large.read_from_screen.count);
        assert!(costs.of(3_000).unwrap().is_none());
        assert_eq!(costs.of(44).unwrap(), Some(small));
        assert_eq!(costs.known.keys().copied().collect::<Vec<_>>(), [44, 1_500, 3_000]);
    }
}
