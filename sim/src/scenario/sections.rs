//! The sections of a scenario, each with its defaults.

use super::ServiceModel;
use crate::modality::ModalityId;
use crate::network::ProfileId;
use crate::programs::ProgramPlan;
use biopay_biometrics::scheme::{SchemeId, SchemeParameters};
use biopay_server::config::Presentation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// The machine's own clock: real sockets, server and bank in their own processes.
    #[default]
    Wall,
    /// Virtual time: one thread, simulated networks, the same result for the same seed.
    Virtual,
}

impl ClockKind {
    /// Returns the name used in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Virtual => "virtual",
        }
    }
}

/// The biometric characteristic, its sensors and captures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Biometric {
    /// What is captured.
    pub modality: ModalityId,
    /// The sensor of the enrolled handset: optical, capacitive, handset, sweep or pc for fingers; handset, pc or kiosk
    /// for faces; not used for embeddings.
    pub device: String,
    /// The sensor of the second device (patent claim 4).
    pub second_device: String,
    /// The quality of captures, from 0 (worst) to 1 (clean); not used for embeddings.
    pub quality: f64,
    /// The quality that probes lose for each year since enrolment.
    pub ageing_per_year: f64,
    /// The number of usable captures for an enrolment.
    pub enrolment_captures: u32,
    /// The number of captures after which an unfinished enrolment is a failure to enrol.
    pub enrolment_attempts: u32,
    /// A program that makes the templates of images, in place of the built-in extractor.
    #[serde(skip_serializing_if = "ProgramPlan::is_unset")]
    pub extractor: ProgramPlan,
    /// A program that detects presentation attacks, in place of the built-in detector.
    #[serde(skip_serializing_if = "ProgramPlan::is_unset")]
    pub detector: ProgramPlan,
}

/// The schemes that derive a QR from a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Schemes {
    /// The schemes in use; handsets use them in turn.
    #[schemars(with = "Vec<String>")]
    pub r#use: Vec<SchemeId>,
    /// The number of a camera's looks at each scheme's symbol, on a screen and on paper, whose read rates go into the
    /// report; 0 takes none. A look takes some 30 ms of a core.
    pub symbol_looks: u32,
    /// The schemes' parameters, shared by handsets and server.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub parameters: SchemeParameters,
}

/// The owners' payments. The three journeys are relative weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Payments {
    /// The number of payments of each handset.
    pub per_handset: u32,
    /// The weight of payments with the stored QR (patent paragraph 20).
    pub stored: f64,
    /// The weight of payments with a new capture (paragraph 29).
    pub recapture: f64,
    /// The weight of payments from a second device (claim 4).
    pub second_device: f64,
    /// Whether a handset on the wall clock draws the symbol of a QR that no camera reads, which takes a millisecond or
    /// two of this machine. Without it handsets leave the machine to the server. In virtual time the drawing is only
    /// charged, never done.
    pub draws_symbols: bool,
}

/// The impostors, who pay with another owner's login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Impostors {
    /// The number of impostors for each handset; each knows their victims' logins and presents samples of their own, up to three
    /// times.
    pub share: f64,
    /// The number of accounts that each impostor tries, all with the same samples; at most all accounts.
    pub victims: u32,
}

/// The start times of registrations and payments: an open loop, in which a slow server does not slow down the arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Arrivals {
    /// The mean rate of the Poisson process of registrations. Units: registrations per second.
    pub registrations_per_s: f64,
    /// The earliest start of a payment, which leaves time for registrations. Units: seconds.
    pub payments_from_s: f64,
    /// The mean of the exponential time between a handset's payments. Units: seconds.
    pub payment_gap_s: f64,
    /// The change of the payments' rate over time; its mean is always that of the gap.
    pub pattern: Pattern,
    /// On the wall clock: the start of the run after its samples are made, so that runs on several machines begin
    /// together; 0 starts at once. Units: seconds since 1970.
    pub begin_unix_s: u64,
    /// A CSV file with a column `at_s`: the starts of payments, which replace the gap and the pattern and go to the
    /// handsets in turn. Units: seconds.
    pub trace: Option<PathBuf>,
}

/// The change of a rate over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
pub enum Pattern {
    /// A constant rate.
    #[default]
    Steady,
    /// A daily sine.
    #[serde(rename_all = "kebab-case")]
    Diurnal {
        /// The time of the highest rate. Units: hours of the day; a run starts at midnight.
        peak_hour: f64,
        /// The amplitude relative to the mean, from 0 to 1.
        swing: f64,
    },
    /// A multiple of the rate for a while, once.
    #[serde(rename_all = "kebab-case")]
    FlashSale {
        /// The begin of the multiple rate. Units: seconds.
        at_s: f64,
        /// Its duration. Units: seconds.
        lasts_s: f64,
        /// The factor of the rate.
        factor: f64,
    },
}

/// The users' mistakes, as shares, and their waiting times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Users {
    /// The share of owners who register name and password first and bind the rest later (paragraph 24).
    pub two_step_registration: f64,
    /// The share of payments that begin with a wrong password.
    pub wrong_password: f64,
    /// The share of codes that are mistyped.
    pub wrong_code: f64,
    /// The share of payments that are abandoned at the code.
    pub abandon: f64,
    /// The share of failed payments that are tried once more, of those that another try could mend: a wrong password, a
    /// QR that was not made or not accepted, a lost connection.
    pub retry: f64,
    /// The share of accounts with less money than a payment.
    pub too_little_money: f64,
    /// The mean of the exponential time that a user looks at the payment page before the QR is made. Units:
    /// milliseconds.
    pub think_ms: u64,
    /// The time to read and type a code. Units: milliseconds.
    pub code_entry_ms: u64,
}

/// The handsets' connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Connections {
    /// Whether a handset keeps its connection and login from one transaction to the next, as long as the server allows.
    /// No password is typed, right or wrong, while the login lasts.
    pub keep: bool,
    /// The number of UDP sockets that handsets share in turn on the wall clock; 0 gives every connection its own.
    pub sockets: usize,
}

/// The limits above which figures of the wall clock measure the load generator instead of the server: the run is then
/// invalid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Generator {
    /// The limit on the generator's lateness at its 99th percentile. Units: milliseconds.
    pub lag_limit_ms: f64,
    /// The limit on the busy share of the generator's thread, and of the connections' thread.
    pub busy_limit: f64,
}

/// The networks of virtual time. Runs on the wall clock use the machine's network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Network {
    /// The relative weights of link profiles among handsets: 2g, 3g, 4g, 5g, wifi, ethernet, loopback.
    #[schemars(with = "BTreeMap<String, f64>")]
    pub mix: BTreeMap<ProfileId, f64>,
    /// The groups of handsets that change their link over the day; the mix is drawn for the others.
    pub mobility: Vec<Mobility>,
    /// The round-trip time that a handset assumes before its first measurement (RFC 9002, 6.2.2: 333 ms). Units:
    /// milliseconds.
    pub initial_rtt_ms: u64,
}

/// A group of moving handsets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mobility {
    /// The share of all handsets.
    pub share: f64,
    /// The time after which the legs repeat. Units: seconds.
    pub period_s: f64,
    /// The links in order; the first begins at 0.
    pub legs: Vec<Leg>,
}

/// One leg of a handset's itinerary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Leg {
    /// The begin within the period. Units: seconds.
    pub at_s: f64,
    /// The link.
    #[schemars(with = "String")]
    pub profile: ProfileId,
}

/// The methods of proving a password at login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// The server hashes the password.
    #[default]
    Password,
    /// OPAQUE (RFC 9807): the server never sees the password. The handset's own hash costs next to nothing here,
    /// because handsets share this machine.
    Opaque,
}

/// The forms in which the server stores a PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PinMode {
    /// A mandate token that the bank issues once for the PIN.
    #[default]
    Mandate,
    /// The PIN itself, as in the patent.
    PatentLiteral,
}

/// The server's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServerSettings {
    /// Whether a payment needs a verification code (paragraphs 32 to 35).
    pub verification_code: bool,
    /// The number of threads that hash passwords.
    pub hash_threads: usize,
    /// The memory of one password hash: OWASP's 19 MiB, or less where hashing shall not dominate. Units: KiB.
    pub hash_memory_kib: u32,
    /// The method of proving a password at login.
    pub login: Login,
    /// The form in which the server stores a PIN.
    pub mode: PinMode,
    /// The proof that a presented QR must carry: `static` none, as in the patent; `nonce` the payment's nonce; `device`
    /// a signature by an enrolled device; `device-and-nonce` a signature over both.
    #[schemars(with = "String")]
    pub presentation: Presentation,
    /// Whether a new QR, a new password and other changes of an account need more than the password: the enrolled QR or
    /// the bank account's PIN.
    pub step_up: bool,
    /// The number of digits of a verification code, 1 to 9.
    pub code_digits: u8,
    /// Whether the server throttles clients after failures.
    pub throttling: bool,
    /// Whether a login with an unknown name costs a hash as well. Without it the time of answers reveals who has an
    /// account.
    pub hides_unknown_names: bool,
    /// Whether clients may send requests before the end of the handshake (0-RTT).
    pub early_data: bool,
    /// Whether an account's limit exempts addresses from which its owner has logged in. Without it anybody can lock
    /// owners out.
    pub spares_familiar: bool,
    /// Whether handsets share one server. Without it, in virtual time, each owner (with an impostor, if there is one)
    /// has its own server: then nobody waits for anybody, and a run in shards gives the same bytes as the whole.
    pub shared: bool,
    /// A server that is running already, as HOST:PORT, instead of one that the run starts, on the wall clock. Its bank
    /// must have the accounts of `biopay run SCENARIO --print-accounts`; logins of this seed may be registered there only
    /// with `reuse-accounts`.
    pub address: Option<String>,
    /// The file of the certificate, PEM, that handsets trust at that address.
    pub certificate: Option<PathBuf>,
    /// The name in that certificate; default: that of a development certificate.
    pub name: Option<String>,
    /// Whether accounts that an earlier run of this seed has opened at that address are used again: a registration whose
    /// login is taken then counts as `reused`.
    pub reuse_accounts: bool,
    /// The URL of that server's counters in Prometheus' text format, as `http://127.0.0.1:9464/metrics`: they are read
    /// before and after the run, and what they counted goes into the report.
    pub metrics: Option<String>,
    /// The consent of that server's owner to attacks on it: its HOST:PORT once more, so that the consent does not go with
    /// the scenario to another server. Without it the configuration `scenario` of attacks is left out there.
    pub attack_consent: Option<String>,
    /// The limit on an attack's requests to that server. Units: requests per second.
    pub attack_requests_per_s: f64,
    /// The limit on the time of each attack on that server. Units: seconds.
    pub attack_seconds: f64,
    /// The cost of the server's work in virtual time.
    pub service: ServiceModel,
}

/// The comparisons off line after the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Comparisons {
    /// The number of subjects, the first ones, that are compared with each other; comparisons grow with the square.
    pub subjects: u32,
}

impl Default for Biometric {
    fn default() -> Self {
        Self {
            modality: ModalityId::Fingerprint,
            device: "optical".into(),
            second_device: "capacitive".into(),
            quality: 0.5,
            ageing_per_year: 0.0,
            enrolment_captures: 3,
            enrolment_attempts: 6,
            extractor: ProgramPlan::default(),
            detector: ProgramPlan::default(),
        }
    }
}

impl Default for Schemes {
    fn default() -> Self {
        Self {
            r#use: vec![SchemeId::Template, SchemeId::FuzzyCommitment],
            symbol_looks: 0,
            parameters: SchemeParameters::default(),
        }
    }
}

impl Default for Payments {
    fn default() -> Self {
        Self { per_handset: 2, stored: 1.0, recapture: 1.0, second_device: 1.0, draws_symbols: true }
    }
}

impl Payments {
    /// Returns the sum of the journeys' weights.
    pub fn weight(&self) -> f64 {
        [self.stored, self.recapture, self.second_device].iter().map(|w| w.max(0.0)).sum()
    }
}

impl Default for Impostors {
    fn default() -> Self {
        Self { share: 0.2, victims: 1 }
    }
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            begin_unix_s: 0,
            registrations_per_s: 20.0,
            payments_from_s: 0.0,
            payment_gap_s: 5.0,
            pattern: Pattern::Steady,
            trace: None,
        }
    }
}

impl Default for Users {
    fn default() -> Self {
        Self {
            two_step_registration: 0.0,
            wrong_password: 0.0,
            wrong_code: 0.0,
            abandon: 0.0,
            retry: 0.0,
            too_little_money: 0.0,
            think_ms: 0,
            code_entry_ms: 300,
        }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self { keep: false, sockets: 4 }
    }
}

impl Default for Generator {
    fn default() -> Self {
        Self { lag_limit_ms: 50.0, busy_limit: 0.9 }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self { mix: BTreeMap::from([(ProfileId::Loopback, 1.0)]), mobility: Vec::new(), initial_rtt_ms: 333 }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            verification_code: true,
            hash_threads: 2,
            hash_memory_kib: 19 * 1024,
            login: Login::Password,
            mode: PinMode::Mandate,
            presentation: Presentation::Static,
            step_up: true,
            code_digits: 6,
            throttling: true,
            hides_unknown_names: true,
            early_data: false,
            spares_familiar: true,
            shared: true,
            address: None,
            certificate: None,
            name: None,
            reuse_accounts: false,
            metrics: None,
            attack_consent: None,
            attack_requests_per_s: 10.0,
            attack_seconds: 60.0,
            service: ServiceModel::default(),
        }
    }
}

impl Default for Comparisons {
    fn default() -> Self {
        Self { subjects: 250 }
    }
}
