//! The attacks by name: what the attacker knows, how the worth of the defence is read off, what it is held against.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described by what it knows and by its module")]
pub enum Kind {
    ZeroEffort,
    BruteForce,
    DecisionClimbing,
    Replay,
    ReEnrolment,
    CredentialStuffing,
    NameEnumeration,
    CodeGuessing,
    CodeInterception,
    CodeFlooding,
    LockOut,
    ChargeRace,
    ForeignPayment,
    EarlyData,
    Flood,
    Amplification,
    HostileInput,
    StolenFactors,
    ScoreClimbing,
    Dictionary,
    Presentation,
    Inversion,
    OfflineSearch,
    PasswordSearch,
    Linkage,
}

impl Kind {
    /// Every attack, in the order of reports.
    pub const ALL: [Self; 25] = [
        Self::ZeroEffort,
        Self::BruteForce,
        Self::DecisionClimbing,
        Self::Replay,
        Self::ReEnrolment,
        Self::CredentialStuffing,
        Self::NameEnumeration,
        Self::CodeGuessing,
        Self::CodeInterception,
        Self::CodeFlooding,
        Self::LockOut,
        Self::ChargeRace,
        Self::ForeignPayment,
        Self::EarlyData,
        Self::Flood,
        Self::Amplification,
        Self::HostileInput,
        Self::StolenFactors,
        Self::ScoreClimbing,
        Self::Dictionary,
        Self::Presentation,
        Self::Inversion,
        Self::OfflineSearch,
        Self::PasswordSearch,
        Self::Linkage,
    ];

    /// Returns the name used in scenarios and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZeroEffort => "zero-effort",
            Self::BruteForce => "brute-force",
            Self::DecisionClimbing => "decision-climbing",
            Self::Replay => "replay",
            Self::ReEnrolment => "re-enrolment",
            Self::CredentialStuffing => "credential-stuffing",
            Self::NameEnumeration => "name-enumeration",
            Self::CodeGuessing => "code-guessing",
            Self::CodeInterception => "code-interception",
            Self::CodeFlooding => "code-flooding",
            Self::LockOut => "lock-out",
            Self::ChargeRace => "charge-race",
            Self::ForeignPayment => "foreign-payment",
            Self::EarlyData => "early-data",
            Self::Flood => "flood",
            Self::Amplification => "amplification",
            Self::HostileInput => "hostile-input",
            Self::StolenFactors => "stolen-factors",
            Self::ScoreClimbing => "score-climbing",
            Self::Dictionary => "dictionary",
            Self::Presentation => "presentation",
            Self::Inversion => "inversion",
            Self::OfflineSearch => "offline-search",
            Self::PasswordSearch => "password-search",
            Self::Linkage => "linkage",
        }
    }

    /// Says what the attacker knows and has.
    pub fn knowledge(self) -> &'static str {
        match self {
            Self::ZeroEffort => "login name and password",
            Self::BruteForce => "every login name and password, samples of other people",
            Self::DecisionClimbing => "login name and password, public helper data, accept or reject",
            Self::Replay => "login name and password, a symbol seen at an earlier payment",
            Self::ReEnrolment => "login name and password",
            Self::CredentialStuffing => "a list of names and passwords leaked elsewhere",
            Self::NameEnumeration => "candidate names",
            Self::CodeGuessing => "everything but the code: login, QR, device",
            Self::CodeInterception => "everything, and the second channel (SIM swap)",
            Self::CodeFlooding => "everything but the code: login, QR, device",
            Self::LockOut => "the victim's login name, many addresses",
            Self::ChargeRace => "an account of their own",
            Self::ForeignPayment => "an account of their own, the number of somebody's payment",
            Self::EarlyData => "a recorded resumption of a connection",
            Self::Flood => "the server's address, many addresses",
            Self::Amplification => "the server's address, somebody else's address",
            Self::HostileInput => "the protocol",
            Self::StolenFactors => "a part of: the finger of another, the device token, the helper data",
            Self::ScoreClimbing => "accept or reject; the score in the control",
            Self::Dictionary => "enrolments of other people, the helper data",
            Self::Presentation => "an artefact of the owner's face or finger",
            Self::Inversion => "the server's database, the helper data; the token in the control",
            Self::OfflineSearch => "the server's database, the helper data",
            Self::PasswordSearch => "the server's database; the pepper in the control",
            Self::Linkage => "two services' databases; the tokens in the control",
        }
    }

    /// Returns how many accounts or subjects are attacked unless the scenario says otherwise.
    ///
    /// 36 trials without a success bound a share below 10 % (Clopper-Pearson), which most are held against.
    pub fn targets(self) -> u32 {
        match self {
            Self::DecisionClimbing | Self::ScoreClimbing => 10,
            Self::StolenFactors | Self::OfflineSearch => 20,
            Self::LockOut | Self::ChargeRace | Self::EarlyData | Self::Amplification | Self::PasswordSearch => 36,
            Self::Flood | Self::Dictionary | Self::Presentation | Self::Inversion | Self::Linkage => 40,
            _ => 80,
        }
    }

    /// Returns what one attack may spend on one target unless the scenario says otherwise, in the attack's own unit:
    /// presentations, guesses, requests.
    pub fn budget(self) -> u64 {
        match self {
            Self::ZeroEffort | Self::Replay | Self::CodeInterception => 3,
            Self::BruteForce => 30,
            Self::DecisionClimbing => 60,
            Self::ReEnrolment | Self::CredentialStuffing | Self::NameEnumeration => 1,
            Self::CodeGuessing => 45,
            Self::CodeFlooding => 60,
            Self::LockOut => 140,
            Self::ChargeRace => 64,
            Self::ForeignPayment => 4,
            Self::EarlyData => 1,
            Self::Flood => 2_000,
            Self::Amplification => 1,
            Self::HostileInput => 500,
            Self::StolenFactors | Self::Presentation | Self::Inversion | Self::Linkage => 1,
            Self::ScoreClimbing => 4_000,
            Self::Dictionary => 3,
            Self::OfflineSearch => 5_000,
            Self::PasswordSearch => 1_024,
        }
    }
}

/// Names how the attacked system is defended: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Configuration {
    /// What the patent describes and no more: a static QR, a stored PIN, three tries a page, nothing that slows guessing.
    PatentLiteral,
    /// Everything that this server has against it.
    Hardened,
    /// The hardened one with the counter-measure to this attack switched off: the negative control, in which the attack
    /// has to succeed, or it measures nothing.
    Control,
}

impl Configuration {
    /// Every column, in order.
    pub const ALL: [Self; 3] = [Self::PatentLiteral, Self::Hardened, Self::Control];

    /// Returns the name used in scenarios and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::PatentLiteral => "patent-literal",
            Self::Hardened => "hardened",
            Self::Control => "control",
        }
    }
}

/// Is one attack as a scenario asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttackPlan {
    /// Which attack.
    pub kind: Kind,
    /// Accounts or subjects that are attacked; the attack's own number when left out.
    #[serde(default)]
    pub targets: Option<u32>,
    /// What may be spent on each, in presentations, guesses or requests; the attack's own number when left out.
    #[serde(default)]
    pub budget: Option<u64>,
    /// Columns to fill; all when left out.
    #[serde(default = "all")]
    pub configurations: Vec<Configuration>,
}

fn all() -> Vec<Configuration> {
    Configuration::ALL.to_vec()
}

impl AttackPlan {
    /// Returns how many are attacked.
    pub fn targets(&self) -> u32 {
        self.targets.unwrap_or_else(|| self.kind.targets())
    }

    /// Returns what may be spent on each.
    pub fn budget(&self) -> u64 {
        self.budget.unwrap_or_else(|| self.kind.budget())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_survey_makes_every_attack_once() {
        let scenario = crate::scenario::Scenario::load("attack-survey", &[]).unwrap();
        let mut kinds: Vec<Kind> = scenario.attack.iter().map(|plan| plan.kind).collect();
        kinds.sort_unstable();
        let mut all = Kind::ALL.to_vec();
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
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for configuration in Configuration::ALL {
            assert_eq!(serde_json::to_value(configuration).unwrap(), configuration.name());
        }
    }
}
