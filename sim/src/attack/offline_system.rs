//! The system that attacks without a server work on: the run's own people, in every configuration, with the procedures
//! of `biometrics` and `datasets`.
//!
//! The columns: `patent-literal` has no device tokens and one order of bits for all records, `hardened` has tokens and
//! an order for each record, `control` gives the attacker what the attack needs (a score, the token, a loose threshold, a
//! short key), and `scenario` enrols as the run's handsets do: without tokens, with the scenario's parameters.

use super::attackers::{ATTACKERS, CAPTURES, attackers_capture};
use super::definition::LOOSE_THRESHOLD;
use super::findings::{Findings, Trial};
use super::setup::Setup;
use crate::Error;
use crate::people::population::Population;
use crate::scenario::Configuration;
use biopay_biometrics::Template;
use biopay_biometrics::attack::{Target, Trial as OfflineTrial};
use biopay_biometrics::scheme::{Scheme, SchemeId, SchemeParameters, build};
use biopay_datasets::stream::stream;
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// The system that attacks without a server work on.
pub(super) struct OfflineSystem<'a> {
    /// The attack and the column.
    pub setup: &'a Setup,
    /// The people.
    pub population: &'a Population,
}

/// One owner with captures.
pub(super) struct Person<'a> {
    /// The subject.
    pub subject: u32,
    /// The captures of the enrolment.
    pub references: &'a [Template],
    /// Another capture.
    pub probe: &'a Template,
}

impl<'a> OfflineSystem<'a> {
    /// Makes an attack on each scheme in turn.
    ///
    /// # Errors
    ///
    /// Parameters out of range.
    pub(super) fn each_scheme(
        &self,
        parameters: &SchemeParameters,
        mut attack: impl FnMut(&dyn Scheme) -> Result<Findings, Error>,
    ) -> Result<Findings, Error> {
        let mut findings = Findings::default();
        for id in SchemeId::ALL {
            findings.extend(attack(build(id, parameters)?.as_ref())?);
        }
        Ok(findings)
    }

    /// Returns the schemes' parameters in this column.
    pub(super) fn parameters(&self) -> SchemeParameters {
        let mut parameters = self.setup.scenario.schemes.parameters.clone();
        match self.setup.configuration {
            Configuration::PatentLiteral | Configuration::Control => parameters.share_order(),
            Configuration::Hardened | Configuration::Scenario => {}
        }
        parameters
    }

    /// Returns parameters with which threshold schemes accept strangers.
    pub(super) fn loose_parameters(&self) -> SchemeParameters {
        let mut parameters = self.parameters();
        parameters.template.threshold = LOOSE_THRESHOLD;
        parameters.biohash.threshold = LOOSE_THRESHOLD;
        parameters
    }

    /// Lists the owners who have captures, at most as many as the attack has targets.
    pub(super) fn people(&self) -> Vec<Person<'a>> {
        let owners = self.population.owners.iter().filter_map(|(&subject, owner)| {
            let spare = self.population.sensors.find(attackers_capture(subject, 0))?;
            let probe = spare.template.as_ref().ok()?;
            (!owner.references.is_empty()).then_some(Person { subject, references: &owner.references, probe })
        });
        owners.take(self.setup.targets as usize).collect()
    }

    /// Lists `captures` captures of each person whose samples the attacker has.
    pub(super) fn strangers(&self, captures: u32) -> Vec<Template> {
        let scenario = &self.setup.scenario;
        let keys = (0..ATTACKERS).flat_map(|index| {
            (0..captures.min(CAPTURES)).map(move |number| attackers_capture(scenario.attacker(index), number))
        });
        let templates = keys.filter_map(|key| self.population.sensors.find(key)?.template.clone().ok());
        templates.collect()
    }

    /// Enrols a subject, with a token of their own unless the column has none; `None` after a failure to enrol.
    pub(super) fn enrol(
        &self,
        scheme: &dyn Scheme,
        subject: u32,
        references: &[Template],
        service: u64,
    ) -> Option<Target> {
        let mut rng = self.rng(&format!("enrol/{}/{service}", scheme.id().name()), subject);
        match self.setup.configuration {
            Configuration::PatentLiteral | Configuration::Scenario => {
                Target::enrol(scheme, subject, references, None, &mut rng).ok()
            }
            Configuration::Hardened | Configuration::Control => {
                Target::enrol_with_token(scheme, subject, references, &mut rng).ok()
            }
        }
    }

    /// Enrols the attacker from the attacker's first samples.
    pub(super) fn attackers_own(&self, scheme: &dyn Scheme) -> Option<Target> {
        let own = self.strangers(1);
        self.enrol(scheme, self.setup.scenario.attacker(0), own.get(..1)?, 0)
    }

    /// Opens this attack's own random stream.
    pub(super) fn rng(&self, purpose: &str, subject: u32) -> ChaCha8Rng {
        let kind = self.setup.kind.name();
        let configuration = self.setup.configuration.name();
        stream(self.setup.scenario.seed, &format!("attack/{kind}/{configuration}/{purpose}"), u64::from(subject))
    }

    /// Converts the trial of an offline attack to a row.
    pub(super) fn trial(&self, trial: &OfflineTrial, outcome: &str) -> Trial {
        Trial {
            target: trial.target,
            attacker: self.setup.scenario.attacker(0),
            tries: trial.queries,
            succeeded: trial.succeeded,
            outcome: outcome.to_owned(),
            took: Duration::ZERO,
        }
    }
}

/// Returns a mean with its 95 % interval by the normal law; `None` for fewer than two.
pub(super) fn mean(values: &[f64]) -> Option<(f64, (f64, f64))> {
    const Z: f64 = 1.959_963_984_540_054;
    let n = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let half = Z * (variance / n).sqrt();
    Some((mean, (mean - half, mean + half)))
}
