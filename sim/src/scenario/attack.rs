//! The attacks by name, and a scenario's settings of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of people whose samples attackers have.
pub const ATTACKERS: u32 = 24;

/// Calls a macro with the list of all attacks, in the order of reports: the variant of [`AttackKind`], the name in
/// scenarios and records, and the constant in [`crate::attack`] that describes and makes the attack. A new attack is a
/// line here and that constant.
macro_rules! for_each_attack {
    ($macro:ident) => {
        $macro! {
            ZeroEffort "zero-effort" guessing::ZERO_EFFORT,
            BruteForce "brute-force" guessing::BRUTE_FORCE,
            DecisionClimbing "decision-climbing" guessing::DECISION_CLIMBING,
            Replay "replay" replay::REPLAY,
            ReEnrolment "re-enrolment" credentials::RE_ENROLMENT,
            CredentialStuffing "credential-stuffing" credentials::CREDENTIAL_STUFFING,
            NameEnumeration "name-enumeration" credentials::NAME_ENUMERATION,
            CodeGuessing "code-guessing" codes::CODE_GUESSING,
            CodeInterception "code-interception" codes::CODE_INTERCEPTION,
            CodeFlooding "code-flooding" codes::CODE_FLOODING,
            LockOut "lock-out" lock_out::LOCK_OUT,
            ChargeRace "charge-race" payments::CHARGE_RACE,
            ForeignPayment "foreign-payment" payments::FOREIGN_PAYMENT,
            EarlyData "early-data" transport::EARLY_DATA,
            Flood "flood" floods::FLOOD,
            Amplification "amplification" transport::AMPLIFICATION,
            HostileInput "hostile-input" hostile::HOSTILE_INPUT,
            StolenFactors "stolen-factors" offline::factors::STOLEN_FACTORS,
            ScoreClimbing "score-climbing" offline::scores::SCORE_CLIMBING,
            Dictionary "dictionary" offline::people::DICTIONARY,
            Presentation "presentation" offline::artefacts::PRESENTATION,
            Inversion "inversion" offline::breach::INVERSION,
            OfflineSearch "offline-search" offline::breach::OFFLINE_SEARCH,
            HelperOnlySearch "helper-only-search" offline::helpers::HELPER_ONLY_SEARCH,
            PasswordSearch "password-search" passwords::PASSWORD_SEARCH,
            Linkage "linkage" offline::breach::LINKAGE,
        }
    };
}
pub(crate) use for_each_attack;

macro_rules! attack_kinds {
    ($($variant:ident $name:literal $module:ident $(:: $path:ident)+,)+) => {
        /// The name of an attack.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[expect(missing_docs, reason = "the constant of each in the module `attack` describes it")]
        pub enum AttackKind {
            $(#[serde(rename = $name)] $variant,)+
        }

        impl AttackKind {
            /// Every attack, in the order of reports.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name used in scenarios and records.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}
for_each_attack!(attack_kinds);

/// The configuration of the attacked system: a column of the table of attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Configuration {
    /// The patent's description and no more: a static QR, a stored PIN, three tries a page, no throttling.
    PatentLiteral,
    /// All counter-measures of this server.
    Hardened,
    /// The hardened configuration without the counter-measure to this attack: the negative control, in which the attack
    /// has to succeed, or else it measures nothing.
    Control,
    /// The scenario's own server, without any change.
    Scenario,
}

impl Configuration {
    /// Every column, in order.
    pub const ALL: [Self; 4] = [Self::PatentLiteral, Self::Hardened, Self::Control, Self::Scenario];

    /// Returns the name used in scenarios and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::PatentLiteral => "patent-literal",
            Self::Hardened => "hardened",
            Self::Control => "control",
            Self::Scenario => "scenario",
        }
    }
}

/// One attack of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttackPlan {
    /// The attack.
    pub kind: AttackKind,
    /// The number of accounts or subjects that are attacked; default: the attack's own number.
    #[serde(default)]
    pub targets: Option<u32>,
    /// The budget for each target, in presentations, guesses or requests; default: the attack's own number.
    #[serde(default)]
    pub budget: Option<u64>,
    /// The configurations to attack; default: all.
    #[serde(default = "all")]
    pub configurations: Vec<Configuration>,
}

fn all() -> Vec<Configuration> {
    Configuration::ALL.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_survey_makes_every_attack_once() {
        let scenario = crate::scenario::Scenario::load("attack-survey", &[]).unwrap();
        let mut kinds: Vec<AttackKind> = scenario.attack.iter().map(|plan| plan.kind).collect();
        kinds.sort_unstable();
        let mut all = AttackKind::ALL.to_vec();
        all.sort_unstable();
        assert_eq!(kinds, all);
    }

    #[test]
    fn an_attack_on_nobody_or_for_nothing_is_refused() {
        for setting in ["attack.0.targets=0", "attack.0.budget=0", "attack.0.configurations=[]"] {
            let refused = crate::scenario::Scenario::load("attack-symbols", &[setting.into()]);
            assert!(refused.unwrap_err().to_string().contains("attack.0."), "{setting}");
        }
    }

    #[test]
    fn scenarios_and_records_use_the_same_names() {
        for kind in AttackKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for configuration in Configuration::ALL {
            assert_eq!(serde_json::to_value(configuration).unwrap(), configuration.name());
        }
    }
}
