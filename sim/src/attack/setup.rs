//! How the attacked system is defended: the scenario's server with counter-measures switched on and off.

use super::kind::{AttackPlan, Configuration, Kind};
use crate::scenario::{PinMode, Scenario};
use biopay_biometrics::scheme::SchemeId;
use biopay_server::config::Presentation;

/// Is one attack on one system.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The attack.
    pub plan: AttackPlan,
    /// The column that it fills.
    pub configuration: Configuration,
    /// Which of several defences it is in that column; empty where there is one.
    pub defence: &'static str,
    /// The attacked system.
    pub scenario: Scenario,
}

impl Setup {
    /// Lists the systems that one attack of a scenario is made on.
    pub fn of(scenario: &Scenario, plan: &AttackPlan) -> Vec<Self> {
        let columns = plan.configurations.iter();
        columns.flat_map(|&configuration| Self::of_column(scenario, plan, configuration)).collect()
    }

    fn of_column(scenario: &Scenario, plan: &AttackPlan, configuration: Configuration) -> Vec<Self> {
        let setup = |defence, change: &dyn Fn(&mut Scenario)| {
            let mut scenario = defended(scenario, configuration);
            if configuration == Configuration::Control {
                weaken(&mut scenario, plan.kind);
            }
            if matches!(plan.kind, Kind::CodeGuessing | Kind::CodeInterception | Kind::CodeFlooding) {
                scenario.server.verification_code = true;
            }
            change(&mut scenario);
            Self { plan: plan.clone(), configuration, defence, scenario }
        };
        let presenting = |defence, rule| setup(defence, &move |scenario| scenario.server.presentation = rule);
        match (plan.kind, configuration) {
            // What each half of the hardened defence is worth by itself, added to the patent's design.
            (Kind::Replay, Configuration::PatentLiteral) => vec![
                presenting("", Presentation::Static),
                presenting("a nonce alone", Presentation::Nonce),
                presenting("a device alone", Presentation::Device),
            ],
            _ => vec![setup("", &|_| {})],
        }
    }

    /// Names a form of the attack together with the defence that it met.
    pub fn variant(&self, form: &str) -> String {
        match (form, self.defence) {
            (form, "") => form.to_owned(),
            ("", defence) => format!("against {defence}"),
            (form, defence) => format!("{form}, against {defence}"),
        }
    }
}

/// Sets the scenario's server up as a column says.
fn defended(scenario: &Scenario, configuration: Configuration) -> Scenario {
    let mut scenario = scenario.clone();
    let is_literal = configuration == Configuration::PatentLiteral;
    let server = &mut scenario.server;
    server.mode = if is_literal { PinMode::PatentLiteral } else { PinMode::Mandate };
    server.presentation = if is_literal { Presentation::Static } else { Presentation::DeviceAndNonce };
    server.verification_code = !is_literal;
    server.throttling = !is_literal;
    server.hides_unknown_names = !is_literal;
    scenario.users.two_step_registration = 0.0;
    scenario
}

/// A template threshold at which nearly everybody is let through somebody else's account in a few tries.
const LOOSE_THRESHOLD: f32 = 0.55;
/// Digits of a code that is guessed in three of a hundred codes.
const FEW_DIGITS: u8 = 2;

/// Switches off what stands against one attack.
fn weaken(scenario: &mut Scenario, kind: Kind) {
    let server = &mut scenario.server;
    match kind {
        Kind::ZeroEffort | Kind::Replay | Kind::ReEnrolment => server.presentation = Presentation::Static,
        Kind::BruteForce | Kind::DecisionClimbing => {
            server.presentation = Presentation::Static;
            server.throttling = false;
            if scenario.schemes.r#use.contains(&SchemeId::Template) {
                scenario.schemes.parameters.template.threshold = LOOSE_THRESHOLD;
            }
        }
        Kind::CredentialStuffing => server.presentation = Presentation::Static,
        Kind::NameEnumeration => server.hides_unknown_names = false,
        Kind::CodeGuessing => (server.throttling, server.code_digits) = (false, FEW_DIGITS),
        Kind::CodeFlooding => server.throttling = false,
        Kind::LockOut => server.spares_familiar = false,
        // The code is read by whoever has the second channel, whatever else there is.
        Kind::CodeInterception => {}
        // These controls are in what the attacker does besides: other keys, one's own payment, an address that is one's own,
        // a decoder that trusts.
        Kind::ChargeRace => server.verification_code = false,
        Kind::Amplification => server.presentation = Presentation::Static,
        Kind::ForeignPayment | Kind::HostileInput => {}
        Kind::Flood => server.hash_threads = 1,
        Kind::EarlyData => server.early_data = true,
        // Off line it is the attacker who is given more.
        Kind::StolenFactors
        | Kind::ScoreClimbing
        | Kind::Dictionary
        | Kind::Presentation
        | Kind::Inversion
        | Kind::OfflineSearch
        | Kind::PasswordSearch
        | Kind::Linkage => {}
    }
}
