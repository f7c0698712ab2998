//! The defences of the attacked system: the scenario's server with counter-measures switched on and off.

use super::definition::{Defence, Description, Elsewhere};
use crate::scenario::{AttackKind, AttackPlan, Configuration, PinMode, Scenario};
use biopay_server::config::Presentation;

/// One attack on one system.
#[derive(Clone)]
pub(super) struct Setup {
    /// The attack's name.
    pub kind: AttackKind,
    /// The attack's description.
    pub(in crate::attack) attack: &'static Description,
    /// Accounts or subjects that are attacked.
    pub targets: u32,
    /// The budget for each target, in the attack's own unit.
    pub budget: u64,
    /// The column that it fills.
    pub configuration: Configuration,
    /// Which of several defences it is in that column; empty where there is one.
    pub defence: &'static str,
    /// The attacked system.
    pub scenario: Scenario,
}

impl Setup {
    /// Lists the systems on which one attack of a scenario is made.
    pub(in crate::attack) fn of(scenario: &Scenario, plan: &AttackPlan, attack: &'static Description) -> Vec<Self> {
        let columns = plan.configurations.iter();
        columns.flat_map(|&configuration| Self::of_column(scenario, plan, attack, configuration)).collect()
    }

    fn of_column(
        scenario: &Scenario,
        plan: &AttackPlan,
        attack: &'static Description,
        configuration: Configuration,
    ) -> Vec<Self> {
        let mut defended = defended(scenario, configuration);
        if configuration == Configuration::Control {
            (attack.weaken)(&mut defended);
        }
        let is_own = configuration == Configuration::Scenario;
        if is_own && attack.why_not(scenario).is_some() {
            return Vec::new();
        }
        (attack.needs)(&mut defended);
        let setup = |defence: Defence| {
            let mut scenario = defended.clone();
            scenario.server.presentation = defence.presentation.unwrap_or(scenario.server.presentation);
            let (targets, budget) = (plan.targets.unwrap_or(attack.targets), plan.budget.unwrap_or(attack.budget));
            Self { kind: plan.kind, attack, targets, budget, configuration, defence: defence.name, scenario }
        };
        (attack.defences)(configuration).into_iter().map(setup).collect()
    }

    /// Whether the attacked server is one that the run did not start.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.configuration == Configuration::Scenario
            && self.attack.elsewhere == Elsewhere::Allowed
            && self.scenario.server.address.is_some()
    }

    /// Returns the name of a form of the attack together with the defence that it met.
    pub(super) fn variant(&self, form: &str) -> String {
        match (form, self.defence) {
            (form, "") => form.to_owned(),
            ("", defence) => format!("against {defence}"),
            (form, defence) => format!("{form}, against {defence}"),
        }
    }
}

/// Returns the scenario with the server's settings of a column.
fn defended(scenario: &Scenario, configuration: Configuration) -> Scenario {
    let mut scenario = scenario.clone();
    let is_literal = match configuration {
        Configuration::Scenario => return scenario,
        Configuration::PatentLiteral => true,
        Configuration::Hardened | Configuration::Control => false,
    };
    let server = &mut scenario.server;
    server.mode = if is_literal { PinMode::PatentLiteral } else { PinMode::Mandate };
    server.presentation = if is_literal { Presentation::Static } else { Presentation::DeviceAndNonce };
    server.step_up = !is_literal;
    server.verification_code = !is_literal;
    server.throttling = !is_literal;
    server.hides_unknown_names = !is_literal;
    scenario.users.two_step_registration = 0.0;
    scenario
}
