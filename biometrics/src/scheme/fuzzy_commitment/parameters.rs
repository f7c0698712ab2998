//! Which code, bits and order a fuzzy commitment takes.

use crate::Error;
use crate::code::concatenated::BLOCK_BITS;
use crate::code::{Bch, BlockCode, Concatenated, Polar};
use serde::{Deserialize, Serialize};

/// Key bits of polar codes that tuning tries; the shortest are what a payload needs against guessing on line.
const POLAR_KEY_BITS: [usize; 7] = [64, 96, 128, 160, 192, 224, 256];
/// Outer message symbols of concatenated codes that tuning tries, of 7 bits each.
const OUTER_SYMBOLS: [usize; 5] = [10, 11, 12, 13, 14];
/// Shares of a BCH code's length that tuning has it correct.
const BCH_SHARES: [f64; 6] = [0.22, 0.20, 0.18, 0.16, 0.14, 0.12];

/// An error-correcting code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "family", deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum CommitmentCode {
    /// A primitive binary BCH code, decoded from signs alone.
    Bch {
        /// Bits of a codeword: 127, 255, 511 or 1023.
        length: usize,
        /// Bit errors that the code must correct; more when the same code gives more.
        correctable: usize,
    },
    /// Reed-Solomon over GF(2^7) and a Hadamard code of 64 bits.
    ReedSolomonHadamard {
        /// Hadamard codewords, of 64 bits each.
        blocks: usize,
        /// Reed-Solomon message symbols, of 7 bits each.
        message_symbols: usize,
    },
    /// A polar code with list decoding.
    Polar {
        /// Bits of a codeword, 16 to 2,048.
        length: usize,
        /// Bits of the key.
        key_bits: usize,
        /// Paths that the decoder keeps, 1 to 64.
        list: usize,
    },
}

/// A polar code of 160 key bits over the first 1,023 bits of the template.
///
/// Measured by `biopay evaluate --modality fingerprint --scheme fuzzy-commitment --enrol 3 --subjects 200`: with
/// `--quality 0.9` 1 false reject in 600 (at most 0.93 %) and 106 false accepts in 119,400 (0.089 %; 0.023 to 0.23 %); at the
/// default quality 40 in 600 (4.5 to 9.5 %) and 77 in 119,400 (0.064 %; 0.016 to 0.17 %). False accepts come from few pairs
/// of look-alike fingers, so that a longer key alone does not end them: `biopay tune --target-fmr 1e-4 --quality 0.9
/// --subjects 240` finds no polar code up to 256 bits. On real prints, by `--images DIR --dpi 500`: 9 in 50 (FVC2002 DB1_B,
/// 4.5 to 42 %) and 23 in 50 (DB3_B, 28 to 65 %), no false accept in 450 each.
impl Default for CommitmentCode {
    fn default() -> Self {
        Self::Polar { length: 1_023, key_bits: 160, list: 8 }
    }
}

impl CommitmentCode {
    /// Builds the code.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such code.
    pub fn build(self) -> Result<Box<dyn BlockCode>, Error> {
        Ok(match self {
            Self::Bch { length, correctable } => Box::new(Bch::new(length, correctable)?),
            Self::ReedSolomonHadamard { blocks, message_symbols } => {
                Box::new(Concatenated::new(blocks, message_symbols)?)
            }
            Self::Polar { length, key_bits, list } => Box::new(Polar::new(length, key_bits, list)?),
        })
    }

    /// Returns the length of a codeword. Units: bits.
    pub fn length(self) -> usize {
        match self {
            Self::Bch { length, .. } | Self::Polar { length, .. } => length,
            Self::ReedSolomonHadamard { blocks, .. } => blocks * BLOCK_BITS,
        }
    }

    /// Lists the codes of the same family and length that tuning tries, of ever longer keys, with their names.
    pub(super) fn variations(self) -> Vec<(String, Self)> {
        match self {
            Self::Polar { length, list, .. } => POLAR_KEY_BITS
                .map(|key_bits| (format!("polar ({length}, {key_bits})"), Self::Polar { length, key_bits, list }))
                .to_vec(),
            Self::ReedSolomonHadamard { blocks, .. } => {
                let fitting = OUTER_SYMBOLS.into_iter().filter(|&symbols| symbols <= blocks);
                let code = |message_symbols| {
                    let name = format!("Reed-Solomon ({blocks}, {message_symbols}) and Hadamard");
                    (name, Self::ReedSolomonHadamard { blocks, message_symbols })
                };
                fitting.map(code).collect()
            }
            Self::Bch { length, .. } => {
                let code = |share: f64| {
                    let correctable = (share * length as f64) as usize;
                    (format!("BCH {length}, t = {correctable}"), Self::Bch { length, correctable })
                };
                BCH_SHARES.map(code).into_iter().filter(|(_, code)| code.build().is_ok()).collect()
            }
        }
    }

    /// Returns the code's family as helper data name it.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Bch { .. } => 1,
            Self::ReedSolomonHadamard { .. } => 2,
            Self::Polar { .. } => 3,
        }
    }
}

/// Which of the template's bits are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The first n, whoever the subject is: the helper tells nothing about reliabilities.
    #[default]
    All,
    /// The n that enrolment found most reliable, which the helper then tells.
    Reliable,
}

/// The order in which they are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permutation {
    /// In each record's own random order.
    #[default]
    PerRecord,
    /// In the template's order in every record, which lets records be linked.
    Systematic,
}

/// What the offset is published under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelperKey {
    /// Nothing: the helper is public.
    #[default]
    None,
    /// The device token, so that a helper alone tells nothing. Without a token it is public.
    Token,
}

/// The parameters of `fuzzy-commitment`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommitmentParameters {
    /// The error-correcting code.
    pub code: CommitmentCode,
    /// Which bits are taken.
    pub selection: Selection,
    /// In which order.
    pub permutation: Permutation,
    /// What the offset is published under.
    pub helper_key: HelperKey,
}
