//! A scenario with every default filled in, as the type that files are read into.

use super::attack::{self, AttackPlan};
use super::sections::{
    Arrivals, Biometric, ClockKind, Comparisons, Connections, Generator, Impostors, Network, Payments, Schemes,
    ServerSettings, Users,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The greatest number of handsets: each takes an account number of six digits at the bank.
pub const HANDSETS_MAX: u32 = 999_999;

/// A scenario with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Scenario {
    /// The scenario's name in reports and run folders.
    pub name: String,
    /// The scenario's purpose in a sentence.
    pub description: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// The clock of the run, unless the command line sets another.
    pub clock: ClockKind,
    /// The number of handsets with an enrolled owner; impostors come in addition.
    pub handsets: u32,
    /// The limits that the run must keep, as in `charge.p99 < 300ms` or `template.fmr.upper95 < 1e-3`: exit code 3 if
    /// one fails, 5 if there is not enough evidence.
    pub thresholds: Vec<String>,
    /// The biometric characteristic, its sensors and captures.
    pub biometric: Biometric,
    /// The schemes that derive a QR from a sample.
    pub schemes: Schemes,
    /// The owners' payments.
    pub payments: Payments,
    /// The impostors, who pay with another owner's login.
    pub impostors: Impostors,
    /// The start times of registrations and payments.
    pub arrivals: Arrivals,
    /// The users' mistakes and waiting times.
    pub users: Users,
    /// The handsets' connections.
    pub connections: Connections,
    /// The limits above which figures of the wall clock are invalid.
    pub generator: Generator,
    /// The networks between handsets and server, in virtual time.
    pub network: Network,
    /// The server's configuration.
    pub server: ServerSettings,
    /// The comparisons off line after the run.
    pub comparisons: Comparisons,
    /// The attacks that are made after the run, each on its own systems: `patent-literal`, `hardened`, the negative
    /// `control`, and `scenario`, which has the server's configuration of this file. Always in virtual time.
    pub attack: Vec<AttackPlan>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "unnamed".into(),
            description: String::new(),
            seed: 1,
            clock: ClockKind::Wall,
            handsets: 200,
            thresholds: Vec::new(),
            biometric: Biometric::default(),
            schemes: Schemes::default(),
            payments: Payments::default(),
            impostors: Impostors::default(),
            arrivals: Arrivals::default(),
            users: Users::default(),
            connections: Connections::default(),
            generator: Generator::default(),
            network: Network::default(),
            server: ServerSettings::default(),
            comparisons: Comparisons::default(),
            attack: Vec::new(),
        }
    }
}

impl Scenario {
    /// Returns the number of impostors.
    pub fn impostor_count(&self) -> u32 {
        (f64::from(self.handsets) * self.impostors.share).round() as u32
    }

    /// Returns the number of accounts that each impostor tries: no account twice.
    pub fn victims(&self) -> u32 {
        self.impostors.victims.min(self.handsets)
    }

    /// Returns the number of impostors' handsets: one for each victim.
    pub fn impostor_handsets(&self) -> u32 {
        self.impostor_count() * self.victims()
    }

    /// Returns the number of people: owners, impostors and attackers.
    pub fn subject_count(&self) -> u32 {
        let attackers = if self.attack.is_empty() { 0 } else { attack::ATTACKERS };
        self.handsets + self.impostor_count() + attackers
    }

    /// Returns the subject behind an attacker: nobody who has an account, and none of the run's impostors.
    pub fn attacker(&self, index: u32) -> u32 {
        self.handsets + self.impostor_count() + index % attack::ATTACKERS
    }
}
