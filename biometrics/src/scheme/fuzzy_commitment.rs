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
//!   needs nothing of the kind: a probe's margins are known to the probe alone. The helper holds no digest of the key:
//!   a guess is checked against the server, under its limit of tries, unless the server's records leak.
//! - **Revocation.** Enrolling again draws a new key, salt and permutation: the old payload no longer verifies. The
//!   per-record permutation defeats the decodability attack that links two helpers of one subject (Kelkboom et al.
//!   2011), though not every attack on two records ([`decodability`](super::decodability)); the systematic one, the same
//!   for every record, is there to measure that attack.
//! - **Sources.** Juels and Wattenberg 1999 (the commitment); Tuyls et al. 2005 (reliable-bit selection); Hao, Anderson
//!   and Daugman 2006 (concatenated code); Kelkboom, Breebaart, Kevenaar, Buhan and Veldhuis 2011 (permutation).

use super::equality::{self, SALT_BYTES};
use super::reference::{at_least, mean_of_at_least};
use super::{ComparisonKind, DeviceToken, Enrolment, HelperData, Scheme, SchemeId, ServerRecord, TokenUse, Verdict};
use crate::code::{Bch, BlockCode, Concatenated, Polar};
use crate::{BitString, Error, QrPayload, Template};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

const HELPER_VERSION: u8 = 2;
const SEED_BYTES: usize = 32;
/// Version and code (1 byte each), n, k and the template's bits (2 each), selection and permutation (1 each).
const HEADER_BYTES: usize = 10;
/// Most template bits that a helper may speak of.
const TEMPLATE_BITS_MAX: usize = 4_096;

/// Chooses the error-correcting code.
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
/// Measured by `biopay evaluate --modality fingerprint --scheme all --subjects 60`, three captures at enrolment: with
/// `--quality 0.9` 0 false rejects in 180 (at most 6.0 %) and 0 false accepts in 10,620; at the default quality 15 in 180
/// (3.9 to 15.2 %) and 0 in 10,620. On real prints, by `--images DIR --dpi 500 --scheme fuzzy-commitment --enrol 3`: 9 in
/// 50 (FVC2002 DB1_B) and 23 in 50 (DB3_B), 0 in 450 each.
impl Default for CommitmentCode {
    fn default() -> Self {
        Self::Polar { length: 1_023, key_bits: 160, list: 8 }
    }
}

impl CommitmentCode {
    /// Builds the code.
    ///
    /// Errors: [`Error::Parameter`] when there is no such code.
    pub fn build(self) -> Result<Box<dyn BlockCode>, Error> {
        Ok(match self {
            Self::Bch { length, correctable } => Box::new(Bch::new(length, correctable)?),
            Self::ReedSolomonHadamard { blocks, message_symbols } => {
                Box::new(Concatenated::new(blocks, message_symbols)?)
            }
            Self::Polar { length, key_bits, list } => Box::new(Polar::new(length, key_bits, list)?),
        })
    }

    fn number(self) -> u8 {
        match self {
            Self::Bch { .. } => 1,
            Self::ReedSolomonHadamard { .. } => 2,
            Self::Polar { .. } => 3,
        }
    }
}

/// Says which of the template's bits are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The first n, whoever the subject is: the helper tells nothing about reliabilities.
    #[default]
    All,
    /// The n that enrolment found most reliable, which the helper then tells.
    Reliable,
}

/// Says in which order they are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permutation {
    /// In each record's own random order.
    #[default]
    PerRecord,
    /// In the template's order in every record, which lets records be linked.
    Systematic,
}

/// Chooses code, bits and order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommitmentParameters {
    /// The error-correcting code.
    pub code: CommitmentCode,
    /// Which bits are taken.
    pub selection: Selection,
    /// In which order.
    pub permutation: Permutation,
}

/// Commits to a random key under the template's bits.
pub struct FuzzyCommitment {
    parameters: CommitmentParameters,
    pub(super) code: Box<dyn BlockCode>,
}

impl FuzzyCommitment {
    /// Builds the scheme.
    ///
    /// Errors: [`Error::Parameter`] when there is no such code.
    pub fn new(parameters: CommitmentParameters) -> Result<Self, Error> {
        let code = parameters.code.build()?;
        Ok(Self { parameters, code })
    }

    fn payload(&self, salt: &[u8], key: &BitString) -> QrPayload {
        let shape = [self.code.length(), self.code.message_bits()].map(|n| (n as u16).to_le_bytes()).concat();
        let family = [self.parameters.code.number()];
        equality::payload_of(SchemeId::FuzzyCommitment, &[salt, &family, &shape, &key.to_bytes()])
    }

    fn header(&self, template_bits: usize) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        (header[0], header[1]) = (HELPER_VERSION, self.parameters.code.number());
        for (i, number) in [self.code.length(), self.code.message_bits(), template_bits].into_iter().enumerate() {
            header[2 + 2 * i..][..2].copy_from_slice(&(number as u16).to_le_bytes());
        }
        header[8] = u8::from(self.parameters.selection == Selection::Reliable);
        header[9] = u8::from(self.parameters.permutation == Permutation::Systematic);
        header
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

    /// Reads a helper without a probe, of as many template bits as it says itself.
    pub(super) fn read_whole(&self, helper: &HelperData) -> Result<Helper, Error> {
        let template_bits = helper.0.get(6..8).ok_or(malformed("it is cut short"))?;
        self.read_helper(&helper.0, u16::from_le_bytes([template_bits[0], template_bits[1]]).into())
    }

    fn read_helper(&self, bytes: &[u8], template_bits: usize) -> Result<Helper, Error> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(malformed("it is cut short"))?;
        if header[0] != HELPER_VERSION {
            return Err(malformed("its version is unknown"));
        }
        if *header != self.header(template_bits) || template_bits < self.code.length() {
            return Err(malformed("it was made with another code, or from a template of another length"));
        }
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(malformed("it is cut short"))?;
        let (seed, rest) = rest.split_first_chunk::<SEED_BYTES>().ok_or(malformed("it is cut short"))?;
        let (selected, offset) = match self.parameters.selection {
            Selection::All => (first_bits(template_bits, self.code.length()), rest),
            Selection::Reliable => read_map(rest, template_bits, self.code.length())?,
        };
        let offset = BitString::from_bytes(offset, self.code.length());
        Ok(Helper { salt: *salt, seed: *seed, selected, offset: offset.ok_or(malformed("its offset is no word"))? })
    }
}

impl Scheme for FuzzyCommitment {
    fn id(&self) -> SchemeId {
        SchemeId::FuzzyCommitment
    }

    fn key_bits(&self) -> Option<usize> {
        Some(self.code.message_bits())
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Equality
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Ignored
    }

    fn enrol(
        &self,
        references: &[Template],
        _token: Option<&DeviceToken>,
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
        let helper = Helper { salt, seed, selected, offset: self.code.encode(&key).xor(&word) };
        let mut bytes = self.header(margins.len()).to_vec();
        helper.write(self.parameters.selection, &mut bytes);
        Ok(Enrolment { payload: self.payload(&salt, &key), helper: HelperData(bytes) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, _token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let margins = at_least(probe, self.code.length());
        let helper = self.read_helper(&helper.0, margins.len())?;
        let positions = self.positions(&helper.selected, helper.seed);
        let turned = |(position, is_turned): (usize, bool)| {
            if is_turned { -margins[position] } else { margins[position] }
        };
        let soft: Vec<f32> = positions.into_iter().zip(helper.offset.iter()).map(turned).collect();
        let key = self.code.decode(&soft).map_err(|_| Error::FailedToDerive)?;
        Ok(self.payload(&helper.salt, &key))
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        equality::record_of(SchemeId::FuzzyCommitment, payload)
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> Verdict {
        equality::verify(SchemeId::FuzzyCommitment, record, payload)
    }

    /// With `reliable` selection, which bits are reliable: it is the subject's own. The offset is hidden by the code.
    fn invert(&self, enrolment: &Enrolment, _token: Option<&DeviceToken>, _dimension: usize) -> Option<Vec<f32>> {
        if self.parameters.selection == Selection::All {
            return None;
        }
        let selected = self.read_whole(&enrolment.helper).ok()?.selected;
        let mean = selected.count_ones() as f32 / selected.len() as f32;
        Some(selected.iter().map(|bit| f32::from(u8::from(bit)) - mean).collect())
    }
}

/// What the helper bytes say after their header. Layout: salt (16 bytes), permutation seed (32), with `reliable`
/// selection a map over the template's bits, code offset (n bits).
pub(super) struct Helper {
    salt: [u8; SALT_BYTES],
    seed: [u8; SEED_BYTES],
    selected: BitString,
    pub(super) offset: BitString,
}

impl Helper {
    fn write(&self, selection: Selection, bytes: &mut Vec<u8>) {
        bytes.extend(self.salt);
        bytes.extend(self.seed);
        if selection == Selection::Reliable {
            bytes.extend(self.selected.to_bytes());
        }
        bytes.extend(self.offset.to_bytes());
    }
}

fn read_map(bytes: &[u8], template_bits: usize, count: usize) -> Result<(BitString, &[u8]), Error> {
    let (map, rest) = bytes.split_at_checked(template_bits.div_ceil(8)).ok_or(malformed("it is cut short"))?;
    let selected = BitString::from_bytes(map, template_bits).ok_or(malformed("its bit map has spare bits set"))?;
    if selected.count_ones() as usize != count {
        return Err(malformed("it selects another number of bits than the code is long"));
    }
    Ok((selected, rest))
}

fn first_bits(of: usize, count: usize) -> BitString {
    BitString::from_bits((0..of).map(|i| i < count))
}

/// Marks the `count` bits with the largest absolute margin; ties go to the lower index.
fn most_reliable(margins: &[f32], count: usize) -> BitString {
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_by(|&a, &b| margins[b].abs().total_cmp(&margins[a].abs()).then(a.cmp(&b)));
    let mut selected = BitString::zeros(margins.len());
    order.into_iter().take(count).for_each(|index| selected.set(index, true));
    selected
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "fuzzy-commitment helper data", why }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        FuzzyCommitment::new(CommitmentParameters { code, selection, permutation }).unwrap()
    }

    fn random_margins(bits: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        (0..bits).map(|_| rng.random_range(0.1f32..3.0) * if rng.random() { 1.0 } else { -1.0 }).collect()
    }

    fn template(margins: &[f32]) -> Template {
        Template::new(margins.to_vec(), margins.to_vec())
    }

    /// Flips the first `flips` of the bits that enrolment selected.
    fn flipped(margins: &[f32], enrolment: &Enrolment, flips: usize) -> Template {
        let helper = scheme().read_helper(&enrolment.helper.0, TEMPLATE).unwrap();
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
            assert_eq!(scheme.verify(&record, &payload), Verdict { accepted: true, score: None });
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
        let selected = scheme.read_helper(&enrolment.helper.0, TEMPLATE).unwrap().selected;
        assert!((0..TEMPLATE).all(|i| selected.bit(i) == (i >= 257)));
    }

    #[test]
    fn enrolling_again_revokes_the_payload_and_shares_no_helper() {
        let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(5));
        let references = [template(&random_margins(512, &mut rng))];
        let [old, new] = [(); 2].map(|()| scheme.enrol(&references, None, &mut rng).unwrap());
        let record = scheme.record(&new.payload).unwrap();
        assert!(!scheme.verify(&record, &old.payload).accepted);
        let [old, new] = [old, new].map(|e| scheme.read_helper(&e.helper.0, TEMPLATE).unwrap());
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
