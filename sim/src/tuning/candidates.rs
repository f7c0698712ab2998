//! Which parameters are tried for each scheme.

use crate::Error;
use biopay_biometrics::scheme::{CommitmentCode, SchemeId, SchemeParameters};

/// Bits that `digest` is tried with.
const DIGEST_BITS: [usize; 9] = [4, 6, 8, 10, 12, 14, 16, 20, 24];
/// Key bits that a polar code is tried with; the shortest are what a payload needs against guessing on line.
const POLAR_KEY_BITS: [usize; 7] = [64, 96, 128, 160, 192, 224, 256];
/// Outer message symbols that the concatenated code is tried with, of 7 bits each.
const OUTER_SYMBOLS: [usize; 5] = [10, 11, 12, 13, 14];
/// Shares of a BCH code's length that it is tried to correct.
const BCH_SHARES: [f64; 6] = [0.22, 0.20, 0.18, 0.16, 0.14, 0.12];
/// Coefficients that the vault's secret is tried with.
const VAULT_COEFFICIENTS: [usize; 9] = [2, 3, 4, 5, 6, 7, 8, 9, 10];
/// Subsets that lockers are tried with.
const LOCKER_SUBSETS: [usize; 9] = [12, 16, 20, 24, 28, 32, 40, 48, 64];

/// Lists an equality scheme's candidates with their names, from the most to the least permissive; a threshold scheme
/// has none.
pub(super) fn ladder(scheme: SchemeId, base: &SchemeParameters) -> Vec<(String, SchemeParameters)> {
    let with = |name: String, change: &dyn Fn(&mut SchemeParameters)| {
        let mut parameters = base.clone();
        change(&mut parameters);
        (name, parameters)
    };
    match scheme {
        SchemeId::Digest => DIGEST_BITS.map(|n| with(format!("{n} bits"), &|p| p.digest_bits = n)).to_vec(),
        SchemeId::FuzzyCommitment => {
            let codes = codes(base.fuzzy_commitment.code).into_iter();
            codes.map(|(name, code)| with(name, &|p| p.fuzzy_commitment.code = code)).collect()
        }
        SchemeId::FuzzyVault => {
            VAULT_COEFFICIENTS.map(|k| with(format!("k = {k}"), &|p| p.fuzzy_vault.coefficients = k)).to_vec()
        }
        SchemeId::SampleThenLock => {
            LOCKER_SUBSETS.map(|s| with(format!("{s} bits"), &|p| p.sample_then_lock.subset = s)).to_vec()
        }
        SchemeId::Template | SchemeId::BioHash | SchemeId::IndexOfMax => Vec::new(),
    }
}

/// Lists the codes of one family and length, of ever longer keys.
fn codes(base: CommitmentCode) -> Vec<(String, CommitmentCode)> {
    match base {
        CommitmentCode::Polar { length, list, .. } => POLAR_KEY_BITS
            .map(|key_bits| (format!("polar ({length}, {key_bits})"), CommitmentCode::Polar { length, key_bits, list }))
            .to_vec(),
        CommitmentCode::ReedSolomonHadamard { blocks, .. } => OUTER_SYMBOLS
            .into_iter()
            .filter(|&symbols| symbols <= blocks)
            .map(|message_symbols| {
                let name = format!("Reed-Solomon ({blocks}, {message_symbols}) and Hadamard");
                (name, CommitmentCode::ReedSolomonHadamard { blocks, message_symbols })
            })
            .collect(),
        CommitmentCode::Bch { length, .. } => BCH_SHARES
            .map(|share| {
                let correctable = (share * length as f64) as usize;
                (format!("BCH {length}, t = {correctable}"), CommitmentCode::Bch { length, correctable })
            })
            .into_iter()
            .filter(|(_, code)| code.build().is_ok())
            .collect(),
    }
}

/// Sets a threshold scheme's threshold, at least what the scheme allows; returns it.
///
/// Errors: [`Error::Usage`] for a scheme without one.
pub(super) fn set_threshold(scheme: SchemeId, parameters: &mut SchemeParameters, threshold: f32) -> Result<f32, Error> {
    let by_chance = 1.0 / parameters.index_of_max.group_size as f32;
    let (place, least) = match scheme {
        SchemeId::Template => (&mut parameters.template_threshold, 0.5f32),
        SchemeId::BioHash => (&mut parameters.biohash.threshold, 0.5),
        SchemeId::IndexOfMax => (&mut parameters.index_of_max.threshold, by_chance),
        other => return Err(Error::Usage(format!("{} has no threshold", other.name()))),
    };
    *place = threshold.clamp(least.next_up(), 1.0);
    Ok(*place)
}
