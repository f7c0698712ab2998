//! The `mlp-hash` scheme: the template through a network of a subject's own random weights, cut at the outputs' mean.
//!
//! - **Construction.** The real-valued template passes hidden layers of orthonormal pseudo-random weights, each followed by
//!   a rectifier, and a last layer without one. Bit i of the payload says whether output i is above the mean of the outputs.
//!   The weights are drawn from SHA-256(domain, salt, device token). Accepted when the share of equal bits reaches the
//!   threshold.
//! - **Parameters.** Hidden layers and neurons in each; bits; threshold. Weights come as fast rotations
//!   ([`projection`](crate::projection)) in place of Gram and Schmidt's of Gaussian matrices: orthonormal in each block.
//! - **Key bits.** None: the security is that of the comparison, -log2 FMR, while the token is secret.
//! - **What is public.** The salt. With the token the network is known, and descent on its gradient finds a template that
//!   gives the payload.
//! - **Revocation.** A new token or salt gives another network and unrelated bits.
//! - **Measured** (`cargo test --workspace --test attack -- published linkage --nocapture`) on 60 embeddings: with the token a
//!   cosine of .77 to the enrolled capture, accepted at the same enrolment and .48 of them at another; without .01. Of 100
//!   subjects 92 are linked at rank one with tokens, 1 without.
//! - **Sources.** Shahreza, Hahn and Marcel 2023, "MLP-Hash: Protecting face templates via hashing of randomized multi-layer
//!   perceptron", EUSIPCO (arXiv 2204.11054), which sets hidden layers and their width beside the number of bits.

mod inversion;
mod network;

use self::inversion::recover;
use self::network::Network;
use super::id::SchemeId;
use super::interface::Scheme;
use super::keyed::KeyedHelper;
use super::parameters::{Parameters, threshold_above};
use super::parts::{ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse};
use super::payload::QrPayload;
use super::reference::mean_real;
use super::symbols::PayloadSymbols;
use super::threshold::{self, BITS_MAX, Similarity, bits_of, body_of};
use crate::{BitString, Error, Template};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The share of bits that agree by chance under unrelated networks.
const CHANCE: f32 = 0.5;
const LAYERS_MAX: usize = 8;
const NEURONS_MAX: usize = 4_096;

/// The parameters of `mlp-hash`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MlpHashParameters {
    /// Hidden layers, 1 to 8.
    pub hidden_layers: usize,
    /// Neurons of a hidden layer, 64 to 4,096.
    pub hidden_neurons: usize,
    /// Bits of a payload, 64 to 4,096.
    pub bits: usize,
    /// The least share of equal bits that is accepted, above 0.5 and at most 1.
    pub threshold: f32,
}

/// Measured by `biopay evaluate --modality fingerprint --scheme mlp-hash --enrol 3 --subjects 60`, the token known: an EER of
/// 3.23 % (180 mated, 10,620 non-mated comparisons); FNMR 4.4 % at an FMR of 10^-3 and .767. Rectifiers leave strangers 72 %
/// of equal bits, where signs of projections leave them half.
impl Default for MlpHashParameters {
    fn default() -> Self {
        Self { hidden_layers: 3, hidden_neurons: 1_024, bits: 1_024, threshold: 0.775 }
    }
}

impl Parameters for MlpHashParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        Ok(Arc::new(MlpHash::new(*self)?))
    }

    /// Measured by `biopay evaluate --modality embedding --scheme mlp-hash --enrol 1 --captures 2 --subjects 600`: FNMR 10.2 %
    /// at an FMR of 10^-3 and 19.5 % at 10^-4 (600 mated, 359,400 non-mated comparisons), which is this threshold.
    fn for_embeddings() -> Self {
        Self { threshold: 0.773, ..Self::default() }
    }

    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        self.threshold = threshold_above(CHANCE, threshold);
        Some(self.threshold)
    }
}

/// The scheme that presents the signs of a random network's outputs and compares them within a threshold.
#[derive(Clone, Copy, Debug)]
pub struct MlpHash {
    parameters: MlpHashParameters,
}

impl MlpHash {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    pub fn new(parameters: MlpHashParameters) -> Result<Self, Error> {
        let MlpHashParameters { hidden_layers, hidden_neurons, bits, threshold } = parameters;
        let in_range = (1..=LAYERS_MAX).contains(&hidden_layers)
            && (64..=NEURONS_MAX).contains(&hidden_neurons)
            && (64..=BITS_MAX).contains(&bits);
        if !in_range {
            let why = "there must be 1 to 8 hidden layers of 64 to 4096 neurons, and 64 to 4096 bits";
            return Err(Error::Parameter { name: "mlp-hash sizes", why });
        }
        if !(threshold > CHANCE && threshold <= 1.0) {
            return Err(Error::Parameter { name: "mlp-hash threshold", why: "it must be above 0.5 and at most 1" });
        }
        Ok(Self { parameters })
    }

    fn network(&self, helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<Network, Error> {
        let p = &self.parameters;
        let mut stream = helper.stream(SchemeId::MlpHash, token)?;
        Ok(Network::draw(p.hidden_layers, p.hidden_neurons, p.bits, &mut stream))
    }

    fn payload(&self, real: &[f32], helper: &KeyedHelper, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let outputs = self.network(helper, token)?.outputs(real);
        let mean = outputs.iter().sum::<f32>() / outputs.len() as f32;
        let bits = BitString::from_bits(outputs.iter().map(|&y| y > mean));
        Ok(QrPayload { scheme: SchemeId::MlpHash, body: body_of(&bits) })
    }
}

impl Scheme for MlpHash {
    fn id(&self) -> SchemeId {
        SchemeId::MlpHash
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
        let payload = self.payload(&mean_real(references)?, &helper, token)?;
        Ok(Enrolment { payload, helper: HelperData(helper.to_bytes()) })
    }

    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        self.payload(probe.real(), &KeyedHelper::from_bytes(&helper.0)?, token)
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        threshold::record_of(self, payload)
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        threshold::verify(self, record, payload)
    }

    /// The template that gives the payload, by descent on the network's gradient.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, dimension: usize) -> Option<Vec<f32>> {
        let helper = KeyedHelper::from_bytes(&enrolment.helper.0).ok()?;
        let bits = bits_of(self, &enrolment.payload).ok()?;
        Some(recover(&self.network(&helper, token).ok()?, &bits, dimension))
    }
}

impl Similarity for MlpHash {
    fn threshold(&self) -> f32 {
        self.parameters.threshold
    }

    fn bits(&self, body: &[u8]) -> Result<BitString, Error> {
        let bits = threshold::parse("mlp-hash payload", body)?;
        if bits.len() != self.parameters.bits {
            return Err(Error::Malformed { what: "mlp-hash payload", why: "it has another number of bits" });
        }
        Ok(bits)
    }

    fn similarity(&self, a: &BitString, b: &BitString) -> f32 {
        1.0 - a.hamming(b) as f32 / a.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn scheme() -> MlpHash {
        MlpHash::new(MlpHashParameters::default()).unwrap()
    }

    fn person(seed: u64, noise: f32) -> Template {
        let (mut own, mut fresh) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(seed + 1_000));
        let value = |_| own.random_range(-1.0f32..1.0) + noise * fresh.random_range(-1.0f32..1.0);
        Template::new((0..128).map(value).collect(), Vec::new())
    }

    fn score(a: &Template, b: &Template, tokens: [&DeviceToken; 2]) -> f32 {
        let (scheme, mut rng) = (scheme(), ChaCha8Rng::seed_from_u64(5));
        let enrolment = scheme.enrol(std::slice::from_ref(a), Some(tokens[0]), &mut rng).unwrap();
        let record = scheme.record(&enrolment.payload).unwrap();
        let payload = scheme.derive(b, &enrolment.helper, Some(tokens[1])).unwrap();
        scheme.verify(&record, &payload).score.unwrap()
    }

    #[test]
    fn near_templates_agree_more_than_others_and_another_token_by_chance() {
        let [own, other] = [DeviceToken([1; 32]), DeviceToken([2; 32])];
        assert_eq!(score(&person(1, 0.0), &person(1, 0.0), [&own, &own]), 1.0);
        let near = score(&person(1, 0.0), &person(1, 0.4), [&own, &own]);
        let far = score(&person(1, 0.0), &person(2, 0.0), [&own, &own]);
        assert!(near > far + 0.1, "{near} {far}");
        // 0.5 ± 0.016: five standard deviations, 6e-7.
        let foreign = score(&person(1, 0.0), &person(1, 0.0), [&own, &other]);
        assert!((foreign - 0.5).abs() < 0.08, "{foreign}");
    }

    #[test]
    fn payload_and_token_give_the_template_away_and_the_payload_alone_does_not() {
        let (scheme, [own, other]) = (scheme(), [DeviceToken([1; 32]), DeviceToken([2; 32])]);
        let enrolment = scheme.enrol(&[person(1, 0.0)], Some(&own), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let cosine = |token| {
            Template::new(scheme.invert(&enrolment, Some(token), 128).unwrap(), Vec::new()).cosine(&person(1, 0.0))
        };
        assert!(cosine(&own) > 0.7, "{}", cosine(&own));
        assert!(cosine(&other).abs() < 0.45, "{}", cosine(&other));
        assert!(scheme.invert(&enrolment, None, 128).is_none());
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let good = MlpHashParameters::default();
        for bad in [
            MlpHashParameters { hidden_layers: 0, ..good },
            MlpHashParameters { hidden_layers: 9, ..good },
            MlpHashParameters { hidden_neurons: 63, ..good },
            MlpHashParameters { bits: 5_000, ..good },
            MlpHashParameters { threshold: 0.5, ..good },
        ] {
            assert!(MlpHash::new(bad).is_err(), "{bad:?}");
        }
    }
}
