//! Offline search: an adversary with a server's record, and with the helper where the guess needs it, tries keys or people
//! until the record is matched. No limit of tries is in his way.
//!
//! - [`search_keys`] walks a space of 2^k keys once, in a random order: (2^k + 1)/2 guesses on average. For a vault it
//!   draws sets of k elements, which takes C(u, k)/C(t, k) guesses on average; for lockers it tries the first one's bits.
//! - [`search_people`] derives from one template after another: about 1/FMR guesses, however long the key is. This is why
//!   a scheme's effective security is the least of its key's bits and -log2 FMR.
//!
//! **Knows.** Record, helper and, where one keys the scheme, token. **Measures.** Guesses to the first success.
//! **Control.** A short key, whose search ends as theory says; a long one's does not within the same budget.
//! **Measured** (`cargo test --release -p biopay-datasets --test attack search -- --nocapture`), means of 100 targets: 8 and 12 bits
//! of `digest` in 129 and 2,069 guesses, of `fuzzy-commitment` 141 and 1,958, of `sample-then-lock` 114 and 2,242, where theory
//! says 128.5 and 2,048.5; a vault of 10.33 bits in 1,021 for 1,284. A vault with a secret of 160 bits that strangers open at an
//! FMR of 1 in 65 falls to 74 people on average.
//! **Sources.** Tams, Mihailescu and Munk 2015 (guessing elements of a vault); Tams 2013, "Attacks and countermeasures in
//! fingerprint based biometric cryptosystems", section 2.3 (the false-accept attack, which is the search by people).

use super::{Factors, Target, Trial};
use crate::scheme::{DigestScheme, FuzzyCommitment, FuzzyVault, HelperData, SampleThenLock, Scheme};
use crate::{BitString, QrPayload, Template};
use rand::{Rng, RngExt};

/// A space of keys that an adversary can search.
pub trait KeySpace {
    /// Returns the bits of a key, at most 62.
    fn bits(&self) -> u32;

    /// Makes the payload of a key; `None` where the guess fails by itself.
    fn payload(&self, key: u64) -> Option<QrPayload>;
}

/// The bits that a digest is made of.
pub struct DigestKeys<'a> {
    /// The scheme.
    pub scheme: &'a DigestScheme,
}

impl KeySpace for DigestKeys<'_> {
    fn bits(&self) -> u32 {
        self.scheme.key_bits().unwrap_or_default() as u32
    }

    fn payload(&self, key: u64) -> Option<QrPayload> {
        let template = template_of_bits(key, self.bits());
        self.scheme.derive(&template, &HelperData(Vec::new()), None).ok()
    }
}

/// The keys of a commitment.
pub struct CommitmentKeys<'a> {
    /// The scheme.
    pub scheme: &'a FuzzyCommitment,
    /// The helper of the record that is searched.
    pub helper: &'a HelperData,
}

impl KeySpace for CommitmentKeys<'_> {
    fn bits(&self) -> u32 {
        self.scheme.key_bits().unwrap_or_default() as u32
    }

    fn payload(&self, key: u64) -> Option<QrPayload> {
        self.scheme.payload_of_key(self.helper, &bits_of(key, self.bits())).ok()
    }
}

/// The bits that open a first locker.
pub struct LockerKeys<'a> {
    /// The scheme.
    pub scheme: &'a SampleThenLock,
    /// The helper of the record that is searched.
    pub helper: &'a HelperData,
}

impl KeySpace for LockerKeys<'_> {
    fn bits(&self) -> u32 {
        self.scheme.key_bits().unwrap_or_default() as u32
    }

    fn payload(&self, key: u64) -> Option<QrPayload> {
        self.scheme.payload_of_subset(self.helper, &bits_of(key, self.bits())).ok()
    }
}

/// Returns the least significant bits of a number, the lowest first.
fn bits_of(key: u64, bits: u32) -> BitString {
    BitString::from_bits((0..bits).map(|i| key >> i & 1 == 1))
}

/// Returns a template whose binary form is such bits.
fn template_of_bits(key: u64, bits: u32) -> Template {
    Template::new(Vec::new(), (0..bits).map(|i| if key >> i & 1 == 1 { 1.0 } else { -1.0 }).collect())
}

/// Returns the guesses that a search of so many bits takes on average.
pub fn expected_guesses(bits: u32) -> f64 {
    (libm::exp2(f64::from(bits)) + 1.0) / 2.0
}

/// Tries keys in a random order, each once, until the target's record is matched or the budget is spent.
///
/// The trial's value is the key's bits. Panics when a key has more than 62.
pub fn search_keys(
    scheme: &dyn Scheme,
    space: &dyn KeySpace,
    target: &Target,
    budget: u64,
    rng: &mut dyn Rng,
) -> (Trial, Option<u64>) {
    let bits = space.bits();
    assert!(bits <= 62, "nobody walks a space of {bits} bits");
    let size = 1u64 << bits;
    // An odd stride meets every residue of a power of two once.
    let (start, stride) = (rng.random_range(0..size), rng.random_range(0..size) | 1);
    let matches = |key: &u64| space.payload(*key).is_some_and(|payload| target.verify(scheme, &payload).accepted);
    let key_at = |guess: u64| start.wrapping_add(guess.wrapping_mul(stride)) & (size - 1);
    let found = (0..size.min(budget)).map(|guess| (guess + 1, key_at(guess))).find(|(_, key)| matches(key));
    let queries = found.map_or(size.min(budget), |(guesses, _)| guesses);
    let trial = Trial { target: target.subject, queries, succeeded: found.is_some(), value: Some(bits as f32) };
    (trial, found.map(|(_, key)| key))
}

/// Tries the best guesses of a vault's set that need no biometric, each drawn anew, until the record is matched or the
/// budget is spent.
///
/// The trial's value is the bits of a guess.
pub fn search_vault(scheme: &FuzzyVault, target: &Target, budget: u64, rng: &mut dyn Rng) -> Trial {
    let mut attempt = || {
        let elements = scheme.guess().draw(rng);
        let payload = scheme.payload_of_elements(&target.enrolment.helper, &elements);
        payload.is_ok_and(|payload| target.verify(scheme, &payload).accepted)
    };
    let found = (1..=budget).find(|_| attempt());
    Trial {
        target: target.subject,
        queries: found.unwrap_or(budget),
        succeeded: found.is_some(),
        value: Some(scheme.guess().bits() as f32),
    }
}

/// Derives from other people's templates until the record is matched, they are used up or the budget is spent.
///
/// Returns the trial, and the template that matched; the trial's value is `None`.
pub fn search_people(
    scheme: &dyn Scheme,
    target: &Target,
    factors: &Factors,
    people: impl IntoIterator<Item = Template>,
    budget: u64,
) -> (Trial, Option<Template>) {
    let mut queries = 0;
    for template in people {
        if queries == budget {
            break;
        }
        queries += 1;
        let payload = factors.payload(scheme, &template);
        if payload.is_ok_and(|payload| target.verify(scheme, &payload).accepted) {
            return (Trial { target: target.subject, queries, succeeded: true, value: None }, Some(template));
        }
    }
    (Trial { target: target.subject, queries, succeeded: false, value: None }, None)
}
