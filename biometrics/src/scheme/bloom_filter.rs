//! The `bloom-filter` scheme: which words occur in each block of the binary template, without their order.
//!
//! - **Construction.** The binary template is cut into words of w bits and blocks of l words. Every word is XORed with one
//!   secret word T, drawn from SHA-256(domain, salt, device token), and sets the bit of its number in its block's filter of
//!   2^w bits. Two filters differ by HD(a, b) / (|a| + |b|), the Hamming distance over the sum of their ones; the similarity
//!   is one less the mean over the blocks. Accepted when it reaches the threshold.
//!   The server refuses filters with more ones than a block has words, which would be near to everybody's.
//! - **Parameters.** Word bits w, words of a block l, threshold. Published for iris codes: words of 8 to 10 bits in blocks
//!   of 16 to 32 columns; templates with more noise need shorter words.
//! - **Key bits.** None: the security is that of the comparison, -log2 FMR; T is searched in 2^w tries.
//! - **What is public.** The salt. Without T two payloads are linked by trying its 2^w values ([`Scheme::link_payloads`]);
//!   with T the words of each block are known but for their order, and each bit of a block but for chance.
//! - **Revocation.** A new token or salt draws T anew: one in 2^w new records is the old one, which then still accepts the
//!   old payload.
//! - **Measured** (`cargo test --workspace --test attack -- published linkage stolen --nocapture`) on embeddings: without the token
//!   54 of 100 subjects are linked at rank one, with it 89; inversion with the token has a cosine of .36. Strangers are as far
//!   away under another secret word as under the subject's, so that the token is no second factor: FMR 1 % with it and without.
//! - **Sources.** Rathgeb, Breitinger and Busch 2013, "Alignment-free cancelable iris biometric templates based on adaptive
//!   Bloom filters", ICB (construction, dissimilarity, secret); Hermans, Mennink and Peeters 2014, "When a Bloom filter is
//!   a doom filter" (linkage and the search of T).

use super::id::SchemeId;
use super::interface::Scheme;
use super::keyed::KeyedHelper;
use super::parameters::{Parameters, threshold_above};
use super::parts::{ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse};
use super::payload::QrPayload;
use super::reference::mean_margins;
use super::symbols::PayloadSymbols;
use super::threshold::{self, BITS_MAX, Similarity, bits_of, body_of};
use crate::{BitString, Error, Template};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const WORD_BITS_MAX: usize = 10;
const BLOCK_WORDS_MAX: usize = 256;

/// The parameters of `bloom-filter`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BloomFilterParameters {
    /// Bits of a word, 2 to 10.
    pub word_bits: usize,
    /// Words of a block, 2 to 256.
    pub block_words: usize,
    /// The least similarity that is accepted, above 0 and at most 1.
    pub threshold: f32,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme bloom-filter --enrol 3 --subjects 60`, the token known: an EER
/// of 3.33 % (180 mated, 10,620 non-mated comparisons); FNMR 7.8 % at an FMR of 10^-3, which is this threshold.
impl Default for BloomFilterParameters {
    fn default() -> Self {
        Self { word_bits: 6, block_words: 8, threshold: 0.206 }
    }
}

impl Parameters for BloomFilterParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(BloomFilter::new(*self)?))
    }

    /// Measured by `biopay evaluate --modality embedding --scheme bloom-filter --enrol 1 --captures 2 --subjects 600`: FNMR
    /// 21.7 % at an FMR of 10^-3 and 33.8 % at 10^-4 (600 mated, 359,400 non-mated comparisons), which is this threshold.
    fn for_embeddings() -> Self {
        Self { threshold: 0.22, ..Self::default() }
    }

    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        self.threshold = threshold_above(0.0, threshold);
        Some(self.threshold)
    }
}

/// The scheme that presents the sets of words of a binary template and compares them within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct BloomFilter {
    parameters: BloomFilterParameters,
}

impl BloomFilter {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: BloomFilterParameters) -> Result<Self, Error> {
        let BloomFilterParameters { word_bits, block_words, threshold } = parameters;
        if !(2..=WORD_BITS_MAX).contains(&word_bits) || !(2..=BLOCK_WORDS_MAX).contains(&block_words) {
            let why = "there must be 2 to 10 bits in a word and 2 to 256 words in a block";
            return Err(Error::Parameter { name: "bloom-filter sizes", why });
        }
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(Error::Parameter { name: "bloom-filter threshold", why: "it must be above 0 and at most 1" });
        }
        Ok(Self { parameters })
    }

    /// Returns the number of bits of a block's filter.
    fn filter_bits(&self) -> usize {
        1 << self.parameters.word_bits
    }

    fn secret(&self, helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<usize, Error> {
        let mut stream = helper.stream(SchemeId::BloomFilter, token)?;
        Ok(stream.random_range(0..self.filter_bits() as u32) as usize)
    }

    /// Sets the bits of each block's filter. Words that fill no block are left out, and blocks beyond a payload's bits.
    fn payload(&self, margins: &[f32], secret: usize) -> Result<QrPayload, Error> {
        let p = &self.parameters;
        let word = |bits: &[f32]| bits.iter().enumerate().fold(0, |word, (i, &m)| word | usize::from(m > 0.0) << i);
        let words: Vec<usize> = margins.chunks_exact(p.word_bits).map(word).collect();
        let blocks: Vec<&[usize]> = words.chunks_exact(p.block_words).take(BITS_MAX / self.filter_bits()).collect();
        if blocks.is_empty() {
            return Err(Error::FailureToEnrol("the template has fewer bits than a block"));
        }
        let mut filters = BitString::zeros(blocks.len() * self.filter_bits());
        for (number, block) in blocks.into_iter().enumerate() {
            block.iter().for_each(|word| filters.set(number * self.filter_bits() + (word ^ secret), true));
        }
        Ok(QrPayload { scheme: SchemeId::BloomFilter, body: body_of(&filters) })
    }

    /// Lists the words in each block's filter.
    fn words<'a>(&self, filters: &'a BitString) -> impl Iterator<Item = Vec<usize>> + use<'a> {
        let size = self.filter_bits();
        let of_block = move |block: usize| (0..size).filter(|&word| filters.bit(block * size + word)).collect();
        (0..filters.len() / size).map(of_block)
    }

    /// Compares filters of which the second's words are XORed with `difference` first.
    fn similarity_at(&self, a: &[Vec<usize>], b: &BitString, ones: &[usize], difference: usize) -> f32 {
        let size = self.filter_bits();
        let mut dissimilarity = 0.0;
        for (block, (words, &ones)) in a.iter().zip(ones).enumerate() {
            let shared = words.iter().filter(|&&word| b.bit(block * size + (word ^ difference))).count();
            let both = words.len() + ones;
            dissimilarity += (both - 2 * shared) as f32 / both.max(1) as f32;
        }
        1.0 - dissimilarity / a.len().max(1) as f32
    }
}

impl Scheme for BloomFilter {
    fn id(&self) -> SchemeId {
        SchemeId::BloomFilter
    }

    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Threshold(self.parameters.threshold)
    }

    fn symbols(&self, payload: &QrPayload) -> Option<PayloadSymbols> {
        threshold::symbols_of(payload)
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Keys
    }

    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let helper = KeyedHelper::draw(token, rng);
        let payload = self.payload(&mean_margins(references)?, self.secret(&helper, token)?)?;
        Ok(Enrolment { payload, helper: HelperData(helper.to_bytes()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let helper = KeyedHelper::from_bytes(&helper.0)?;
        self.payload(probe.margins(), self.secret(&helper, token)?)
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        threshold::record_of(self, payload)
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        threshold::verify(self, record, payload)
    }

    /// Of each block the mean of every bit over its words, and then which words it has.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, _dimension: usize) -> Option<Vec<f32>> {
        let helper = KeyedHelper::from_bytes(&enrolment.helper.0).ok()?;
        let secret = self.secret(&helper, token).ok()?;
        let filters = bits_of(self, &enrolment.payload).ok()?;
        let (mut means, mut present) = (Vec::new(), Vec::new());
        for words in self.words(&filters) {
            let words: Vec<usize> = words.into_iter().map(|word| word ^ secret).collect();
            let share = words.len() as f32 / self.filter_bits() as f32;
            let side = |bit: usize| words.iter().map(|word| if word >> bit & 1 == 1 { 1.0 } else { -1.0 }).sum::<f32>();
            means.extend((0..self.parameters.word_bits).map(|bit| side(bit) / words.len().max(1) as f32));
            present.extend((0..self.filter_bits()).map(|word| f32::from(u8::from(words.contains(&word))) - share));
        }
        Some([means, present].concat())
    }

    fn inverts_to_template(&self) -> bool {
        false
    }

    /// The largest similarity at any difference between the two secret words.
    fn link_payloads(&self, a: &QrPayload, b: &QrPayload) -> Option<f32> {
        let (a, b) = (bits_of(self, a).ok()?, bits_of(self, b).ok()?);
        if a.len() != b.len() {
            return None;
        }
        let words: Vec<Vec<usize>> = self.words(&a).collect();
        let ones: Vec<usize> = self.words(&b).map(|words| words.len()).collect();
        let at = |difference| self.similarity_at(&words, &b, &ones, difference);
        (0..self.filter_bits()).map(at).max_by(f32::total_cmp)
    }
}

impl Similarity for BloomFilter {
    fn threshold(&self) -> f32 {
        self.parameters.threshold
    }

    fn bits(&self, body: &[u8]) -> Result<BitString, Error> {
        let bits = threshold::parse("bloom-filter payload", body)?;
        if !bits.len().is_multiple_of(self.filter_bits()) {
            return Err(Error::Malformed { what: "bloom-filter payload", why: "its last filter is cut short" });
        }
        // A filter full of ones would be nearer to everybody's than a stranger's is.
        let possible = 1..=self.parameters.block_words;
        if self.words(&bits).any(|words| !possible.contains(&words.len())) {
            return Err(Error::Malformed { what: "bloom-filter payload", why: "a filter has more words than a block" });
        }
        Ok(bits)
    }

    fn similarity(&self, a: &BitString, b: &BitString) -> f32 {
        let words: Vec<Vec<usize>> = self.words(a).collect();
        let ones: Vec<usize> = self.words(b).map(|words| words.len()).collect();
        self.similarity_at(&words, b, &ones, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn scheme(word_bits: usize, block_words: usize) -> BloomFilter {
        BloomFilter::new(BloomFilterParameters { word_bits, block_words, threshold: 0.9 }).unwrap()
    }

    /// Builds a template of two-bit words.
    fn of_words(words: &[usize]) -> Template {
        let margins = words.iter().flat_map(|word| [word & 1, word >> 1]).map(|bit| bit as f32 - 0.5).collect();
        Template::new(Vec::new(), margins)
    }

    fn person(seed: u64, flips: f64) -> Template {
        let (mut own, mut fresh) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(seed + 1_000));
        let bit = |_| own.random::<bool>() ^ fresh.random_bool(flips);
        Template::new(Vec::new(), (0..1_024).map(bit).map(|bit| if bit { 1.0 } else { -1.0 }).collect())
    }

    #[test]
    fn an_example_by_hand() {
        // Blocks of three words: {1, 3} and {0, 2, 3} against {1} and {1, 2, 3}.
        let scheme = scheme(2, 3);
        let filters = |words: &[usize]| {
            bits_of(&scheme, &scheme.payload(of_words(words).margins(), 0).unwrap())
                .unwrap()
                .iter()
                .map(u8::from)
                .collect()
        };
        let wanted: Vec<u8> = vec![0, 1, 0, 1, 1, 0, 1, 1];
        let found: Vec<u8> = filters(&[1, 3, 1, 2, 3, 0]);
        assert_eq!(found, wanted);
        let payload = |words: &[usize], secret| scheme.payload(of_words(words).margins(), secret).unwrap();
        let similarity = |a: &QrPayload, b: &QrPayload| {
            scheme.similarity(&bits_of(&scheme, a).unwrap(), &bits_of(&scheme, b).unwrap())
        };
        let (a, b) = (payload(&[1, 3, 1, 2, 3, 0], 0), payload(&[1, 1, 1, 2, 3, 1], 0));
        // (1/3 + 2/6) / 2 apart.
        assert!((similarity(&a, &b) - 2.0 / 3.0).abs() < 1e-6);
        // A secret word moves every bit, and trying all of them brings it back.
        let secret = payload(&[1, 3, 1, 2, 3, 0], 1);
        assert!(similarity(&a, &secret) < 0.7);
        assert_eq!(scheme.link_payloads(&a, &secret), Some(1.0));
    }

    #[test]
    fn a_filter_with_more_words_than_a_block_is_refused() {
        let scheme = BloomFilter::new(BloomFilterParameters { threshold: 0.1, ..Default::default() }).unwrap();
        let enrolment = scheme.enrol(&[person(1, 0.0)], None, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        let full = BitString::from_bits((0..enrolment.payload.body.len() * 8 - 16).map(|_| true));
        let forged = QrPayload { scheme: SchemeId::BloomFilter, body: body_of(&full) };
        assert!(scheme.record(&forged).is_err() && !scheme.verify(&record, &forged).accepted);
    }

    #[test]
    fn near_templates_share_more_words_than_others() {
        let scheme = scheme(6, 8);
        let score = |a: &Template, b: &Template| {
            let payload = |t: &Template| bits_of(&scheme, &scheme.payload(t.margins(), 5).unwrap()).unwrap();
            scheme.similarity(&payload(a), &payload(b))
        };
        let (near, far) = (score(&person(1, 0.0), &person(1, 0.1)), score(&person(1, 0.0), &person(2, 0.0)));
        assert!(near > far + 0.2, "{near} {far}");
    }

    #[test]
    fn records_under_different_tokens_are_linked_by_trying_every_secret_word() {
        let scheme = scheme(6, 8);
        let enrolled = |subject: u64, seed: u64, flips: f64| {
            let token = DeviceToken([seed as u8; 32]);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            scheme.enrol(&[person(subject, flips)], Some(&token), &mut rng).unwrap().payload
        };
        for subject in 0..10 {
            let link = |other| scheme.link_payloads(&enrolled(subject, 1, 0.0), &enrolled(other, 2, 0.1)).unwrap();
            assert!(link(subject) > link(subject + 20) + 0.1);
        }
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let good = BloomFilterParameters::default();
        for bad in [
            BloomFilterParameters { word_bits: 1, ..good },
            BloomFilterParameters { word_bits: 11, ..good },
            BloomFilterParameters { block_words: 1, ..good },
            BloomFilterParameters { threshold: 0.0, ..good },
            BloomFilterParameters { threshold: f32::NAN, ..good },
        ] {
            assert!(BloomFilter::new(bad).is_err(), "{bad:?}");
        }
    }
}
