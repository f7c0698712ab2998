//! The server's configuration: one file, environment and flags over it, unknown keys refused.

mod check;
mod guessing;
mod keys;
mod trail;

use crate::error::Error;
use crate::sqlite::Location;
use biopay_biometrics::scheme::SchemeParameters;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use crate::env::HashPriority;
pub use guessing::{FailureLimit, PasswordConfig, ThrottleConfig};
pub use keys::{KeyConfig, PepperKey, VaultKey, mask_secret, parse_key, read_reference};
pub use trail::TrailConfig;

use keys::{mask_password, resolve_path};

/// Everything that an operator of the server can set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerConfig {
    /// Where to listen for QUIC; port 0 takes any free one.
    pub listen: SocketAddr,
    /// `sqlite:PATH`, `postgres://USER@HOST/DATABASE`, or `memory`, which forgets everything at the end.
    pub store: String,
    /// The database's certificate, PEM: with it the server speaks TLS to PostgreSQL and trusts nothing else. Without it
    /// the database must be on this machine.
    pub store_certificate: Option<PathBuf>,
    /// A folder, best on another disk, to which each transaction of a SQLite store is written before it is answered: with
    /// a backup it makes the store again without the loss of an answered one.
    pub store_redo: Option<PathBuf>,
    /// What the server keeps of a PIN.
    pub mode: Mode,
    /// Tries, verification codes and lifetimes.
    pub rules: Rules,
    /// How to reach the bank.
    pub bank: BankConfig,
    /// The derivation schemes' parameters.
    pub schemes: SchemeParameters,
    /// How passwords are hashed.
    pub password: PasswordConfig,
    /// Limits on failures.
    pub throttle: ThrottleConfig,
    /// Limits on what clients may use.
    pub limits: Limits,
    /// Certificate and key; without them the server makes a development certificate.
    pub tls: TlsConfig,
    /// Keys that protect what the store keeps.
    pub keys: KeyConfig,
    /// How images of QR symbols are read.
    pub images: ImageLimits,
    /// What the operator's tools can see.
    pub operations: OperationsConfig,
    /// The merchants whose signatures count.
    pub merchants: Vec<MerchantConfig>,
    /// The trail of security events.
    pub trail: TrailConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4433)),
            store: "sqlite:biopay.db".into(),
            store_certificate: None,
            store_redo: None,
            mode: Mode::default(),
            rules: Rules::default(),
            bank: BankConfig::default(),
            schemes: SchemeParameters::default(),
            password: PasswordConfig::default(),
            throttle: ThrottleConfig::default(),
            limits: Limits::default(),
            tls: TlsConfig::default(),
            keys: KeyConfig::default(),
            images: ImageLimits::default(),
            operations: OperationsConfig::default(),
            merchants: Vec::new(),
            trail: TrailConfig::default(),
        }
    }
}

/// What the server keeps of a bank account's PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The PIN itself, sealed, as the patent has it. PCI DSS 3.3.1.3 forbids that: synthetic data only.
    PatentLiteral,
    /// A mandate token that the bank gives for the PIN once, at enrolment.
    #[default]
    Mandate,
}

/// The rules of a payment page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rules {
    /// Wrong payloads that a page takes; the last one leaves it (patent paragraph 31: three).
    pub qr_tries: u8,
    /// Whether a verification code is asked for (patent paragraphs 32 to 35).
    pub code: CodeRule,
    /// Wrong codes that a page takes.
    pub code_tries: u8,
    /// How long a code is good for, in milliseconds.
    pub code_valid_ms: u32,
    /// How often a code may be sent again.
    pub code_resends: u8,
    /// Digits of a code, 1 to 9.
    pub code_digits: u8,
    /// How long a payment page stays open, in milliseconds.
    pub page_valid_ms: u32,
    /// How long a login is good for, in milliseconds (NIST SP 800-63B-4, 2.2.3: at most 24 hours).
    pub login_valid_ms: u32,
    /// What a presented QR must come with.
    pub presentation: Presentation,
    /// Whether a payment needs the merchant's order.
    pub orders: OrderRule,
    /// Whether what changes an account or its QR needs more than the password.
    pub step_up: StepUp,
    /// How long a step up is good for, in milliseconds.
    pub step_up_valid_ms: u32,
    /// Who may ask for the counters over QUIC.
    pub metrics: Visibility,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            qr_tries: 3,
            code: CodeRule::Off,
            code_tries: 3,
            code_valid_ms: 180_000,
            code_resends: 2,
            code_digits: 6,
            page_valid_ms: 900_000,
            login_valid_ms: 43_200_000,
            presentation: Presentation::Static,
            orders: OrderRule::Free,
            step_up: StepUp::On,
            step_up_valid_ms: 300_000,
            metrics: Visibility::Operator,
        }
    }
}

/// Whether a payment needs the merchant's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderRule {
    /// Merchant and amount may come from the payer's handset; an order that comes is checked.
    Free,
    /// Every payment page is opened by an order that its merchant has signed.
    Signed,
}

/// A merchant whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MerchantConfig {
    /// Its name in payments.
    pub name: String,
    /// Its public key, Ed25519, 64 hexadecimal digits.
    pub key: String,
}

/// Whether what changes an account or its QR needs the enrolled QR or the bank account's PIN besides the password (NIST SP
/// 800-63B-4, 4.1.2: binding another authenticator needs one that is bound).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepUp {
    /// The password alone is enough.
    Off,
    /// The password alone changes nothing.
    On,
}

/// Whether the server asks for a verification code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CodeRule {
    /// Never.
    Off,
    /// For every payment.
    On,
}

/// What a handset must send with a presented QR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presentation {
    /// Nothing: the QR is static, as the patent has it.
    #[default]
    Static,
    /// The payment's nonce: a copied symbol is of no use for another payment, its payload is.
    Nonce,
    /// A signature by an enrolled device, over the payload alone.
    Device,
    /// A signature by an enrolled device over payload and nonce.
    DeviceAndNonce,
}

impl Presentation {
    /// Returns whether a presentation must name its payment.
    pub fn asks_for_nonce(self) -> bool {
        matches!(self, Self::Nonce | Self::DeviceAndNonce)
    }

    /// Returns whether a presentation must be signed.
    pub fn asks_for_device(self) -> bool {
        matches!(self, Self::Device | Self::DeviceAndNonce)
    }
}

/// Who may see the counters over QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Nobody: they are written to a file for the operator.
    Operator,
    /// Every client.
    Clients,
}

/// The bank's address, and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BankConfig {
    /// The bank's address.
    pub address: SocketAddr,
    /// Another address of the same bank, for when the first does not answer.
    pub second_address: Option<SocketAddr>,
    /// How often the bank is asked whether it is there, in milliseconds.
    pub heartbeat_ms: u32,
    /// The bank's certificate, PEM: with it the server speaks TLS to the bank and trusts nothing else. Without it the
    /// bank must be on this machine.
    pub certificate: Option<PathBuf>,
    /// The name in the bank's certificate.
    pub name: String,
    /// Our institution number, 1 to 11 digits.
    pub institution: String,
    /// How long to wait for an answer before the outcome counts as unknown, in milliseconds.
    pub timeout_ms: u32,
    /// The key of PIN blocks, 32 hexadecimal digits, shared with the bank; without it, a development key.
    pub pin_key: Option<String>,
    /// Our own certificate and key, for a bank that asks for them.
    pub identity: TlsConfig,
}

impl Default for BankConfig {
    fn default() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 4434));
        let (institution, name) = ("100001".into(), "localhost".into());
        let identity = TlsConfig::default();
        Self {
            address,
            second_address: None,
            heartbeat_ms: 10_000,
            certificate: None,
            name,
            institution,
            timeout_ms: 5_000,
            pin_key: None,
            identity,
        }
    }
}

/// Limits on what clients may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Connections at most; more are refused.
    pub connections: usize,
    /// Connections from which on an address must prove itself first (a stateless retry, RFC 9000, 8.1.2).
    pub retry_above: usize,
    /// Connections of one source from `retry-above` on, so that nobody holds all places alone; zero switches the limit off.
    pub connections_per_source: u32,
    /// How long a handshake may take, in milliseconds.
    pub handshake_ms: u32,
    /// Requests under way on one connection.
    pub streams: u32,
    /// How long a connection may be silent, in milliseconds.
    pub idle_ms: u32,
    /// How long a request may take to arrive, and its response to leave, in milliseconds.
    pub message_ms: u32,
    /// How long a shutdown waits for requests under way, in milliseconds.
    pub drain_ms: u32,
    /// Whether a client may send requests before the handshake is done (0-RTT, RFC 9001, 4.6). Nothing here is safe to
    /// replay: for experiments alone.
    pub early_data: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 50_000,
            retry_above: 10_000,
            connections_per_source: 256,
            handshake_ms: 10_000,
            streams: 8,
            idle_ms: 60_000,
            message_ms: 10_000,
            drain_ms: 10_000,
            early_data: false,
        }
    }
}

/// Limits on the processes that read images of QR symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageLimits {
    /// Processes at once.
    pub processes: usize,
    /// Images that may wait for one; more are refused.
    pub queue: usize,
    /// How long a process may take before it is killed, in milliseconds.
    pub deadline_ms: u32,
    /// The most memory that a process may have, in bytes.
    pub memory_bytes: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { processes: 2, queue: 32, deadline_ms: 1_000, memory_bytes: 256 * 1024 * 1024 }
    }
}

/// What the operator's tools can see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OperationsConfig {
    /// Where to answer HTTP: `/metrics` for Prometheus, `/healthz`. Nothing there is secret, and nothing is protected:
    /// keep it inside.
    pub listen: Option<SocketAddr>,
    /// A folder for a qlog file a connection (draft-ietf-quic-qlog-main-schema): large, and for finding faults only.
    pub qlog: Option<PathBuf>,
    /// An OpenTelemetry collector, `http://HOST:PORT`, to which traces of requests are sent (OTLP over HTTP). Use one on this
    /// machine: nothing protects the way there.
    pub traces: Option<String>,
    /// How many of a hundred traces are recorded that the server begins itself. A client that begins one decides for it.
    pub traced_percent: u8,
}

impl Default for OperationsConfig {
    fn default() -> Self {
        Self { listen: None, qlog: None, traces: None, traced_percent: 100 }
    }
}

/// The files of a certificate and its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// Certificate chain, PEM.
    pub certificate: Option<PathBuf>,
    /// Private key, PEM.
    pub key: Option<PathBuf>,
}

impl ServerConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be read, [`Error::Config`] when it has an unknown key or a wrong value.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::File { path: path.into(), error })?;
        parse_toml(path, &text)
    }

    /// Returns whether the store is a PostgreSQL database.
    pub fn is_postgres(&self) -> bool {
        self.store.starts_with("postgres://") || self.store.starts_with("postgresql://")
    }

    /// Returns the configuration as TOML with its secrets masked; where a secret is kept is none.
    pub fn to_masked_toml(&self) -> String {
        let mut masked = self.clone();
        masked.store = mask_password(&masked.store);
        masked
            .each_secret(&mut |_, secret| {
                *secret = mask_secret(secret);
                Ok(())
            })
            .expect("masking does not fail");
        toml::to_string(&masked).expect("the configuration has a form in TOML")
    }

    /// Reads the secrets that are kept elsewhere: `file:PATH` in a file, `credential:NAME` in the folder that systemd
    /// gives a service (systemd.exec(5), LoadCredential).
    ///
    /// # Errors
    ///
    /// [`Error::File`] when one cannot be read, [`Error::Config`] when there is no such folder.
    pub fn read_secrets(&mut self) -> Result<(), Error> {
        self.store = read_reference("store", &self.store)?;
        for (key, path) in [("tls.certificate", &mut self.tls.certificate), ("tls.key", &mut self.tls.key)] {
            if let Some(kept) = path {
                *kept = resolve_path(key, kept)?;
            }
        }
        self.each_secret(&mut |key, secret| {
            *secret = read_reference(key, secret)?;
            Ok(())
        })
    }

    /// Does something with every secret but the store's name, which has one inside.
    fn each_secret(&mut self, act: &mut dyn FnMut(&str, &mut String) -> Result<(), Error>) -> Result<(), Error> {
        if let Some(pin_key) = &mut self.bank.pin_key {
            act("bank.pin-key", pin_key)?;
        }
        if let Some(key) = &mut self.trail.key {
            act("trail.key", key)?;
        }
        self.keys.each_secret(act)
    }
}

/// Reads a configuration file's text.
///
/// # Errors
///
/// [`Error::Config`] with the place and the reason, and never the line itself: it may hold a key.
pub fn parse_toml<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::Config(format!("{}: line {line}: {}", path.display(), error.message()))
    })
}

/// Reads a store's name.
///
/// # Errors
///
/// [`Error::Config`] when it is neither `sqlite:PATH` nor `memory`.
pub fn parse_location(store: &str) -> Result<Location, Error> {
    match store.split_once(':') {
        None if store == "memory" => Ok(Location::Memory),
        Some(("sqlite", path)) if !path.is_empty() => Ok(Location::File(path.into())),
        _ => Err(Error::Config(format!("store {store:?}: use sqlite:PATH or memory"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_reads_back_from_what_it_prints() {
        let config = ServerConfig::default();
        assert_eq!(toml::from_str::<ServerConfig>(&config.to_masked_toml()).unwrap(), config);
    }

    #[test]
    fn unknown_keys_are_refused_and_secrets_masked() {
        assert!(toml::from_str::<ServerConfig>("lisen = \"127.0.0.1:1\"").is_err());
        assert!(toml::from_str::<ServerConfig>("[rules]\nqr-trys = 3").is_err());
        let config: ServerConfig =
            toml::from_str("[keys]\npepper = \"s3cret\"\nopaque = \"0paque\"\nvault = [{ id = 1, key = \"k3y\" }]")
                .unwrap();
        let shown = config.to_masked_toml();
        assert!(!["s3cret", "k3y", "0paque"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }

    #[test]
    fn no_message_about_the_configuration_shows_a_secret() {
        for text in ["[keys]\npeper = \"s3cret\"", "[keys]\npepper = [\"s3cret\"]", "[keys]\npepper = \"s3cret"] {
            let error = parse_toml::<ServerConfig>(Path::new("server.toml"), text).unwrap_err().to_string();
            assert!(error.contains("server.toml: line 2") && !error.contains("s3cret"), "{error}");
        }
        let store = "postgres://biopay:s3c@ret@db/biopay".to_owned();
        let shown = ServerConfig { store, ..ServerConfig::default() }.to_masked_toml();
        assert!(shown.contains("postgres://biopay:(masked)@db/biopay") && !shown.contains("s3c"), "{shown}");
        assert_eq!(mask_password("postgres://biopay@db/x"), "postgres://biopay@db/x");
        assert_eq!(mask_password("credential:store"), "credential:store");
        for store in ["postgres://db/x?user=b&password=s3cret", "postgres://b@db/x?sslPassword=s3cret&a=b"] {
            assert!(!mask_password(store).contains("s3cret"), "{store}");
        }
    }

    #[test]
    fn keys_and_locations_are_checked() {
        assert_eq!(parse_key::<2>("k", "00fF").unwrap(), [0, 255]);
        assert!(parse_key::<2>("k", "00f").is_err() && parse_key::<2>("k", "00+f").is_err());
        assert_eq!(parse_location("memory").unwrap(), Location::Memory);
        assert_eq!(parse_location("sqlite:a:b").unwrap(), Location::File("a:b".into()));
        assert!(parse_location("sqlite:").is_err() && parse_location("oracle:x").is_err());
    }
}
