//! Protection against guessing: the cost of a password's hash, and limits on failures.

use crate::crypto::password::HashCost;
use crate::env::HashPriority;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How passwords are hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PasswordConfig {
    /// The cost of one hash.
    pub cost: HashCost,
    /// Threads that hash; 0 takes one for every two processors, and at least one.
    pub threads: usize,
    /// How much those give way to everything else.
    pub priority: HashPriority,
    /// Hashes that may wait; more are refused before they begin.
    pub queue: usize,
    /// Whether a login with an unknown name costs a hash as well, so that answers take as long. Without it their times
    /// tell who has an account: for experiments alone.
    pub hides_unknown_names: bool,
    /// A file of passwords that nobody may choose, one a line. Without it only the login name is refused.
    pub blocklist: Option<PathBuf>,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        let (cost, priority) = (HashCost::default(), HashPriority::default());
        Self { cost, threads: 0, priority, queue: 1_024, hides_unknown_names: true, blocklist: None }
    }
}

impl PasswordConfig {
    /// Returns the number of hashing threads.
    pub fn thread_count(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        if self.threads > 0 { self.threads } else { (processors / 2).max(1) }
    }
}

/// Limits on guessing, where only failures count, and on what costs or tells something without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ThrottleConfig {
    /// Wrong passwords for one account from one source.
    pub login: FailureLimit,
    /// Wrong passwords for one account from all sources that its owner has not used (NIST SP 800-63B 5.2.2: at most
    /// 100 in a row).
    pub account: FailureLimit,
    /// Wrong passwords from one source.
    pub source: FailureLimit,
    /// Wrong passwords from one network: 24 bits of IPv4, 48 bits of IPv6.
    pub prefix: FailureLimit,
    /// Wrong PINs for one bank account, counted before the bank is asked.
    pub bank_account: FailureLimit,
    /// Registrations from one source, right or wrong.
    pub registrations: FailureLimit,
    /// Registrations from one network, right or wrong.
    pub prefix_registrations: FailureLimit,
    /// Requests from one source that need no login: health and counters.
    pub enquiries: FailureLimit,
    /// Requests of one account that is logged in.
    pub requests: FailureLimit,
    /// Wrong QR payloads for one account from one source.
    pub qr: FailureLimit,
    /// Wrong verification codes for one account, over all its pages: who has the QR may open pages without end.
    pub code: FailureLimit,
    /// Verification codes sent for one account that no payment came of: each is a message to its owner.
    pub code_messages: FailureLimit,
    /// Password hashes that one source may wait for at a time; zero switches the limit off. A network may wait for four
    /// times as many. An account's owner has places of their own where they have logged in before.
    pub hashes_per_source: u32,
    /// Whether an account's limit spares sources that its owner has logged in from, so that nobody else can lock them
    /// out. Without it an attacker can: for experiments alone.
    pub spares_familiar: bool,
}

impl ThrottleConfig {
    /// Limits nothing: for experiments alone.
    pub const OFF: Self = Self {
        login: FailureLimit::OFF,
        account: FailureLimit::OFF,
        source: FailureLimit::OFF,
        prefix: FailureLimit::OFF,
        bank_account: FailureLimit::OFF,
        registrations: FailureLimit::OFF,
        prefix_registrations: FailureLimit::OFF,
        enquiries: FailureLimit::OFF,
        requests: FailureLimit::OFF,
        qr: FailureLimit::OFF,
        code: FailureLimit::OFF,
        code_messages: FailureLimit::OFF,
        hashes_per_source: 0,
        spares_familiar: true,
    };
}

impl ThrottleConfig {
    /// Returns every limit with its key.
    pub(super) fn named(&self) -> [(&'static str, FailureLimit); 12] {
        [
            ("login", self.login),
            ("account", self.account),
            ("source", self.source),
            ("prefix", self.prefix),
            ("bank-account", self.bank_account),
            ("registrations", self.registrations),
            ("prefix-registrations", self.prefix_registrations),
            ("enquiries", self.enquiries),
            ("requests", self.requests),
            ("qr", self.qr),
            ("code", self.code),
            ("code-messages", self.code_messages),
        ]
    }
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            login: FailureLimit { burst: 10, refill_ms: 6_000 },
            account: FailureLimit { burst: 100, refill_ms: 60_000 },
            source: FailureLimit { burst: 1_000, refill_ms: 100 },
            prefix: FailureLimit { burst: 10_000, refill_ms: 10 },
            // As the bank, which blocks a PIN after three (NIST SP 800-63B-4, 3.2.2).
            bank_account: FailureLimit { burst: 3, refill_ms: 3_600_000 },
            // A company behind one address registers its people in a morning; a stranger opens few accounts.
            registrations: FailureLimit { burst: 100, refill_ms: 6_000 },
            prefix_registrations: FailureLimit { burst: 1_000, refill_ms: 600 },
            enquiries: FailureLimit { burst: 1_000, refill_ms: 10 },
            requests: FailureLimit { burst: 20_000, refill_ms: 1 },
            qr: FailureLimit { burst: 30, refill_ms: 10_000 },
            code: FailureLimit { burst: 10, refill_ms: 60_000 },
            code_messages: FailureLimit { burst: 10, refill_ms: 30_000 },
            hashes_per_source: 64,
            spares_familiar: true,
        }
    }
}

/// A limit on failures: so many at once, then one more each refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FailureLimit {
    /// Failures at once; 0 switches the limit off.
    pub burst: u32,
    /// How long one failure takes to be forgiven, in milliseconds.
    pub refill_ms: u32,
}

impl FailureLimit {
    /// Limits nothing.
    pub const OFF: Self = Self { burst: 0, refill_ms: 0 };
}
