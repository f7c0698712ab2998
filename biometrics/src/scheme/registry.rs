//! Schemes by name: how a server's configuration and a scenario choose them.

use super::{
    BioHash, BioHashParameters, CommitmentParameters, DigestScheme, FuzzyCommitment, FuzzyVault, IndexOfMax,
    IndexOfMaxParameters, LockerParameters, SampleThenLock, Scheme, SchemeId, TemplateScheme, VaultParameters,
};
use crate::Error;
use serde::{Deserialize, Serialize};

/// Holds every scheme's parameters; what is not given takes its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SchemeParameters {
    /// The least similarity that `template` accepts, above 0.5 and at most 1.
    pub template_threshold: f32,
    /// The bits of a number that `template` presents, 1 to 8: one takes the template's own bits.
    pub template_depth: usize,
    /// The template's first bits that `digest` hashes, 1 to 1,024.
    pub digest_bits: usize,
    /// `fuzzy-commitment`: code, bits and order.
    pub fuzzy_commitment: CommitmentParameters,
    /// `fuzzy-vault`: sizes of universe, set and polynomial.
    pub fuzzy_vault: VaultParameters,
    /// `biohash`: bits and threshold.
    pub biohash: BioHashParameters,
    /// `index-of-max`: variant, sizes and threshold.
    pub index_of_max: IndexOfMaxParameters,
    /// `sample-then-lock`: subset and lockers.
    pub sample_then_lock: LockerParameters,
}

impl Default for SchemeParameters {
    fn default() -> Self {
        Self {
            template_threshold: TEMPLATE_THRESHOLD,
            template_depth: 1,
            digest_bits: DIGEST_BITS,
            fuzzy_commitment: CommitmentParameters::default(),
            fuzzy_vault: VaultParameters::default(),
            biohash: BioHashParameters::default(),
            index_of_max: IndexOfMaxParameters::default(),
            sample_then_lock: LockerParameters::default(),
        }
    }
}

impl SchemeParameters {
    /// Returns what embeddings of 128 numbers want: the threshold schemes' payloads are long or deep enough for a false
    /// non-match rate of at most 2.5 % at a false match rate of 1 in 10,000.
    ///
    /// Measured by `biopay evaluate --modality embedding --scheme NAME --enrol 1 --captures 2 --subjects 2000`, one capture
    /// at enrolment, 2,000 mated and 3,998,000 non-mated comparisons: FNMR 2.10 % at FMR 10^-4 for `template` and `biohash`
    /// (1.5 to 2.8 %; 78 bytes a payload, symbol version 5) and 2.40 % for `index-of-max` (1.8 to 3.2 %; 336 bytes, version
    /// 14); at 10^-6 8.40, 9.05 and 10.4 %. 2,048 signs of `biohash` (`--parameters`) have 2.30 % (1.7 to 3.1 %; 270 bytes,
    /// version 12), unprotected embeddings 2.00 % and 1,024 signs 2.91 % (these two by `--comparator`, 30,000 subjects).
    pub fn for_embeddings() -> Self {
        let bits = EMBEDDING_NUMBERS * EMBEDDING_DEPTH;
        Self {
            template_threshold: EMBEDDING_THRESHOLD,
            template_depth: EMBEDDING_DEPTH,
            biohash: BioHashParameters { bits, depth: EMBEDDING_DEPTH, threshold: EMBEDDING_THRESHOLD },
            index_of_max: IndexOfMaxParameters {
                groups: 1_280,
                group_size: 4,
                threshold: 0.413,
                ..IndexOfMaxParameters::default()
            },
            ..Self::default()
        }
    }
}

/// Numbers of an embedding.
const EMBEDDING_NUMBERS: usize = 128;
/// Bits that each takes in a payload.
const EMBEDDING_DEPTH: usize = 4;
/// 1 - acos(0.39)/π: a cosine of 0.39 is where one in 10,000 non-mated pairs match.
const EMBEDDING_THRESHOLD: f32 = 0.627;

/// Agreement of two fingers' bits that non-mated ones seldom reach: by `biopay evaluate --modality fingerprint --scheme
/// all --subjects 60`, three captures at enrolment, one false match in 10,620 and 9 false non-matches in 180.
const TEMPLATE_THRESHOLD: f32 = 0.68;

/// As many bits as a false match rate of 1 in 10,000 needs if they were independent (13.3), and some for their not
/// being so. Measured by the same command with `--quality 0.9`: 157 false non-matches in 180 and no false match in
/// 10,620.
const DIGEST_BITS: usize = 16;

/// Builds one scheme.
///
/// Errors: [`Error::Parameter`] when its parameters are out of range.
pub fn build(id: SchemeId, parameters: &SchemeParameters) -> Result<Box<dyn Scheme>, Error> {
    Ok(match id {
        SchemeId::Digest => Box::new(DigestScheme::new(parameters.digest_bits)?),
        SchemeId::Template => Box::new(TemplateScheme::new(parameters.template_threshold, parameters.template_depth)?),
        SchemeId::FuzzyCommitment => Box::new(FuzzyCommitment::new(parameters.fuzzy_commitment)?),
        SchemeId::FuzzyVault => Box::new(FuzzyVault::new(parameters.fuzzy_vault)?),
        SchemeId::BioHash => Box::new(BioHash::new(parameters.biohash)?),
        SchemeId::IndexOfMax => Box::new(IndexOfMax::new(parameters.index_of_max)?),
        SchemeId::SampleThenLock => Box::new(SampleThenLock::new(parameters.sample_then_lock)?),
    })
}

/// Holds every scheme, built once from one set of parameters.
pub struct Registry {
    schemes: Vec<Box<dyn Scheme>>,
}

impl Registry {
    /// Builds all schemes.
    ///
    /// Errors: [`Error::Parameter`] naming the first parameter that is out of range.
    pub fn new(parameters: &SchemeParameters) -> Result<Self, Error> {
        let schemes = SchemeId::ALL.into_iter().map(|id| build(id, parameters)).collect::<Result<_, _>>()?;
        Ok(Self { schemes })
    }

    /// Returns a scheme.
    pub fn scheme(&self, id: SchemeId) -> &dyn Scheme {
        let found = self.schemes.iter().find(|scheme| scheme.id() == id);
        found.expect("the registry was built over every id").as_ref()
    }

    /// Iterates over all schemes in the order of [`SchemeId::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &dyn Scheme> {
        self.schemes.iter().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::CommitmentCode;

    #[test]
    fn every_scheme_is_built_and_found_by_name_and_code() {
        let registry = Registry::new(&SchemeParameters::default()).unwrap();
        for id in SchemeId::ALL {
            assert_eq!(registry.scheme(id).id(), id);
            assert_eq!(SchemeId::from_name(id.name()), Some(id));
            assert_eq!(SchemeId::from_code(id.code()), Some(id));
        }
        assert_eq!(registry.iter().count(), SchemeId::ALL.len());
    }

    #[test]
    fn a_parameter_out_of_range_is_named() {
        let parameters = SchemeParameters { template_threshold: 0.2, ..Default::default() };
        let error = Registry::new(&parameters).err().unwrap();
        assert!(error.to_string().contains("template threshold"), "{error}");
        let code = CommitmentCode::Bch { length: 500, correctable: 10 };
        let fuzzy_commitment = CommitmentParameters { code, ..Default::default() };
        let parameters = SchemeParameters { fuzzy_commitment, ..Default::default() };
        assert!(build(SchemeId::FuzzyCommitment, &parameters).is_err());
    }
}
