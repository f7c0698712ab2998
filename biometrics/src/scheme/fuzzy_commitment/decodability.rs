//! The decodability attack on fuzzy commitments: whether the exclusive or of two offsets decodes.
//!
//! Two offsets c₁ xor w₁ and c₂ xor w₂ of one subject, over the same bits in the same order, differ by c₁ xor c₂, which
//! is a codeword of a linear code, and w₁ xor w₂, which is a few errors: the decoder finds the codeword. Of two subjects
//! the errors are as many as in a random word, which lies near no codeword. The attacker needs both helpers and the
//! code, all public, and no biometric. A permutation of each record's own makes c₂ a word of another code.
//!
//! That answers this attack alone. Both permutations are public, so that the two codes together are a linear code of 2k
//! bits which the attacker can undo: 2k positions free of errors give both keys. A draw of positions is so with a chance
//! of about (1 - e)^2k at an error rate e between the records: 2^-75 at the default k = 160 and e = 0.15, but 2^-30 at
//! k = 64. No public transform of a binary commitment can prevent that (Tams 2014).
//!
//! Measured by `biopay evaluate --modality fingerprint --quality 0.9 --scheme all --subjects 40 --captures 4`, whose
//! linkability runs this attack: D_sys is 0.002 (unlinkable data shows up to 0.018), and 0.94 (0.043) with the systematic
//! order in `--parameters`.
//!
//! Sources: Simoens, Tuyls and Preneel 2009 (the attack); Kelkboom, Breebaart, Kevenaar, Buhan and Veldhuis 2011 (the
//! permutation against it); Tams 2014, "Decodability attack against the fuzzy commitment scheme with public feature
//! transforms" (what the permutation leaves open).

use super::FuzzyCommitment;
use crate::Error;
use crate::scheme::parts::HelperData;

impl FuzzyCommitment {
    /// Tries to link two records by their helpers.
    ///
    /// Returns how many of the code's n bits the exclusive or of the offsets differs in from the codeword that the
    /// decoder finds, the fewer the likelier both are of one subject; `None` where it finds none. A bounded-distance
    /// decoder (BCH) finds one within its t errors or none; one that always decides on something (polar) needs a bound
    /// on the number.
    ///
    /// # Errors
    /// [`Error::Malformed`] for helper data of another scheme or other parameters.
    pub fn decodability(&self, a: &HelperData, b: &HelperData) -> Result<Option<u32>, Error> {
        let word = self.form().read_whole(a)?.offset.xor(&self.form().read_whole(b)?.offset);
        let soft: Vec<f32> = word.iter().map(|bit| if bit { 1.0 } else { -1.0 }).collect();
        Ok(self.code.decode(&soft).ok().map(|message| self.code.encode(&message).hamming(&word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Template;
    use crate::scheme::{CommitmentCode, CommitmentParameters, Permutation, Scheme};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const BITS: usize = 255;
    const SUBJECTS: usize = 40;
    /// A random word lies this near to one of 2^51 codewords with a chance of at most 2^-20: 51 + 255 H(0.2) - 255 = -20.
    const ERRORS_MAX: u32 = 51;
    const CODES: [CommitmentCode; 2] = [
        CommitmentCode::Bch { length: BITS, correctable: 42 },
        CommitmentCode::Polar { length: BITS, key_bits: 40, list: 8 },
    ];

    /// Enrols every subject at two services, one bit in ten having changed between them.
    fn helpers(scheme: &FuzzyCommitment) -> Vec<[HelperData; 2]> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let subject = |_| {
            let bits: Vec<bool> = (0..BITS).map(|_| rng.random()).collect();
            [0.0, 0.1].map(|errors| {
                let margin = |&bit: &bool| if bit != rng.random_bool(errors) { 1.0 } else { -1.0 };
                let template = Template::new(Vec::new(), bits.iter().map(margin).collect());
                scheme.enrol(&[template], None, &mut rng).unwrap().helper
            })
        };
        (0..SUBJECTS).map(subject).collect()
    }

    /// Returns how many mated and non-mated pairs of records are linked.
    fn linked(code: CommitmentCode, permutation: Permutation) -> (usize, usize) {
        let parameters = CommitmentParameters { code, permutation, ..Default::default() };
        let scheme = FuzzyCommitment::new(parameters).unwrap();
        let helpers = helpers(&scheme);
        let is_linked = |i: usize, j: usize| {
            let errors = scheme.decodability(&helpers[i][0], &helpers[j][1]).unwrap();
            usize::from(errors.is_some_and(|errors| errors <= ERRORS_MAX))
        };
        let mated = (0..SUBJECTS).map(|i| is_linked(i, i)).sum();
        let non_mated = (0..SUBJECTS).flat_map(|i| (0..SUBJECTS).filter(move |&j| j != i).map(move |j| (i, j)));
        (mated, non_mated.map(|(i, j)| is_linked(i, j)).sum())
    }

    #[test]
    fn one_order_for_all_records_links_them_and_an_order_for_each_does_not() {
        for code in CODES {
            let (mated, non_mated) = linked(code, Permutation::Systematic);
            // 25.5 +- 4.8 errors, of which both codes correct 42.
            assert!(mated >= 38, "{code:?} linked {mated} of {SUBJECTS}");
            assert_eq!(non_mated, 0, "{code:?}");
            assert_eq!(linked(code, Permutation::PerRecord), (0, 0), "{code:?}");
        }
    }

    #[test]
    fn a_foreign_helper_is_refused() {
        let scheme = |code| FuzzyCommitment::new(CommitmentParameters { code, ..Default::default() }).unwrap();
        let [bch, polar] = CODES.map(scheme);
        let (own, foreign) = (&helpers(&bch)[0], &helpers(&polar)[0]);
        assert!(bch.decodability(&own[0], &foreign[1]).is_err());
        assert!(bch.decodability(&own[0], &HelperData(vec![2; 3])).is_err());
    }
}
