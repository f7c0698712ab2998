//! Scenarios: what a run does, as TOML with every key documented and unknown keys refused.

use crate::Error;
use biopay_biometrics::scheme::{SchemeId, SchemeParameters};
use biopay_datasets::fingerprint::{CaptureQuality, Device};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The built-in scenarios: name and TOML.
pub const BUILT_IN: [(&str, &str); 1] = [("quickstart", include_str!("../scenarios/quickstart.toml"))];
/// The most handsets a scenario may ask for: each takes an account number of six digits at the bank.
pub const HANDSETS_MAX: u32 = 999_999;

/// Holds a scenario with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Scenario {
    /// Names the scenario in reports.
    pub name: String,
    /// Says in a sentence what it is for.
    pub description: String,
    /// The seed that everything simulated follows from.
    pub seed: u64,
    /// Handsets with an enrolled owner; impostors come on top.
    pub handsets: u32,
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
    /// How the server is set up.
    pub server: ServerSettings,
}

/// Says what is captured, and by what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Biometric {
    /// The sensor of the enrolled handset: optical, capacitive, handset, sweep or pc.
    pub device: String,
    /// The sensor of the second device (patent claim 4).
    pub second_device: String,
    /// How well captures go, from 0 (hardest) to 1 (clean).
    pub quality: f32,
    /// Usable captures that make an enrolment.
    pub enrolment_captures: u32,
    /// Captures that are tried for them before it is a failure to enrol.
    pub enrolment_attempts: u32,
}

/// Says how a QR is derived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Schemes {
    /// The schemes in use; handsets take turns.
    pub r#use: Vec<SchemeId>,
    /// The schemes' parameters, known to handsets and server alike.
    pub parameters: SchemeParameters,
}

/// Says what the owners pay. The three journeys are relative weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Payments {
    /// Payments of each handset.
    pub per_handset: u32,
    /// Weight of paying with the stored QR (patent paragraph 20).
    pub stored: f64,
    /// Weight of paying with a new capture (paragraph 29).
    pub recapture: f64,
    /// Weight of paying from a second device (claim 4).
    pub second_device: f64,
}

/// Says who pays with somebody else's login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Impostors {
    /// Impostors for each handset; each knows one login and presents a finger of their own, up to three times.
    pub share: f64,
}

/// Says when things start: an open loop, in which a slow server does not slow the arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Arrivals {
    /// Mean rate of the Poisson process of registrations.
    pub registrations_per_s: f64,
    /// Mean of the exponential time between a handset's transactions. Units: seconds.
    pub payment_gap_s: f64,
}

/// Says what people do wrong, as shares, and how long they take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Users {
    /// Owners who register name and password first and bind the rest later (paragraph 24).
    pub two_step_registration: f64,
    /// Payments begun with a wrong password.
    pub wrong_password: f64,
    /// Codes typed wrong.
    pub wrong_code: f64,
    /// Accounts with less money than a payment.
    pub too_little_money: f64,
    /// Time to read and type a code. Units: milliseconds.
    pub code_entry_ms: u64,
}

/// Says how the server is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServerSettings {
    /// Whether a payment needs a verification code (paragraphs 32 to 35).
    pub verification_code: bool,
    /// Threads that hash passwords.
    pub hash_threads: usize,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "unnamed".into(),
            description: String::new(),
            seed: 1,
            handsets: 200,
            biometric: Biometric::default(),
            schemes: Schemes::default(),
            payments: Payments::default(),
            impostors: Impostors::default(),
            arrivals: Arrivals::default(),
            users: Users::default(),
            server: ServerSettings::default(),
        }
    }
}

impl Default for Biometric {
    fn default() -> Self {
        Self {
            device: "optical".into(),
            second_device: "capacitive".into(),
            quality: 0.5,
            enrolment_captures: 3,
            enrolment_attempts: 6,
        }
    }
}

impl Default for Schemes {
    fn default() -> Self {
        Self { r#use: vec![SchemeId::Template, SchemeId::FuzzyCommitment], parameters: SchemeParameters::default() }
    }
}

impl Default for Payments {
    fn default() -> Self {
        Self { per_handset: 2, stored: 1.0, recapture: 1.0, second_device: 1.0 }
    }
}

impl Default for Impostors {
    fn default() -> Self {
        Self { share: 0.2 }
    }
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { registrations_per_s: 20.0, payment_gap_s: 5.0 }
    }
}

impl Default for Users {
    fn default() -> Self {
        Self {
            two_step_registration: 0.0,
            wrong_password: 0.0,
            wrong_code: 0.0,
            too_little_money: 0.0,
            code_entry_ms: 300,
        }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { verification_code: true, hash_threads: 2 }
    }
}

impl Scenario {
    /// Loads a scenario by the path of its file or the name of a built-in one, with `KEY=VALUE` settings on top.
    ///
    /// Errors: [`Error::Scenario`], saying what would be right, and [`Error::File`].
    pub fn load(name_or_path: &str, settings: &[String]) -> Result<Self, Error> {
        let text = match BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            Some((_, text)) => (*text).to_owned(),
            None => read_file(name_or_path)?,
        };
        let invalid = |message: String| Error::Scenario { origin: name_or_path.to_owned(), message };
        let mut table: toml::Table = text.parse().map_err(|e: toml::de::Error| invalid(e.to_string()))?;
        for setting in settings {
            set(&mut table, setting)?;
        }
        let scenario: Self = table.try_into().map_err(|e: toml::de::Error| invalid(e.to_string()))?;
        scenario.check().map_err(invalid)?;
        Ok(scenario)
    }

    /// Returns the number of impostors.
    pub fn impostor_count(&self) -> u32 {
        (f64::from(self.handsets) * self.impostors.share).round() as u32
    }

    /// Returns the sensors: of the handset, and of the second device.
    pub fn devices(&self) -> [Device; 2] {
        let named = |name: &str| Device::named(name).expect("check() has looked the device up");
        [named(&self.biometric.device), named(&self.biometric.second_device)]
    }

    /// Returns how well captures go.
    pub fn quality(&self) -> CaptureQuality {
        CaptureQuality::new(self.biometric.quality).expect("check() has tried the quality")
    }

    fn check(&self) -> Result<(), String> {
        let b = &self.biometric;
        for (key, name) in [("biometric.device", &b.device), ("biometric.second-device", &b.second_device)] {
            if Device::named(name).is_none() {
                return Err(format!("{key} = {name:?} is no sensor: use one of {}", Device::NAMES.join(", ")));
            }
        }
        let shares = [
            ("biometric.quality", f64::from(b.quality)),
            ("users.two-step-registration", self.users.two_step_registration),
            ("users.wrong-password", self.users.wrong_password),
            ("users.wrong-code", self.users.wrong_code),
            ("users.too-little-money", self.users.too_little_money),
            ("impostors.share", self.impostors.share),
        ];
        if let Some((key, value)) = shares.iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(format!("{key} = {value} must lie from 0 to 1"));
        }
        let positive = [
            ("arrivals.registrations-per-s", self.arrivals.registrations_per_s),
            ("arrivals.payment-gap-s", self.arrivals.payment_gap_s),
            ("the sum of payments.stored, recapture and second-device", self.payments.weight()),
            ("biometric.enrolment-captures", f64::from(b.enrolment_captures)),
            ("server.hash-threads", self.server.hash_threads as f64),
            ("the number of schemes.use", self.schemes.r#use.len() as f64),
        ];
        if let Some((key, value)) = positive.iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
            return Err(format!("{key} = {value} must be above 0"));
        }
        if !(2..=HANDSETS_MAX).contains(&self.handsets) {
            return Err(format!("handsets = {} must lie from 2 to {HANDSETS_MAX}", self.handsets));
        }
        if b.enrolment_attempts < b.enrolment_captures {
            return Err("biometric.enrolment-attempts must be at least biometric.enrolment-captures".into());
        }
        biopay_biometrics::scheme::Registry::new(&self.schemes.parameters)
            .map(drop)
            .map_err(|e| format!("schemes.parameters: {e}"))
    }
}

impl Payments {
    fn weight(&self) -> f64 {
        [self.stored, self.recapture, self.second_device].iter().map(|w| w.max(0.0)).sum()
    }
}

fn read_file(path: &str) -> Result<String, Error> {
    if !Path::new(path).exists() {
        let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let message = format!("neither a file nor a built-in scenario; built in: {}", names.join(", "));
        return Err(Error::Scenario { origin: path.to_owned(), message });
    }
    std::fs::read_to_string(path).map_err(Error::file(path))
}

/// Sets one key of the scenario: `biometric.quality=0.9`. A value that is no TOML is taken as a string.
fn set(table: &mut toml::Table, setting: &str) -> Result<(), Error> {
    let invalid = |message: &str| Error::Scenario { origin: format!("--set {setting}"), message: message.to_owned() };
    let (key, value) = setting.split_once('=').ok_or_else(|| invalid("expected KEY=VALUE, as in --set handsets=50"))?;
    let parsed = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("value"));
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    let last = parts.pop().filter(|k| !k.is_empty()).ok_or_else(|| invalid("the key is empty"))?;
    let mut current = table;
    for part in parts {
        let entry = current.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        current = entry.as_table_mut().ok_or_else(|| invalid("a part of the key is no table"))?;
    }
    current.insert(last.to_owned(), parsed.unwrap_or_else(|| toml::Value::String(value.to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_scenarios_load_under_their_own_names() {
        for (name, _) in BUILT_IN {
            let scenario = Scenario::load(name, &[]).unwrap();
            assert_eq!(scenario.name, name);
            assert!(!scenario.description.is_empty());
        }
    }

    #[test]
    fn settings_override_the_file() {
        let settings = ["handsets=7", "biometric.quality=0.9", "biometric.device=handset"].map(String::from);
        let scenario = Scenario::load("quickstart", &settings).unwrap();
        assert_eq!((scenario.handsets, scenario.biometric.quality), (7, 0.9));
        assert_eq!(scenario.biometric.device, "handset");
    }

    #[test]
    fn mistakes_are_named_with_what_would_be_right() {
        let message = |setting: &str| Scenario::load("quickstart", &[setting.into()]).unwrap_err().to_string();
        assert!(message("handset=7").contains("handsets"), "{}", message("handset=7"));
        assert!(message("biometric.device=retina").contains("capacitive"));
        assert!(message("impostors.share=2").contains("from 0 to 1"));
        assert!(message("arrivals.payment-gap-s=nan").contains("above 0"));
        assert!(message("handsets").contains("KEY=VALUE"));
        assert!(Scenario::load("quikstart", &[]).unwrap_err().to_string().contains("quickstart"));
    }

    #[test]
    fn a_scenario_survives_being_printed() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        let text = toml::to_string(&scenario).unwrap();
        assert_eq!(toml::from_str::<Scenario>(&text).unwrap(), scenario);
    }
}
