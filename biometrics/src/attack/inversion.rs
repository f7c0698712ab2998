//! Inversion: from a breached database record, helper and token back to a template.
//!
//! [`Scheme::invert`] gives evidence of the template in whatever space the payload lives in. The adversary learns what
//! templates such evidence belongs to from people he has samples of: he enrols them himself, inverts, and fits a linear
//! map ([`Decoder`]); where the evidence is the template's own space he needs none. Where a scheme's record is its payload it needs no inverting to be presented at the same service
//! ([`replayed`]); inversion is what opens *another* enrolment of the subject.
//!
//! **Knows.** Record and helper, with the token or without, and templates of other people. **Measures.** The cosine to the
//! enrolled template, acceptance where the record was stolen and at another enrolment of the subject (another capture,
//! another helper, another token, which is known there or not).
//! **Control.** A known token; with one of the adversary's own the cosine is that of strangers.
//! **Measured** (`cargo test --release -p biopay-datasets --test attack inversion -- --nocapture`) on 60 embeddings with the
//! schemes' parameters for them, cosine to the truth: `template` .990, with their tokens `biohash` .995 and `index-of-max` .977,
//! all accepted at the same enrolment and .97 of them at the other; with another token 0 and never at the other. `digest` of 16
//! bits, searched: .275 and .02. On 30 synthetic fingers with the default parameters .573, .936 and .947, all accepted at both.
//! A commitment that another capture opens gives all of its 1,023 bits away.
//! **Sources.** Ghammam, Karabina, Lacharme and Thiry-Atighehchi 2020, "A cryptanalysis of two cancelable biometric schemes
//! based on index-of-max hashing" (0.88 for index-of-max); Nagar, Nandakumar and Jain 2010, "Biometric template
//! transformation: a security analysis" (acceptance at the same and at another enrolment as the measure).

use super::offline_search::{DigestKeys, search_keys};
use super::{Factors, Target};
use crate::learn::ridge;
use crate::scheme::{DeviceToken, DigestScheme, Enrolment, Scheme, SchemeId, ServerRecord, TokenUse};
use crate::{QrPayload, Template};
use ndarray::{Array2, ArrayView2};
use rand::Rng;

/// The penalty on the map's weights, over the mean variance of the evidence.
const PENALTY: f64 = 0.05;
/// The map leaves out evidence beyond this many numbers: it takes their cube in time.
const EVIDENCE_MAX: usize = 512;
/// Longest digest that is inverted by search.
const DIGEST_BITS_MAX: usize = 20;

/// A learnt map from evidence to templates.
pub struct Decoder {
    /// From evidence to the real-valued form; `None` where the evidence is an estimate of it.
    to_real: Option<Map>,
    /// From the real-valued form to margins.
    to_margins: Map,
    dimension: usize,
    margins: usize,
}

/// A linear map with an offset.
struct Map(crate::learn::Linear);

impl Map {
    fn fit(inputs: &Array2<f32>, outputs: &Array2<f32>) -> Self {
        Self(ridge(inputs.view(), outputs.view(), &vec![1.0; inputs.nrows()], PENALTY))
    }

    fn apply(&self, input: &[f32]) -> Vec<f32> {
        let rows = self.0.weights.rows().into_iter().zip(&self.0.offset);
        rows.map(|(row, offset)| row.iter().zip(input).map(|(w, x)| w * x).sum::<f32>() + offset).collect()
    }
}

/// The result of an inversion against one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inverted {
    /// Cosine of the template that was found with the enrolled one.
    pub cosine: f32,
    /// Whether it is accepted where the record was stolen.
    pub accepted_here: bool,
    /// Whether it is accepted at the subject's other enrolment.
    pub accepted_elsewhere: bool,
}

impl Decoder {
    /// Enrols people whom the adversary has templates of, inverts their records and fits the map.
    ///
    /// `None` where the scheme is not inverted, or no template was given.
    pub fn learn(scheme: &dyn Scheme, people: &[Template], rng: &mut dyn Rng) -> Option<Self> {
        let dimension = people.first()?.real().len();
        let mut found: Vec<(Vec<f32>, &Template)> = Vec::new();
        for person in people {
            let own = Target::enrol_with_token(scheme, 0, std::slice::from_ref(person), rng).ok()?;
            let evidence = match digest_bits(scheme) {
                // Nobody has to search for the own bits.
                Some(bits) => person.margins().iter().take(bits).map(|&m| if m > 0.0 { 1.0 } else { -1.0 }).collect(),
                None => evidence(scheme, &own, own.token.as_ref(), dimension, rng)?,
            };
            found.push((evidence, person));
        }
        let evidence = stacked(found.iter().map(|(evidence, _)| mapped(evidence)));
        let real = stacked(found.iter().map(|(_, person)| person.real()));
        let margins = stacked(found.iter().map(|(_, person)| person.margins()));
        // A keyed projection's evidence has been turned back already, and fewer people than dimensions would only blur it.
        let to_real = (!scheme.inverts_to_template()).then(|| Map::fit(&evidence, &real));
        Some(Self { to_real, to_margins: Map::fit(&real, &margins), dimension, margins: margins.ncols() })
    }

    /// Returns the template that a breached record tells of, with a token that is known or the adversary's own; `None`
    /// where the record gives no evidence.
    pub fn template(
        &self,
        scheme: &dyn Scheme,
        breached: &Target,
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Option<Template> {
        let evidence = evidence(scheme, breached, token, self.dimension, rng)?;
        let real = self.to_real.as_ref().map_or_else(|| evidence.clone(), |map| map.apply(mapped(&evidence)));
        let real = Template::new(real, Vec::new());
        let is_binary_form = scheme.id() == SchemeId::Template && evidence.len() == self.margins;
        let margins = if is_binary_form { evidence } else { self.to_margins.apply(real.real()) };
        Some(Template::new(real.real().to_vec(), margins))
    }
}

/// Inverts a breached record and presents what was found: with the same factors where it was stolen, and with
/// `elsewhere` at the subject's other enrolment.
pub fn invert(
    scheme: &dyn Scheme,
    decoder: &Decoder,
    [breached, other]: [&Target; 2],
    [here, elsewhere]: [&Factors; 2],
    truth: &Template,
    rng: &mut dyn Rng,
) -> Option<Inverted> {
    let found = decoder.template(scheme, breached, here.token.as_ref(), rng)?;
    let accepted = |target: &Target, factors: &Factors| {
        factors.payload(scheme, &found).is_ok_and(|payload| target.verify(scheme, &payload).accepted)
    };
    Some(Inverted {
        cosine: found.cosine(truth),
        accepted_here: accepted(breached, here),
        accepted_elsewhere: accepted(other, elsewhere),
    })
}

/// Returns a payload made of a stolen record as it lies in the database. Schemes that compare within a threshold accept it;
/// a record that is a digest of the payload tells nothing.
pub fn replayed(scheme: SchemeId, record: &ServerRecord) -> QrPayload {
    QrPayload { scheme, body: record.0.clone() }
}

/// Returns what a record tells of the template: by the scheme's inversion, and of a short digest by search of its bits.
fn evidence(
    scheme: &dyn Scheme,
    breached: &Target,
    token: Option<&DeviceToken>,
    dimension: usize,
    rng: &mut dyn Rng,
) -> Option<Vec<f32>> {
    if let Some(bits) = digest_bits(scheme) {
        let digest = DigestScheme::new(bits).ok()?;
        let (_, key) = search_keys(&digest, &DigestKeys { scheme: &digest }, breached, u64::MAX, rng);
        return key.map(|key| (0..bits).map(|i| if key >> i & 1 == 1 { 1.0 } else { -1.0 }).collect());
    }
    let token = if scheme.token_use() == TokenUse::Keys { token } else { None };
    let payload = replayed(scheme.id(), &breached.record);
    let enrolment = Enrolment { payload, helper: breached.enrolment.helper.clone() };
    let mut found = scheme.invert(&enrolment, token, dimension)?;
    let norm = found.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    found.iter_mut().for_each(|x| *x /= norm);
    Some(found)
}

/// Returns the bits of a digest that is short enough to be searched.
fn digest_bits(scheme: &dyn Scheme) -> Option<usize> {
    scheme.key_bits().filter(|&bits| scheme.id() == SchemeId::Digest && bits <= DIGEST_BITS_MAX)
}

/// Returns the part of evidence that is mapped.
fn mapped(evidence: &[f32]) -> &[f32] {
    &evidence[..evidence.len().min(EVIDENCE_MAX)]
}

fn stacked<'t>(rows: impl Iterator<Item = &'t [f32]>) -> Array2<f32> {
    let rows: Vec<&[f32]> = rows.collect();
    let width = rows.first().map_or(0, |row| row.len());
    let flat: Vec<f32> = rows.iter().flat_map(|row| row.iter().copied()).collect();
    ArrayView2::from_shape((rows.len(), width), &flat).expect("templates of one modality have one shape").to_owned()
}
