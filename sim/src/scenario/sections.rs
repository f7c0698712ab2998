//! The sections of a scenario, each with its defaults.

use super::ServiceModel;
use crate::modality::ModalityId;
use crate::network::ProfileId;
use biopay_biometrics::scheme::{SchemeId, SchemeParameters};
use biopay_server::config::Presentation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Names a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// The machine's own: real sockets, a server and a bank in processes of their own.
    #[default]
    Wall,
    /// Virtual time: one thread, simulated networks, one result for one seed.
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

/// Says what is captured, and by what.
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
    /// How well captures go, from 0 (hardest) to 1 (clean); not used for embeddings.
    pub quality: f32,
    /// How much of that quality probes lose for each year since enrolment.
    pub ageing_per_year: f32,
    /// Usable captures that make an enrolment.
    pub enrolment_captures: u32,
    /// Captures that are tried for them before it is a failure to enrol.
    pub enrolment_attempts: u32,
}

/// Says how a QR is derived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Schemes {
    /// The schemes in use; handsets take turns.
    #[schemars(with = "Vec<String>")]
    pub r#use: Vec<SchemeId>,
    /// The schemes' parameters, known to handsets and server alike.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub parameters: SchemeParameters,
}

/// Says what the owners pay. The three journeys are relative weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether a handset on the wall clock draws the symbol of a QR that no camera reads: a millisecond or two of this
    /// machine. Without it handsets leave the machine to the server. In virtual time that is only charged, never done.
    pub draws_symbols: bool,
}

/// Says who pays with somebody else's login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Impostors {
    /// Impostors for each handset; each knows one login and presents a sample of their own, up to three times.
    pub share: f64,
}

/// Says when things start: an open loop, in which a slow server does not slow the arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Arrivals {
    /// Mean rate of the Poisson process of registrations.
    pub registrations_per_s: f64,
    /// No payment starts before: a time in which everybody can register. Units: seconds.
    pub payments_from_s: f64,
    /// Mean of the exponential time between a handset's payments. Units: seconds.
    pub payment_gap_s: f64,
    /// How the rate of payments changes over time; its mean is always that of the gap.
    pub pattern: Pattern,
    /// On the wall clock: when the run begins, once its samples are made, in seconds since 1970, so that runs on several
    /// machines begin together; 0 is at once.
    pub begin_unix_s: u64,
    /// A CSV file with a column `at_s`: when payments start, in place of the gap and the pattern. They go to the
    /// handsets in turn.
    pub trace: Option<PathBuf>,
}

/// Says how a rate changes over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
pub enum Pattern {
    /// It does not.
    #[default]
    Steady,
    /// It goes up and down once a day as a sine.
    #[serde(rename_all = "kebab-case")]
    Diurnal {
        /// When it is highest. Units: hours of the day; a run starts at midnight.
        peak_hour: f64,
        /// How far it leaves its mean, from 0 to 1.
        swing: f64,
    },
    /// It is a multiple for a while, once.
    #[serde(rename_all = "kebab-case")]
    FlashSale {
        /// When that begins. Units: seconds.
        at_s: f64,
        /// How long it takes. Units: seconds.
        lasts_s: f64,
        /// What the rate is multiplied by.
        factor: f64,
    },
}

/// Says what people do wrong, as shares, and how long they take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Users {
    /// Owners who register name and password first and bind the rest later (paragraph 24).
    pub two_step_registration: f64,
    /// Payments begun with a wrong password.
    pub wrong_password: f64,
    /// Codes typed wrong.
    pub wrong_code: f64,
    /// Payments that are given up where the code would be typed.
    pub abandon: f64,
    /// Payments that are tried once more after they failed, of those that an owner could mend: a wrong password, a QR
    /// that was not made or not accepted, a lost connection.
    pub retry: f64,
    /// Accounts with less money than a payment.
    pub too_little_money: f64,
    /// Mean of the exponential time that a user looks at the payment page before the QR is made. Units: milliseconds.
    pub think_ms: u64,
    /// Time to read and type a code. Units: milliseconds.
    pub code_entry_ms: u64,
}

/// Says how handsets are connected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Connections {
    /// Whether a handset keeps its connection, and the login on it, from one transaction to the next, as long as the
    /// server lets it. On a login that stands nobody types a password, right or wrong.
    pub keep: bool,
    /// UDP sockets that handsets share in turn on the wall clock; 0 gives every connection one of its own.
    pub sockets: usize,
}

/// Says when figures of the wall clock would be the load generator's and not the server's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Generator {
    /// How late the generator may take up an event, at its 99th percentile. Units: milliseconds.
    pub lag_limit_ms: f64,
    /// For which share of the run the generator's thread, or that of the connections, may be busy.
    pub busy_limit: f64,
}

/// Describes the networks of virtual time. The wall clock has the network that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Network {
    /// Shares of handsets by link profile: 2g, 3g, 4g, 5g, wifi, ethernet, loopback. They are relative weights.
    #[schemars(with = "BTreeMap<String, f64>")]
    pub mix: BTreeMap<ProfileId, f64>,
    /// Handsets that change their link over the day, before the mix is drawn for the others.
    pub mobility: Vec<Mobility>,
    /// The round-trip time that a handset assumes before it has measured one (RFC 9002, 6.2.2: 333 ms). Units:
    /// milliseconds.
    pub initial_rtt_ms: u64,
}

/// Describes handsets that move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mobility {
    /// Share of all handsets.
    pub share: f64,
    /// After which the legs begin again. Units: seconds.
    pub period_s: f64,
    /// Links in order; the first begins at 0.
    pub legs: Vec<Leg>,
}

/// Is one leg of a handset's round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Leg {
    /// When it begins within the period. Units: seconds.
    pub at_s: f64,
    /// The link.
    #[schemars(with = "String")]
    pub profile: ProfileId,
}

/// Names how logins prove a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// The server hashes it.
    #[default]
    Password,
    /// OPAQUE (RFC 9807): the server never sees it. The handset's own hash costs next to nothing here, since handsets
    /// share this machine.
    Opaque,
}

/// Names what the server keeps of a PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PinMode {
    /// A mandate token that the bank gives for the PIN once.
    #[default]
    Mandate,
    /// The PIN itself, as the patent has it.
    PatentLiteral,
}

/// Says how the server is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServerSettings {
    /// Whether a payment needs a verification code (paragraphs 32 to 35).
    pub verification_code: bool,
    /// Threads that hash passwords.
    pub hash_threads: usize,
    /// Memory of one password hash: OWASP's 19 MiB unless hashing is not what is measured. Units: KiB.
    pub hash_memory_kib: u32,
    /// How logins prove a password.
    pub login: Login,
    /// What the server keeps of a PIN.
    pub mode: PinMode,
    /// What a presented QR must come with: `static` is the patent's, nothing; `nonce` the payment's nonce, `device` a
    /// signature by an enrolled device, `device-and-nonce` a signature over both.
    #[schemars(with = "String")]
    pub presentation: Presentation,
    /// Digits of a verification code, 1 to 9.
    pub code_digits: u8,
    /// Whether failures are slowed down.
    pub throttling: bool,
    /// Whether a login with an unknown name costs a hash as well. Without it the time of answers tells who has an account.
    pub hides_unknown_names: bool,
    /// Whether clients may send requests before the handshake is done (0-RTT).
    pub early_data: bool,
    /// Whether an account's limit spares sources that its owner has logged in from. Without it anybody can lock them out.
    pub spares_familiar: bool,
    /// Whether handsets share one server. Without it, in virtual time, each owner (with an impostor, if there is one)
    /// meets a server of their own: then nobody waits for anybody, and a run in shards gives the same bytes as a whole.
    pub shared: bool,
    /// A server that is there already, as HOST:PORT, in place of one that the run starts; its bank must have the accounts
    /// of `biopay run SCENARIO --print-accounts`, and no login of this seed. On the wall clock.
    pub address: Option<String>,
    /// The certificate, PEM, that handsets trust at that address.
    pub certificate: Option<PathBuf>,
    /// The name in that certificate; without it that of a development certificate.
    pub name: Option<String>,
    /// What the server's work costs in virtual time.
    pub service: ServiceModel,
}

/// Bounds what is compared off line after the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Comparisons {
    /// Subjects that are compared with each other, the first ones; comparisons grow with the square.
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
        Self { share: 0.2 }
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
            code_digits: 6,
            throttling: true,
            hides_unknown_names: true,
            early_data: false,
            spares_familiar: true,
            shared: true,
            address: None,
            certificate: None,
            name: None,
            service: ServiceModel::default(),
        }
    }
}

impl Default for Comparisons {
    fn default() -> Self {
        Self { subjects: 250 }
    }
}
