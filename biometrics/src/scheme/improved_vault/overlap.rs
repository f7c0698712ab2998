//! The overlap attack on two vaults: whether dividing one by the other falls out of step.
//!
//! Let A and B be the sets of two records with the same labels, ω elements in common, V = χ_A + κ and W = χ_B + λ. Then
//! χ_{B∖A} V - χ_{A∖B} W = χ_{B∖A} κ - χ_{A∖B} λ has a degree below t - ω + k, and Euclid's algorithm on V and W meets it:
//! its remainders lose one degree a step (two once in 2^16), but at that one they fall from ω to below t - ω + k. The fall
//! is 2 ω - t - k + 1 or more, and stands out where the overlap would have opened the vault, ω >= (t + k)/2. The attacker
//! needs both helpers, which are public, and no biometric.
//!
//! Labels of each record's own answer this attack: undoing both public permutations gives two polynomials over one
//! universe, but not of low degree, so that no step stands out. Either vault alone still opens to whoever tries k elements
//! of its set, log2 [C(u, k) / C(t, k)] bits of work, and opened vaults are linked by their sets.
//!
//! Source: Merkle and Tams 2013, "Security of the improved fuzzy vault scheme in the presence of record multiplicity".

use super::VaultForm;
use crate::Error;
use crate::code::interpolation::remainder_lengths;
use crate::scheme::parts::HelperData;

impl VaultForm {
    /// Returns the most degrees that a remainder of Euclid's algorithm on the two vaults loses in one step; 1 is what
    /// unrelated vaults show.
    ///
    /// # Errors
    /// [`Error::Malformed`] for helper data of another scheme or other parameters.
    pub(in crate::scheme) fn overlap_step(&self, a: &HelperData, b: &HelperData) -> Result<usize, Error> {
        let [a, b] = [self.read(a)?, self.read(b)?].map(|vault| vault.polynomial);
        let lengths = remainder_lengths(&self.field, a, b);
        Ok(lengths.windows(2).map(|pair| pair[0] - pair[1]).max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Permutation, SchemeId};
    use rand::SeedableRng;
    use rand::seq::index;
    use rand_chacha::ChaCha8Rng;

    fn form(permutation: Permutation) -> VaultForm {
        VaultForm::new(SchemeId::FuzzyVault, [224, 24, 9], permutation, 16).unwrap()
    }

    fn helpers(form: &VaultForm, overlap: usize, rng: &mut ChaCha8Rng) -> [HelperData; 2] {
        let drawn = index::sample(rng, 224, 48).into_vec();
        let (first, others) = drawn.split_at(24);
        let second: Vec<usize> = first[..overlap].iter().chain(&others[overlap..]).copied().collect();
        [first, &second].map(|set| form.lock(set, rng).helper)
    }

    #[test]
    fn labels_of_everybody_link_vaults_that_overlap_enough_to_open_and_labels_of_each_record_do_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for permutation in [Permutation::Systematic, Permutation::PerRecord] {
            let form = form(permutation);
            for overlap in [0, 10, 16, 17, 18, 20, 24] {
                for _ in 0..10 {
                    let [a, b] = helpers(&form, overlap, &mut rng);
                    let step = form.overlap_step(&a, &b).unwrap();
                    // One element in 2^16 leads a remainder with zero: 24 steps, 140 pairs and 5 %.
                    let expected = match permutation {
                        Permutation::Systematic => (2 * overlap).saturating_sub(24 + 9 - 1).max(1),
                        Permutation::PerRecord => 1,
                    };
                    assert_eq!(step, expected, "{permutation:?}, overlap {overlap}");
                }
            }
        }
    }

    #[test]
    fn a_foreign_helper_is_refused() {
        let form = form(Permutation::PerRecord);
        let [own, _] = helpers(&form, 24, &mut ChaCha8Rng::seed_from_u64(2));
        assert!(form.overlap_step(&own, &HelperData(vec![1; 40])).is_err());
    }
}
