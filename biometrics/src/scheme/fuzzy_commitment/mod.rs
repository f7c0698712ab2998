//! The `fuzzy-commitment` scheme: a random key hidden by the template's bits under an error-correcting code.
//!
//! - **Construction.** At enrolment a random k-bit key is encoded into an n-bit codeword c; n of the template's bits,
//!   permuted, are w; the helper holds c xor w. A probe's margins, with the sign turned where the helper has a one, are
//!   soft values of c, which the code decodes. The payload is SHA-256(domain, salt, key), the record SHA-256 of the
//!   payload.
//! - **Parameters.** The code and its key; which bits are taken; the permutation. A template of fewer bits than the
//!   code is long is extended by rotations of its real-valued form.
//! - **Key bits.** k, and at most that: correlated template bits give less, which -log2 FMR and the entropy estimate
//!   bound (Ignatenko and Willems 2010).
//! - **What is public.** The helper: salt, permutation seed, c xor w, and with `reliable` selection which bits were
//!   taken. c xor w tells n - k bits about w, so that a template of less entropy than that is determined by it in
//!   principle, and the key is hard to find at best. The selection tells which projections of the template are large:
//!   with more projections than dimensions that is phase retrieval, and gave an attacker 92 % of the bits
//!   (`tests/reliability_leak.rs`), more than the code needs. `all` publishes nothing of the kind, and soft decoding
//!   needs nothing of the kind: a probe's margins are known to the probe alone. The helper holds no digest of the key, and
//!   yet it checks guesses where the template has more bits than dimensions, as 1,024 signs of an embedding's 128 numbers:
//!   c xor w of the right codeword is then a template, and that of a wrong one is none. Projected back and forth, the
//!   signs agree to 96 % (95 to 98), those of a wrong codeword near an impostor's own bits to 71 % (66 to 74). Whoever
//!   fetches a helper can therefore try one sample after the other without the server and its limit of tries: what stands
//!   against them is the false match rate alone, as if the record had leaked.
//! - **Revocation.** Enrolling again draws a new key, salt and permutation: the old payload no longer verifies. The
//!   per-record permutation defeats the decodability attack that links two helpers of one subject (Kelkboom et al.
//!   2011), though not every attack on two records ([`decodability`](super::decodability)); the systematic one, the same
//!   for every record, is there to measure that attack.
//! - **Sources.** Juels and Wattenberg 1999 (the commitment); Tuyls et al. 2005 (reliable-bit selection); Hao, Anderson
//!   and Daugman 2006 (concatenated code); Kelkboom, Breebaart, Kevenaar, Buhan and Veldhuis 2011 (permutation).

pub mod decodability;
mod helper;
mod opening;
mod parameters;

pub use parameters::{CommitmentCode, CommitmentParameters, HelperKey, Permutation, Selection};

use self::helper::{Form, Helper, SEED_BYTES, first_bits};
use super::equality;
use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::{Parameters, variations};
use super::parts::{Committed, DeviceToken, Enrolment, HelperData, TokenUse};
use super::payload::QrPayload;
use super::reference::{at_least, mean_of_at_least};
use crate::code::BlockCode;
use crate::{BitString, Error, Template};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

/// Most template bits that a helper may speak of.
const TEMPLATE_BITS_MAX: usize = 4_096;

impl Parameters for CommitmentParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(FuzzyCommitment::new(*self)?))
    }

    fn candidates(&self) -> Vec<(String, Self)> {
        variations(self, self.code.variations(), |p, code| p.code = code)
    }

    fn share_order(&mut self) {
        self.permutation = Permutation::Systematic;
    }
}

/// The scheme that commits to a random key under the template's bits.
pub struct FuzzyCommitment {
    parameters: CommitmentParameters,
    code: Box<dyn BlockCode>,
}

impl FuzzyCommitment {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such code.
    pub fn new(parameters: CommitmentParameters) -> Result<Self, Error> {
        let code = parameters.code.build()?;
        Ok(Self { parameters, code })
    }

    fn payload(&self, salt: &[u8], key: &BitString) -> QrPayload {
        let shape = [self.code.length(), self.code.message_bits()].map(|n| (n as u16).to_le_bytes()).concat();
        let family = [self.parameters.code.number()];
        equality::payload_of(SchemeId::FuzzyCommitment, &[salt, &family, &shape, &key.to_bytes()])
    }

    fn form(&self) -> Form {
        let (length, key_bits) = (self.code.length(), self.code.message_bits());
        Form { parameters: self.parameters, length, key_bits }
    }

    fn select(&self, margins: &[f32]) -> BitString {
        match self.parameters.selection {
            Selection::All => first_bits(margins.len(), self.code.length()),
            Selection::Reliable => most_reliable(margins, self.code.length()),
        }
    }

    /// Lists the selected positions in the order in which the codeword covers them.
    fn positions(&self, selected: &BitString, seed: [u8; SEED_BYTES]) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..selected.len()).filter(|&i| selected.bit(i)).collect();
        if self.parameters.permutation == Permutation::PerRecord {
            positions.shuffle(&mut ChaCha20Rng::from_seed(seed));
        }
        positions
    }

    /// Decodes the key from a probe's margins.
    fn decoded(&self, margins: &[f32], helper: &Helper) -> Result<BitString, Error> {
        let positions = self.positions(&helper.selected, helper.seed);
        let turned = |(position, is_turned): (usize, bool)| {
            if is_turned { -margins[position] } else { margins[position] }
        };
        let soft: Vec<f32> = positions.into_iter().zip(helper.offset.iter()).map(turned).collect();
        self.code.decode(&soft).map_err(|_| Error::FailedToDerive)
    }
}

impl Scheme for FuzzyCommitment {
    fn id(&self) -> SchemeId {
        SchemeId::FuzzyCommitment
    }

    fn key_bits(&self) -> Option<usize> {
        Some(self.code.message_bits())
    }

    fn bits_used(&self) -> Option<usize> {
        match self.parameters.selection {
            Selection::All => Some(self.code.length()),
            Selection::Reliable => None,
        }
    }

    fn token_use(&self) -> TokenUse {
        match self.parameters.helper_key {
            HelperKey::None => TokenUse::Ignored,
            HelperKey::Token => TokenUse::Keys,
        }
    }

    /// The committed bits: the code's own check lets one in 256 wrong keys of eight paths through, and what is redundant
    /// in the bits tells those.
    fn committed(&self, near: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Option<Committed> {
        self.committed_bits(near, helper, token).ok().map(Committed::Bits)
    }

    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let margins = mean_of_at_least(references, self.code.length())?;
        if margins.len() < self.code.length() || margins.len() > TEMPLATE_BITS_MAX {
            return Err(Error::FailureToEnrol("the template has fewer bits than the code is long"));
        }
        let salt = equality::salt(rng);
        let mut seed = [0; SEED_BYTES];
        rng.fill_bytes(&mut seed);
        let key = equality::random_bits(self.code.message_bits(), rng);
        let selected = self.select(&margins);
        let word = BitString::from_bits(self.positions(&selected, seed).into_iter().map(|i| margins[i] > 0.0));
        let is_bound = self.parameters.helper_key == HelperKey::Token && token.is_some();
        let offset = self.code.encode(&key).xor(&word);
        let helper = Helper { is_bound, salt, seed, selected, offset }.with_token(token)?;
        let helper = HelperData(helper.to_bytes(&self.form(), margins.len()));
        Ok(Enrolment { payload: self.payload(&salt, &key), helper })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let margins = at_least(probe, self.code.length());
        let helper = self.form().read(&helper.0, margins.len())?.with_token(token)?;
        let key = self.decoded(&margins, &helper)?;
        Ok(self.payload(&helper.salt, &key))
    }

    /// With `reliable` selection, which bits are reliable: it is the subject's own. The offset is hidden by the code.
    fn invert(&self, enrolment: &Enrolment, _token: Option<&DeviceToken>, _dimension: usize) -> Option<Vec<f32>> {
        if self.parameters.selection == Selection::All {
            return None;
        }
        let selected = self.form().read_whole(&enrolment.helper).ok()?.selected;
        let mean = selected.count_ones() as f32 / selected.len() as f32;
        Some(selected.iter().map(|bit| f32::from(u8::from(bit)) - mean).collect())
    }

    /// The share of bits in which the two offsets agree but for a codeword; 0 where no codeword is found.
    fn link(&self, a: &HelperData, b: &HelperData) -> Option<f32> {
        let errors = self.decodability(a, b).ok()?;
        Some(errors.map_or(0.0, |errors| 1.0 - errors as f32 / self.code.length() as f32))
    }
}

/// Marks the `count` bits with the largest absolute margin; ties go to the lower index.
fn most_reliable(margins: &[f32], count: usize) -> BitString {
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_by(|&a, &b| margins[b].abs().total_cmp(&margins[a].abs()).then(a.cmp(&b)));
    let mut selected = BitString::zeros(margins.len());
    order.into_iter().take(count).for_each(|index| selected.set(index, true));
    selected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{ComparisonDecision, ServerRecord};
    use proptest::prelude::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use sha2::{Digest, Sha256};

    const TEMPLATE: usize = 512;
    const BCH: CommitmentCode = CommitmentCode::Bch { length: 255, correctable: 42 };
    const CONCATENATED: CommitmentCode = CommitmentCode::ReedSolomonHadamard { blocks: 4, message_symbols: 2 };
    const POLAR: CommitmentCode = CommitmentCode::Polar { length: 255, key_bits: 40, list: 8 };

    fn scheme() -> FuzzyCommitment {
        of(BCH, Selection::Reliable, Permutation::PerRecord)
    }

    fn of(code: CommitmentCode, selection: Selection, permutation: Permutation) -> FuzzyCommitment {
        FuzzyCommitment::new(CommitmentParameters { code, selection, permutation, ..Default::default() }).unwrap()
    }

    fn random_margins(bits: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        (0..bits).map(|_| rng.random_range(0.1f32..3.0) * if rng.random() { 1.0 } else { -1.0 }).collect()
    }

    fn template(margins: &[f32]) -> Template {
        Template::new(margins.to_vec(), margins.to_vec())
    }

    /// Flips the first `flips` of the bits that enrolment selected.
    fn flipped(margins: &[f32], enrolment: &Enrolment, flips: usize) -> Template {
        let helper = scheme().form().read(&enrolment.helper.0, TEMPLATE).unwrap();
        let mut margins = margins.to_vec();
        (0..margins.len()).filter(|&i| helper.selected.bit(i)).take(flips).for_each(|i| margins[i] = -margins[i]);
        template(&margins)
    }

    #[test]
    fn it_opens_at_exactly_t_flipped_bits_and_not_at_one_more() {
        let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(3));
        let margins = random_margins(512, &mut rng);
        let enrolment = scheme.enrol(&[template(&margins)], None, &mut rng).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        for flips in [0, 1, 41, 42] {
            let payload = scheme.derive(&flipped(&margins, &enrolment, flips), &enrolment.helper, None).unwrap();
            assert_eq!(payload, enrolment.payload);
            assert_eq!(scheme.verify(&record, &payload), ComparisonDecision { accepted: true, score: None });
        }
        let too_far = flipped(&margins, &enrolment, 43);
        assert_eq!(scheme.derive(&too_far, &enrolment.helper, None), Err(Error::FailedToDerive));
        assert_eq!(scheme.key_bits(), Some(47));
    }

    #[test]
    fn the_least_reliable_bits_are_left_out() {
        let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(4));
        let margins: Vec<f32> = (0..TEMPLATE).map(|i| if i < 257 { 0.01 } else { 1.0 + i as f32 }).collect();
        let enrolment = scheme.enrol(&[template(&margins)], None, &mut rng).unwrap();
        let selected = scheme.form().read(&enrolment.helper.0, TEMPLATE).unwrap().selected;
        assert!((0..TEMPLATE).all(|i| selected.bit(i) == (i >= 257)));
    }

    #[test]
    fn enrolling_again_revokes_the_payload_and_shares_no_helper() {
        let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(5));
        let references = [template(&random_margins(512, &mut rng))];
        let [old, new] = [(); 2].map(|()| scheme.enrol(&references, None, &mut rng).unwrap());
        let record = scheme.record(&new.payload).unwrap();
        assert!(!scheme.verify(&record, &old.payload).accepted);
        let [old, new] = [old, new].map(|e| scheme.form().read(&e.helper.0, TEMPLATE).unwrap());
        let distance = old.offset.hamming(&new.offset);
        // Unrelated offsets differ in 127.5 +- 8 of 255 bits: five standard deviations, 6e-7.
        assert!((88..=167).contains(&distance), "offsets differ in {distance} bits");
    }

    #[test]
    fn every_code_selection_and_permutation_opens_for_a_near_probe_and_not_for_another() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for code in [BCH, CONCATENATED, POLAR] {
            for selection in [Selection::All, Selection::Reliable] {
                for permutation in [Permutation::PerRecord, Permutation::Systematic] {
                    let scheme = of(code, selection, permutation);
                    let margins = random_margins(300, &mut rng);
                    let near: Vec<f32> = margins.iter().map(|m| m + rng.random_range(-0.3..0.3)).collect();
                    let enrolment = scheme.enrol(&[template(&margins)], None, &mut rng).unwrap();
                    assert_eq!(scheme.derive(&template(&near), &enrolment.helper, None), Ok(enrolment.payload.clone()));
                    let other = scheme.derive(&template(&random_margins(300, &mut rng)), &enrolment.helper, None);
                    assert_ne!(other, Ok(enrolment.payload));
                }
            }
        }
    }

    #[test]
    fn soft_values_open_what_signs_alone_do_not() {
        // Half of the probe's bits are wrong where its margins are small: hard decoding sees 25 % errors.
        let mut rng = ChaCha8Rng::seed_from_u64(12);
        let margins = random_margins(255, &mut rng);
        let probe: Vec<f32> =
            (0..255).map(|i| if i % 4 == 0 { -0.1 * margins[i].signum() } else { margins[i] }).collect();
        let opens = |code: CommitmentCode, rng: &mut ChaCha8Rng| {
            let scheme = of(code, Selection::All, Permutation::PerRecord);
            let enrolment = scheme.enrol(&[template(&margins)], None, rng).unwrap();
            scheme.derive(&template(&probe), &enrolment.helper, None) == Ok(enrolment.payload)
        };
        assert!(opens(POLAR, &mut rng) && !opens(BCH, &mut rng));
    }

    #[test]
    fn the_payload_is_known_for_a_known_stream() {
        // A change of any byte here invalidates every stored enrolment: bump HELPER_VERSION and the domains with it.
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let margins = random_margins(255, &mut rng);
        let enrolment = scheme().enrol(&[template(&margins)], None, &mut rng).unwrap();
        let digest = Sha256::digest([enrolment.payload.to_bytes(), enrolment.helper.0].concat());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "08842c3fbc1aac758ad5c74712cab5dd71173aa861b6913800688a4f04ab2b9d");
    }

    #[test]
    fn a_keyed_helper_needs_its_token_and_another_token_gives_nothing() {
        let keyed = CommitmentParameters { code: POLAR, helper_key: HelperKey::Token, ..Default::default() };
        let (scheme, mut rng) = (FuzzyCommitment::new(keyed).unwrap(), ChaCha8Rng::seed_from_u64(14));
        let own = template(&random_margins(300, &mut rng));
        let [token, other] = [1, 2].map(|byte| DeviceToken([byte; 32]));
        let enrolment = scheme.enrol(std::slice::from_ref(&own), Some(&token), &mut rng).unwrap();
        assert_eq!(scheme.derive(&own, &enrolment.helper, Some(&token)), Ok(enrolment.payload.clone()));
        assert_eq!(scheme.derive(&own, &enrolment.helper, None), Err(Error::MissingToken));
        assert_ne!(scheme.derive(&own, &enrolment.helper, Some(&other)), Ok(enrolment.payload));
        // A scheme that takes no keyed helpers does not take this one for a public one.
        let public = of(POLAR, Selection::All, Permutation::PerRecord);
        assert!(matches!(public.derive(&own, &enrolment.helper, None), Err(Error::Malformed { .. })));
        // Without a token the helper is public.
        let enrolment = scheme.enrol(std::slice::from_ref(&own), None, &mut rng).unwrap();
        assert_eq!(scheme.derive(&own, &enrolment.helper, None), Ok(enrolment.payload));
    }

    #[test]
    fn a_short_binary_form_is_extended_from_the_real_valued_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(13);
        let real = random_margins(128, &mut rng);
        let near: Vec<f32> = real.iter().map(|x| x + rng.random_range(-0.5..0.5)).collect();
        let short = |real: Vec<f32>| Template::new(real, vec![1.0; 64]);
        let enrolment = scheme().enrol(&[short(real)], None, &mut rng).unwrap();
        assert_eq!(scheme().derive(&short(near), &enrolment.helper, None), Ok(enrolment.payload));
    }

    #[test]
    fn a_template_that_is_too_short_fails_to_enrol() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let short = [Template::new(Vec::new(), random_margins(254, &mut rng))];
        assert!(matches!(scheme().enrol(&short, None, &mut rng), Err(Error::FailureToEnrol(_))));
    }

    proptest! {
        #[test]
        fn hostile_helpers_are_errors_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cut in 0usize..400,
            at in 0usize..400,
            value: u8,
        ) {
            let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(9));
            let reference = template(&random_margins(300, &mut rng));
            prop_assert!(scheme.derive(&reference, &HelperData(bytes), None).is_err());
            let enrolment = scheme.enrol(std::slice::from_ref(&reference), None, &mut rng).unwrap();
            let mut helper = enrolment.helper.0;
            let whole = helper.len();
            if at < whole { helper[at] = value; }
            helper.truncate(cut);
            let outcome = scheme.derive(&reference, &HelperData(helper), None);
            prop_assert!(cut >= whole || outcome.is_err());
        }

        #[test]
        fn wrong_payloads_and_records_are_rejected(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(10));
            let enrolment = scheme.enrol(&[template(&random_margins(255, &mut rng))], None, &mut rng).unwrap();
            let record = scheme.record(&enrolment.payload).unwrap();
            let forged = QrPayload { scheme: SchemeId::FuzzyCommitment, body: body.clone() };
            prop_assert!(!scheme.verify(&record, &forged).accepted);
            prop_assert!(!scheme.verify(&ServerRecord(body), &enrolment.payload).accepted);
        }
    }
}
