//! What is said of an attack before it is made.

use crate::scenario::{Configuration, Scenario};
use biopay_biometrics::scheme::SchemeId;
use biopay_reports::run_folder::manifest::{AttackRequirement, AttackTerms};
use biopay_server::config::Presentation;

/// What an attack's attacker has, how its control is weakened, and what it is held against.
pub(in crate::attack) struct Description {
    /// What the attacker knows and has.
    pub knowledge: &'static str,
    /// Accounts or subjects that are attacked unless the scenario says otherwise. 36 trials without a success bound a
    /// share below 10 % (Clopper-Pearson), which most attacks are held against.
    pub targets: u32,
    /// What may be spent on one target unless the scenario says otherwise, in the attack's own unit: presentations,
    /// guesses, requests.
    pub budget: u64,
    /// Switches on what the attack is about, in every configuration.
    pub needs: fn(&mut Scenario),
    /// Switches off, for the control, what stands against the attack. Off line it is the attacker who is given more.
    pub weaken: fn(&mut Scenario),
    /// The defences that the attack meets in one configuration, each a system of its own.
    pub defences: fn(Configuration) -> Vec<Defence>,
    /// What the share of successes is held against; nothing where the attack only measures.
    pub requirement: Option<Requirement>,
    /// Whether the derivation scheme decides on success, so that the lift over its false match rate means something.
    pub is_decided_by_scheme: bool,
}

impl Description {
    /// Returns what the attack's successes are measured against, as a run's manifest says it.
    pub fn terms(&self) -> AttackTerms {
        let requirement = self.requirement.map(|r| AttackRequirement { source: r.source.to_owned(), max: r.max });
        AttackTerms { requirement, is_decided_by_scheme: self.is_decided_by_scheme }
    }
}

/// A published limit on the share of successes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::attack) struct Requirement {
    /// What the attack is held against.
    pub source: &'static str,
    /// The greatest share of attacks that may succeed.
    pub max: f64,
}

/// One of several defences of a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::attack) struct Defence {
    /// Its name in the attack's variant; empty where there is one.
    pub name: &'static str,
    /// What a presented QR must come with; nothing leaves the configuration's own rule.
    pub presentation: Option<Presentation>,
}

/// The share that an attack with a counter-measure may reach: the resistance of 90 % that SP 800-63B-3, 5.2.3 asks of
/// presentation attack detection, taken for attacks for which no standard says a number.
pub(in crate::attack) const RESISTED: f64 = 0.10;

/// The share of a flaw that exists or does not: one success shows that it exists.
pub(in crate::attack) const ABSENT: f64 = 0.0;

/// Leaves a system as it is.
pub(in crate::attack) fn unchanged(_: &mut Scenario) {}

/// Has every payment ask for a verification code.
pub(in crate::attack) fn with_codes(scenario: &mut Scenario) {
    scenario.server.verification_code = true;
}

/// Takes a QR with nothing beside it.
pub(in crate::attack) fn with_static_symbols(scenario: &mut Scenario) {
    scenario.server.presentation = Presentation::Static;
}

/// Takes a QR with nothing beside it, as often as anybody likes, and lets nearly everybody through.
pub(in crate::attack) fn without_limits_on_guessing(scenario: &mut Scenario) {
    scenario.server.presentation = Presentation::Static;
    scenario.server.throttling = false;
    if scenario.schemes.r#use.contains(&SchemeId::Template) {
        scenario.schemes.parameters.template.threshold = LOOSE_THRESHOLD;
    }
}

/// Lists the one defence that a configuration has.
pub(in crate::attack) fn one_defence(_: Configuration) -> Vec<Defence> {
    vec![Defence { name: "", presentation: None }]
}

/// A template threshold at which nearly everybody is let through somebody else's account in a few tries.
pub(in crate::attack) const LOOSE_THRESHOLD: f32 = 0.55;
