//! Schemes by name: how a server's configuration and a scenario choose them.

use super::id::SchemeId;
use super::interface::Scheme;
use super::own::{Absent, OwnParameters};
use super::parameters::Parameters;
use crate::Error;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

macro_rules! scheme_parameters {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal,
       $field:ident: $parameters:ident { $($key:ident: $value:ident => $head:ident $(. $rest:ident)*),* $(,)? })*) => {
        use super::{$($field::$parameters),*};

        /// Every scheme's parameters; those that a configuration does not set keep their defaults.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(from = "Keys", into = "Keys")]
        pub struct SchemeParameters {
            $(#[doc = concat!("The parameters of `", $name, "`.")] pub $field: $parameters,)*
            /// The program of the user's own scheme.
            pub own: OwnParameters,
        }

        /// The parameters as a configuration spells them.
        #[derive(Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        struct Keys {
            $($($key: $value,)*)*
            #[serde(skip_serializing_if = "OwnParameters::is_unset")]
            own: OwnParameters,
        }

        impl From<SchemeParameters> for Keys {
            fn from(parameters: SchemeParameters) -> Self {
                Self { $($($key: parameters.$head$(.$rest)*,)*)* own: parameters.own }
            }
        }

        impl From<Keys> for SchemeParameters {
            fn from(keys: Keys) -> Self {
                let mut parameters = Self::default();
                $($(parameters.$head$(.$rest)* = keys.$key;)*)*
                parameters.own = keys.own;
                parameters
            }
        }

        impl SchemeParameters {
            /// Returns parameters that suit embeddings of 128 numbers: the threshold schemes' payloads are long or deep
            /// enough for a false non-match rate of at most 2.5 % at a false match rate of 1 in 10,000.
            ///
            /// Measured by `biopay evaluate --modality embedding --scheme NAME --enrol 1 --captures 2 --subjects 2000`,
            /// one capture at enrolment, 2,000 mated and 3,998,000 non-mated comparisons: FNMR 2.10 % at FMR 10^-4 for
            /// `template` and `biohash` (1.5 to 2.8 %; 78 bytes a payload, symbol version 5) and 2.40 % for
            /// `index-of-max` (1.8 to 3.2 %; 336 bytes, version 14); at 10^-6 8.40, 9.05 and 10.4 %. 2,048 signs of
            /// `biohash` (`--parameters`) have 2.30 % (1.7 to 3.1 %; 270 bytes, version 12), unprotected embeddings
            /// 2.00 % and 1,024 signs 2.91 % (these two by `--comparator`, 30,000 subjects).
            pub fn for_embeddings() -> Self {
                Self { $($field: $parameters::for_embeddings(),)* own: OwnParameters::default() }
            }

            /// Lists the parameters that tuning tries for a scheme, with their names, from the most to the least
            /// permissive; none for a scheme with a threshold.
            pub fn candidates(&self, id: SchemeId) -> Vec<(String, Self)> {
                match id {
                    $(SchemeId::$variant => {
                        let with = |(name, own)| (name, Self { $field: own, ..self.clone() });
                        self.$field.candidates().into_iter().map(with).collect()
                    })*
                    SchemeId::Own => self.own.candidates().into_iter().map(|(name, own)| (name, Self { own, ..self.clone() })).collect(),
                }
            }

            /// Sets a scheme's threshold, brought into the range that the scheme allows, and returns it; `None` for a
            /// scheme without one.
            pub fn set_threshold(&mut self, id: SchemeId, threshold: f32) -> Option<f32> {
                match id {
                    $(SchemeId::$variant => self.$field.set_threshold(threshold),)*
                    SchemeId::Own => self.own.set_threshold(threshold),
                }
            }

            /// Gives every record the same order of bits, so that records can be linked: the control of linkage attacks.
            pub fn share_order(&mut self) {
                $(self.$field.share_order();)*
            }

            /// Lists every scheme that has parameters here: all that are built in, and the user's own where it is set.
            pub fn ids(&self) -> impl Iterator<Item = SchemeId> + use<> {
                let own = (!self.own.is_unset()).then_some(SchemeId::Own);
                SchemeId::ALL.into_iter().chain(own)
            }

            /// Lists the configuration's keys that set a scheme's parameters.
            pub fn keys(id: SchemeId) -> Vec<String> {
                let keys: &[&str] = match id {
                    $(SchemeId::$variant => &[$(stringify!($key)),*],)*
                    SchemeId::Own => &["own"],
                };
                keys.iter().map(|key| key.replace('_', "-")).collect()
            }
        }

        /// Builds one scheme.
        ///
        /// # Errors
        /// [`Error::Parameter`] when its parameters are out of range.
        pub fn build(id: SchemeId, parameters: &SchemeParameters) -> Result<Arc<dyn Scheme>, Error> {
            match id {
                $(SchemeId::$variant => parameters.$field.build(),)*
                SchemeId::Own => parameters.own.build(),
            }
        }
    };
}

for_schemes!(scheme_parameters);

impl Default for Keys {
    fn default() -> Self {
        SchemeParameters::default().into()
    }
}

/// Every scheme, built once from one set of parameters.
pub struct Registry {
    schemes: Vec<Arc<dyn Scheme>>,
}

impl Registry {
    /// Builds all schemes.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the first parameter that is out of range.
    pub fn new(parameters: &SchemeParameters) -> Result<Self, Error> {
        let schemes = parameters.ids().map(|id| build(id, parameters));
        Ok(Self { schemes: schemes.collect::<Result<_, _>>()? })
    }

    /// Returns a scheme. One of the user's own that is not there takes nothing and accepts nothing: anybody may send a
    /// payload that names it.
    pub fn scheme(&self, id: SchemeId) -> &dyn Scheme {
        let found = self.schemes.iter().find(|scheme| scheme.id() == id);
        found.map_or(&Absent as &dyn Scheme, AsRef::as_ref)
    }

    /// Iterates over all schemes in the order of [`SchemeId::ALL`], then the user's own where there is one.
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
        let mut parameters = SchemeParameters::default();
        parameters.template.threshold = 0.2;
        let error = Registry::new(&parameters).err().unwrap();
        assert!(error.to_string().contains("template threshold"), "{error}");
        let code = CommitmentCode::Bch { length: 500, correctable: 10 };
        let fuzzy_commitment = CommitmentParameters { code, ..Default::default() };
        let parameters = SchemeParameters { fuzzy_commitment, ..Default::default() };
        assert!(build(SchemeId::FuzzyCommitment, &parameters).is_err());
    }
}
