//! The description of an attack: knowledge, targets, budget, how the control is weakened, and the requirement.

use crate::scenario::{Configuration, Scenario};
use biopay_biometrics::scheme::SchemeId;
use biopay_reports::run_folder::manifest::{AttackRequirement, AttackTerms};
use biopay_server::config::Presentation;

/// The attacker's means, the weakened control and the requirement of an attack.
pub(in crate::attack) struct Description {
    /// What the attacker knows and has.
    pub knowledge: &'static str,
    /// Accounts or subjects that are attacked unless the scenario says otherwise. 36 trials without a success bound a
    /// share below 10 % (Clopper-Pearson), which is the limit for most attacks.
    pub targets: u32,
    /// The budget for one target unless the scenario sets another, in the attack's own unit: presentations, guesses,
    /// requests.
    pub budget: u64,
    /// Switches on the function that is attacked, in every configuration but the scenario's own.
    pub needs: fn(&mut Scenario),
    /// Switches off the counter-measure, for the control. Attacks without a server give the attacker more knowledge
    /// instead.
    pub weaken: fn(&mut Scenario),
    /// The defences that the attack meets in one configuration, each a system of its own.
    pub defences: fn(Configuration) -> Vec<Defence>,
    /// The limit on the share of successes; `None` where the attack only measures.
    pub requirement: Option<Requirement>,
    /// Whether the derivation scheme decides on success, so that the lift over its false match rate means something.
    pub is_decided_by_scheme: bool,
    /// Whether the attack may be made on a server that the run did not start.
    pub elsewhere: Elsewhere,
}

/// Whether an attack may be made on a server that the run did not start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::attack) enum Elsewhere {
    /// It needs no server.
    NoServer,
    /// With the owner's consent, within bounds of rate and time.
    Allowed,
    /// Never, for this reason.
    Refused(&'static str),
}

/// The reason against attacks that take the service from others.
pub(in crate::attack) const DENIES: &str = "it takes the service from the server's other users";
/// The reason against attacks that read the bank's books.
pub(in crate::attack) const NEEDS_BOOKS: &str =
    "it counts postings in the bank's books, which only a bank of the run's own shows";
/// The reason against attacks that look into the network.
pub(in crate::attack) const NEEDS_NETWORK: &str = "it needs the simulated network";
/// The reason against attacks that search the server's password hashes.
pub(in crate::attack) const NEEDS_HASHES: &str = "it needs the server's password hashes";

impl Description {
    /// Returns why the attack cannot be made on the scenario's own server; `None` where it can.
    pub(super) fn why_not(&self, scenario: &Scenario) -> Option<&'static str> {
        let has_consent = scenario.server.attack_consent.is_some();
        if scenario.server.address.is_some() {
            return match self.elsewhere {
                Elsewhere::NoServer => None,
                Elsewhere::Allowed if has_consent => None,
                Elsewhere::Allowed => Some("server.attack-consent does not name the server at server.address"),
                Elsewhere::Refused(why) => Some(why),
            };
        }
        let mut with_needs = scenario.clone();
        (self.needs)(&mut with_needs);
        (with_needs != *scenario).then_some("what it attacks is switched off there")
    }

    /// Returns the requirement and the scheme's part in the decision, as the run's manifest records them.
    pub(super) fn terms(&self) -> AttackTerms {
        let requirement = self.requirement.map(|r| AttackRequirement { source: r.source.to_owned(), max: r.max });
        AttackTerms { requirement, is_decided_by_scheme: self.is_decided_by_scheme }
    }
}

/// A published limit on the share of successes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::attack) struct Requirement {
    /// The source of the limit.
    pub source: &'static str,
    /// The greatest share of attacks that may succeed.
    pub max: f64,
}

/// One of several defences of a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::attack) struct Defence {
    /// Its name in the attack's variant; empty where there is one.
    pub name: &'static str,
    /// The proof that a presented QR must carry; `None` keeps the configuration's own rule.
    pub presentation: Option<Presentation>,
}

/// The share of successes allowed where a counter-measure is on: SP 800-63B-3, 5.2.3 asks for a resistance of 90 % from
/// presentation attack detection, and we use the same limit for attacks without a published one.
pub(in crate::attack) const RESISTED: f64 = 0.10;

/// The share of a flaw that exists or does not: one success shows that it exists.
pub(in crate::attack) const ABSENT: f64 = 0.0;

/// Leaves a system as it is.
pub(in crate::attack) fn unchanged(_: &mut Scenario) {}

/// Makes every payment require a verification code.
pub(in crate::attack) fn with_codes(scenario: &mut Scenario) {
    scenario.server.verification_code = true;
}

/// Makes the password enough to enrol another QR, and the server accept it without any proof.
pub(in crate::attack) fn without_step_up(scenario: &mut Scenario) {
    scenario.server.step_up = false;
    with_static_symbols(scenario);
}

/// Makes the server accept a QR without any proof.
pub(in crate::attack) fn with_static_symbols(scenario: &mut Scenario) {
    scenario.server.presentation = Presentation::Static;
}

/// Makes the server accept a QR without proof, without a limit on tries, and with a threshold that accepts nearly
/// everybody.
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

/// A template threshold at which nearly every impostor is accepted after a few tries.
pub(in crate::attack) const LOOSE_THRESHOLD: f32 = 0.55;
