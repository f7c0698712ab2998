//! Derivation schemes: from a noisy template to a consistent QR payload, behind one interface.
//!
//! ```text
//! enrol  (reference templates, device token?, rng) -> Enrolment { payload, helper }
//! derive (probe template, helper, device token?)   -> payload, or failed to derive
//! record (payload)                                 -> what the server keeps
//! verify (record, payload)                         -> Verdict, with a score where the scheme has one
//! ```
//! `enrol` and `derive` run on the handset, `record` and `verify` on the server, which never sees a template unless
//! the payload is one.

pub mod biohash;
pub mod digest;
mod equality;
pub mod fuzzy_commitment;
pub mod fuzzy_vault;
pub mod index_of_max;
mod keyed;
mod quantiser;
mod reference;
pub mod registry;
pub mod sample_then_lock;
pub mod template;
mod threshold;

pub use biohash::{BioHash, BioHashParameters};
pub use digest::DigestScheme;
pub use fuzzy_commitment::{CommitmentCode, CommitmentParameters, FuzzyCommitment, Permutation, Selection};
pub use fuzzy_vault::{FuzzyVault, VaultParameters};
pub use index_of_max::{IndexOfMax, IndexOfMaxParameters, IndexVariant};
pub use registry::{Registry, SchemeParameters, build};
pub use sample_then_lock::{LockerParameters, SampleThenLock};
pub use template::TemplateScheme;

use crate::{Error, QrPayload, Template};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Names a derivation scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemeId {
    /// A digest of the quantised template: the patent read literally.
    Digest,
    /// The fixed-length template itself, accepted within a Hamming distance.
    Template,
    /// A code-offset of the binary template with an error-correcting code; the payload is a digest of the key.
    FuzzyCommitment,
    /// A polynomial hidden among the elements of the template's set.
    FuzzyVault,
    /// Signs of keyed orthonormal projections.
    #[serde(rename = "biohash")]
    BioHash,
    /// Indices of the largest of keyed values.
    IndexOfMax,
    /// A key in lockers that random subsets of the bits open.
    SampleThenLock,
}

impl SchemeId {
    /// Every scheme, in the order of the design's table.
    pub const ALL: [Self; 7] = [
        Self::Digest,
        Self::Template,
        Self::FuzzyCommitment,
        Self::FuzzyVault,
        Self::BioHash,
        Self::IndexOfMax,
        Self::SampleThenLock,
    ];

    /// Returns the name used in scenarios, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Template => "template",
            Self::FuzzyCommitment => "fuzzy-commitment",
            Self::FuzzyVault => "fuzzy-vault",
            Self::BioHash => "biohash",
            Self::IndexOfMax => "index-of-max",
            Self::SampleThenLock => "sample-then-lock",
        }
    }

    /// Finds a scheme by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Returns the scheme's byte in a QR payload.
    pub fn code(self) -> u8 {
        match self {
            Self::Digest => 1,
            Self::Template => 2,
            Self::FuzzyCommitment => 3,
            Self::FuzzyVault => 4,
            Self::BioHash => 5,
            Self::IndexOfMax => 6,
            Self::SampleThenLock => 7,
        }
    }

    /// Finds a scheme by its byte in a QR payload.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.code() == code)
    }
}

/// Says how a scheme's payloads are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonKind {
    /// Equal or not: the scheme has one operating point, which its parameters set.
    Equality,
    /// By a score that must reach this threshold.
    Threshold(f32),
}

/// Says what a scheme does with a device token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenUse {
    /// Nothing: there is no second factor that could be stolen.
    Ignored,
    /// It keys the projection; without one the record's public salt alone does, as if the token were stolen.
    Keys,
}

/// Holds a secret that stays on one device and keys token-based schemes.
#[derive(Clone)]
pub struct DeviceToken(pub [u8; 32]);

/// Holds what a device needs besides the probe to derive the payload again. Public by design: the scheme's security
/// does not rest on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperData(pub Vec<u8>);

/// Holds what the server keeps of an enrolment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord(pub Vec<u8>);

/// Holds what enrolment gives the handset.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Presented to the server at registration, and kept by a handset that stores its QR (patent paragraph 20).
    pub payload: QrPayload,
    /// Needed to derive the payload from a new capture (patent paragraph 29).
    pub helper: HelperData,
}

/// Holds the server's decision on one presented payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the payload is consistent with the record.
    pub accepted: bool,
    /// The comparison score in [0, 1], larger is more similar; `None` where the scheme compares for equality.
    pub score: Option<f32>,
}

impl Verdict {
    /// The decision on anything malformed.
    pub const REJECTED: Self = Self { accepted: false, score: None };
}

/// Derives, enrols and verifies QR payloads in one way.
pub trait Scheme: Send + Sync {
    /// Returns the scheme's name.
    fn id(&self) -> SchemeId;

    /// Returns the bits that guessing the key costs at most; `None` where the scheme has no key.
    fn key_bits(&self) -> Option<usize> {
        None
    }

    /// Says how payloads are compared, and at which threshold. Unless a scheme says otherwise its payload is a digest
    /// of a key, and [`record`](Self::record) and [`verify`](Self::verify) are those of digests.
    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Equality
    }

    /// Says what a device token is to the scheme.
    fn token_use(&self) -> TokenUse {
        TokenUse::Ignored
    }

    /// Enrols one or several templates of the same subject.
    ///
    /// Errors: [`Error::FailureToEnrol`] when they cannot make a reference.
    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error>;

    /// Derives the payload from a new capture.
    ///
    /// Errors: [`Error::FailedToDerive`] when an equality scheme cannot correct the difference;
    /// [`Error::Malformed`] when the helper data is not of this scheme.
    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error>;

    /// Makes the server's record from the payload presented at registration.
    ///
    /// Errors: [`Error::Malformed`] when the payload is not of this scheme.
    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        equality::record_of(self.id(), payload)
    }

    /// Decides whether a payload is consistent with a record. Anything malformed is rejected, without a score.
    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> Verdict {
        equality::verify(self.id(), record, payload)
    }

    /// Returns what somebody who holds payload, helper data and device token concludes of the template; `None` where
    /// nothing better than comparing payloads and helpers bit by bit is known.
    ///
    /// Shape: a vector whose cosine with that of another enrolment is the larger, the more likely both are of one
    /// subject. `dimension` is that of the real-valued template, which the modality tells.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, dimension: usize) -> Option<Vec<f32>> {
        let _ = (enrolment, token, dimension);
        None
    }

    /// Runs the attack on two helpers that tells whether they are of one subject; `None` where there is none better
    /// than comparing them bit by bit, or where a helper is not of this scheme.
    ///
    /// Units: of the attack, larger is likelier the same subject.
    fn link(&self, a: &HelperData, b: &HelperData) -> Option<f32> {
        let _ = (a, b);
        None
    }
}
