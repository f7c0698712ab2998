//! Derivation schemes: from a noisy template to a consistent QR payload, behind one interface.
//!
//! ```text
//! enrol  (reference templates, device token?, rng) -> Enrolment { payload, helper }
//! derive (probe template, helper, device token?)   -> payload, or failed to derive
//! record (payload)                                 -> what the server keeps
//! verify (record, payload)                         -> ComparisonDecision, with a score where the scheme has one
//! ```
//! `enrol` and `derive` run on the handset, `record` and `verify` on the server, which never sees a template unless
//! the payload is one.

/// Calls a macro with the list of schemes, from which their enum, names, codes, parameters and constructors are generated.
///
/// A new scheme is its module and one entry here. The first line holds its variant, the byte that stands for it in a QR
/// payload and its name; the second the parameters that it takes, and the keys of a configuration that set them.
macro_rules! for_schemes {
    ($generate:ident) => {
        $generate! {
            /// A digest of the quantised template: the patent read literally.
            Digest = 1, "digest",
            digest: DigestParameters { digest_bits: usize => digest.bits }

            /// The fixed-length template itself, accepted within a Hamming distance.
            Template = 2, "template",
            template: TemplateParameters {
                template_threshold: f32 => template.threshold,
                template_depth: usize => template.depth,
            }

            /// A code-offset of the binary template with an error-correcting code; the payload is a digest of the key.
            FuzzyCommitment = 3, "fuzzy-commitment",
            fuzzy_commitment: CommitmentParameters { fuzzy_commitment: CommitmentParameters => fuzzy_commitment }

            /// A polynomial hidden among the intervals of the template's elements.
            FuzzyVault = 4, "fuzzy-vault",
            fuzzy_vault: VaultParameters { fuzzy_vault: VaultParameters => fuzzy_vault }

            /// Signs of keyed orthonormal projections.
            BioHash = 5, "biohash",
            biohash: BioHashParameters { biohash: BioHashParameters => biohash }

            /// Indices of the largest of keyed values.
            IndexOfMax = 6, "index-of-max",
            index_of_max: IndexOfMaxParameters { index_of_max: IndexOfMaxParameters => index_of_max }

            /// A key in lockers that random subsets of the bits open.
            SampleThenLock = 7, "sample-then-lock",
            sample_then_lock: LockerParameters { sample_then_lock: LockerParameters => sample_then_lock }

            /// Polynomials of a real-valued template's neighbouring elements, with a subject's own integers.
            PolyProtect = 12, "polyprotect",
            polyprotect: PolyProtectParameters { polyprotect: PolyProtectParameters => polyprotect }

            /// Signs of the outputs of a network with a subject's own random weights.
            MlpHash = 13, "mlp-hash",
            mlp_hash: MlpHashParameters { mlp_hash: MlpHashParameters => mlp_hash }

            /// A codeword on the sphere, bound to the template by a random orthogonal matrix.
            IronMask = 14, "ironmask",
            ironmask: IronMaskParameters { ironmask: IronMaskParameters => ironmask }

            /// Which words occur in each block of the binary template.
            BloomFilter = 15, "bloom-filter",
            bloom_filter: BloomFilterParameters { bloom_filter: BloomFilterParameters => bloom_filter }

            /// A polynomial hidden among the minutiae.
            MinutiaeVault = 16, "minutiae-vault",
            minutiae_vault: MinutiaeVaultParameters { minutiae_vault: MinutiaeVaultParameters => minutiae_vault }
        }
    };
}

// What every scheme takes and gives.
mod id;
mod parameters;
mod parts;
mod payload;

// The interface, and what the schemes of each kind share.
mod equality;
mod improved_vault;
mod interface;
mod keyed;
mod quantiser;
mod reference;
mod symbols;
mod threshold;

// The schemes.
pub mod biohash;
pub mod bloom_filter;
pub mod digest;
pub mod fuzzy_commitment;
pub mod fuzzy_vault;
pub mod index_of_max;
pub mod ironmask;
pub mod minutiae_vault;
pub mod mlp_hash;
pub mod polyprotect;
pub mod sample_then_lock;
pub mod template;

// The one that a user brings.
mod own;

// All of them by name.
pub mod registry;

pub use biohash::{BioHash, BioHashParameters};
pub use bloom_filter::{BloomFilter, BloomFilterParameters};
pub use digest::{DigestParameters, DigestScheme};
pub use fuzzy_commitment::{CommitmentCode, CommitmentParameters, FuzzyCommitment, HelperKey, Permutation, Selection};
pub use fuzzy_vault::{FuzzyVault, VaultParameters};
pub use id::SchemeId;
pub use index_of_max::{IndexOfMax, IndexOfMaxParameters, IndexVariant};
pub use interface::Scheme;
pub use ironmask::{IronMask, IronMaskParameters};
pub use minutiae_vault::{MinutiaeVault, MinutiaeVaultParameters};
pub use mlp_hash::{MlpHash, MlpHashParameters};
pub use own::OwnParameters;
pub use parameters::Parameters;
pub use parts::{
    Committed, ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse,
};
pub use payload::{BODY_BYTES_MAX, OVERHEAD_BYTES, QrPayload, TagKey, VERSION};
pub use polyprotect::{PolyProtect, PolyProtectParameters};
pub(crate) use reference::at_least;
pub use registry::{Registry, SchemeParameters, build};
pub use sample_then_lock::{LockerParameters, SampleThenLock};
pub use symbols::PayloadSymbols;
pub use template::{TemplateParameters, TemplateScheme};
