//! A scenario with every default filled in, as the type that files are read into.

use super::attack::{self, AttackPlan};
use super::sections::{
    Arrivals, Biometric, ClockKind, Comparisons, Connections, Generator, Impostors, Network, Payments, Schemes,
    ServerSettings, Users,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most handsets a scenario may ask for: each takes an account number of six digits at the bank.
pub const HANDSETS_MAX: u32 = 999_999;

/// Holds a scenario with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Scenario {
    /// Names the scenario in reports.
    pub name: String,
    /// Says in a sentence what it is for.
    pub description: String,
    /// The seed that everything simulated follows from.
    pub seed: u64,
    /// The clock that the run is on unless the command line says otherwise.
    pub clock: ClockKind,
    /// Handsets with an enrolled owner; impostors come on top.
    pub handsets: u32,
    /// What the run is held against, as in `charge.p99 < 300ms` or `template.fmr.upper95 < 1e-3`: exit code 3 when one
    /// fails, 5 when the evidence does not decide.
    pub thresholds: Vec<String>,
    /// What is captured, and by what.
    pub biometric: Biometric,
    /// How a QR is derived.
    pub schemes: Schemes,
    /// What the owners pay.
    pub payments: Payments,
    /// Who pays with somebody else's login.
    pub impostors: Impostors,
    /// When things start.
    pub arrivals: Arrivals,
    /// What people do wrong.
    pub users: Users,
    /// How handsets are connected.
    pub connections: Connections,
    /// When the wall clock's figures are void.
    pub generator: Generator,
    /// What lies between handsets and server, in virtual time.
    pub network: Network,
    /// How the server is set up.
    pub server: ServerSettings,
    /// What is compared off line after the run.
    pub comparisons: Comparisons,
    /// Attacks that are made after the run, each on systems of its own: `patent-literal`, `hardened` and the negative
    /// `control`. In virtual time whatever the run's clock.
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

    /// Returns how many people take part: owners, impostors, and those whom attackers are.
    pub fn subject_count(&self) -> u32 {
        let attackers = if self.attack.is_empty() { 0 } else { attack::ATTACKERS };
        self.handsets + self.impostor_count() + attackers
    }

    /// Returns the JSON Schema (2020-12) of scenario files.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}
