//! Schemes by name: how a server's configuration and a scenario choose them.

use super::{CommitmentCode, FuzzyCommitment, Scheme, SchemeId, TemplateScheme};
use crate::Error;
use serde::{Deserialize, Serialize};

/// Holds every scheme's parameters; what is not given takes its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SchemeParameters {
    /// The least fraction of equal bits that `template` accepts, above 0.5 and at most 1.
    pub template_threshold: f32,
    /// The code of `fuzzy-commitment`.
    pub commitment_code: CommitmentCode,
}

impl Default for SchemeParameters {
    fn default() -> Self {
        Self { template_threshold: TEMPLATE_THRESHOLD, commitment_code: CommitmentCode::default() }
    }
}

/// Agreement of two fingers' bits that non-mated ones seldom reach: with three captures at enrolment, 60 unseen
/// synthetic fingers at the default quality gave 20 false matches in 10,620 and 5 false non-matches in 180.
const TEMPLATE_THRESHOLD: f32 = 0.68;

/// Builds one scheme.
///
/// Errors: [`Error::Parameter`] when its parameters are out of range.
pub fn build(id: SchemeId, parameters: &SchemeParameters) -> Result<Box<dyn Scheme>, Error> {
    Ok(match id {
        SchemeId::Template => Box::new(TemplateScheme::new(parameters.template_threshold)?),
        SchemeId::FuzzyCommitment => Box::new(FuzzyCommitment::new(parameters.commitment_code)?),
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
        let commitment_code = CommitmentCode { length: 500, correctable: 10 };
        let parameters = SchemeParameters { commitment_code, ..Default::default() };
        assert!(build(SchemeId::FuzzyCommitment, &parameters).is_err());
    }
}
