//! The cost of work in virtual time, as `biopay calibrate` measures it on a machine's wall clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The costs of the server's machine, of the bank and of a handset. Units: microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServiceModel {
    /// The machine that the costs were measured on.
    pub measured_on: String,
    /// Processor cores of the server's machine.
    pub cores: usize,
    /// The server's processor time for one datagram, in or out, with its share of everything above it.
    pub datagram_us: f64,
    /// The server's processor time for one handshake, beside its datagrams.
    pub handshake_us: f64,
    /// One argon2id hash of 19 MiB and two passes; other sizes in proportion.
    pub password_hash_us: f64,
    /// One step of an OPAQUE exchange.
    pub key_exchange_us: f64,
    /// One comparison of a payload with a record.
    pub payload_verification_us: f64,
    /// One command of the store that only reads.
    pub store_read_us: f64,
    /// One command of the store that writes, beside its share of a commit.
    pub store_write_us: f64,
    /// One durable commit, which commands that wait together share.
    pub store_commit_us: f64,
    /// One exchange with the bank, its own commit included.
    pub bank_us: f64,
    /// The delay between a request's arrival and the task that answers it, and back: wake-ups and scheduling.
    pub wakeup_us: f64,
    /// Features and template from an image, on the handset.
    pub extract_us: f64,
    /// A payload from a template, on the handset.
    pub derive_us: f64,
    /// A QR symbol from a payload, on the handset.
    pub encode_symbol_us: f64,
    /// A payload from a QR symbol, at the till.
    pub scan_symbol_us: f64,
}

/// The rounded result of `biopay calibrate` on the named machine, before calibration timed the work between processes:
/// the bank is a commit of its own and four datagrams, a step of OPAQUE what a prototype measured for a login, and the
/// wake-up an assumption. Use `--with` for another machine's costs.
impl Default for ServiceModel {
    fn default() -> Self {
        Self {
            measured_on: "linux x86_64, Intel Xeon with AVX-512, 2 cores".into(),
            cores: 2,
            datagram_us: 3.4,
            handshake_us: 410.0,
            password_hash_us: 16_100.0,
            key_exchange_us: 210.0,
            payload_verification_us: 0.2,
            store_read_us: 6.3,
            store_write_us: 22.0,
            store_commit_us: 280.0,
            bank_us: 310.0,
            wakeup_us: 20.0,
            extract_us: 17_900.0,
            derive_us: 350.0,
            encode_symbol_us: 1_250.0,
            scan_symbol_us: 5_400.0,
        }
    }
}

/// The memory of the hash in [`ServiceModel::password_hash_us`]. Units: KiB.
pub const CALIBRATED_HASH_KIB: u32 = 19 * 1024;

impl ServiceModel {
    /// Returns the costs with their names, for checks.
    pub fn costs(&self) -> [(&'static str, f64); 14] {
        [
            ("datagram-us", self.datagram_us),
            ("handshake-us", self.handshake_us),
            ("password-hash-us", self.password_hash_us),
            ("key-exchange-us", self.key_exchange_us),
            ("payload-verification-us", self.payload_verification_us),
            ("store-read-us", self.store_read_us),
            ("store-write-us", self.store_write_us),
            ("store-commit-us", self.store_commit_us),
            ("bank-us", self.bank_us),
            ("wakeup-us", self.wakeup_us),
            ("extract-us", self.extract_us),
            ("derive-us", self.derive_us),
            ("encode-symbol-us", self.encode_symbol_us),
            ("scan-symbol-us", self.scan_symbol_us),
        ]
    }
}

/// Converts microseconds to a duration.
pub fn us(us: f64) -> Duration {
    Duration::from_nanos((us.max(0.0) * 1e3) as u64)
}
