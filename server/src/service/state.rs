//! The service's parts, put together once when the server starts.

use super::health::Health;
use super::limits::{Keeper, Throttle};
use super::sessions::Sessions;
use crate::bank::Bank;
use crate::config::{Mode, Rules, ThrottleConfig};
use crate::crypto::blocklist::Blocklist;
use crate::crypto::opaque::OpaqueServer;
use crate::crypto::password::{HashCost, Passwords, Peppers};
use crate::crypto::vault::{Vault, VaultKeys};
use crate::env::{Env, Overloaded};
use crate::images::ImageReader;
use crate::merchants::MerchantKeys;
use crate::metrics::{Metrics, Snapshot};
use crate::planted::begin_process;
use crate::shutdown::Shutdown;
use crate::store::{Backlog, Store, StoreError};
use crate::telemetry::Telemetry;
use crate::trail::Trail;
use biopay_biometrics::scheme::Registry;
use biopay_protocol::{PaymentId, Refusal};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything that a decision needs.
pub struct Service {
    pub(super) env: Env,
    pub(super) rules: Rules,
    pub(super) mode: Mode,
    pub(super) store: Arc<dyn Store>,
    pub(super) bank: Arc<dyn Bank>,
    pub(super) schemes: Arc<Registry>,
    pub(super) vault: Vault,
    pub(super) passwords: Passwords,
    pub(super) blocklist: Blocklist,
    pub(super) hides_unknown_names: bool,
    pub(super) opaque: OpaqueServer,
    pub(super) images: ImageReader,
    pub(super) code_key: ring::hmac::Key,
    pub(super) throttle: Throttle,
    pub(super) metrics: Arc<Metrics>,
    /// Payments that a request of this process is charging right now: the resolver leaves them alone.
    pub(super) charging: Mutex<BTreeSet<PaymentId>>,
    /// Reversals that this process has begun and not yet told the bank of.
    pub(super) unadvised: Mutex<BTreeSet<PaymentId>>,
    pub(super) unresolved: tokio::sync::Notify,
    pub(super) health: Health,
    pub(super) sessions: Arc<Sessions>,
    /// The store's last count, and when it was made.
    pub(super) last_backlog: tokio::sync::Mutex<Option<(Duration, Option<Backlog>)>>,
    pub(super) merchants: MerchantKeys,
    pub(super) trail: Trail,
    pub(super) telemetry: Telemetry,
}

/// A service's parts.
pub struct Parts {
    /// Time, processor, randomness.
    pub env: Env,
    /// Tries, verification codes and lifetimes.
    pub rules: Rules,
    /// What the server keeps of a PIN.
    pub mode: Mode,
    /// Limits on failures.
    pub throttle: ThrottleConfig,
    /// Accounts, payments, ledger.
    pub store: Arc<dyn Store>,
    /// The bank.
    pub bank: Arc<dyn Bank>,
    /// The derivation schemes.
    pub schemes: Arc<Registry>,
    /// Seals what the store keeps.
    pub vault: Vault,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Passwords that nobody may choose.
    pub blocklist: Blocklist,
    /// Whether a login with an unknown name costs a hash as well.
    pub hides_unknown_names: bool,
    /// Answers OPAQUE.
    pub opaque: OpaqueServer,
    /// Reads images of QR symbols.
    pub images: ImageReader,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The merchants' keys.
    pub merchants: MerchantKeys,
    /// The trail.
    pub trail: Trail,
    /// Where spans go.
    pub telemetry: Telemetry,
}

impl Service {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        begin_process();
        let Parts { env, rules, mode, throttle, store, bank, schemes, vault, passwords, .. } = parts;
        let Parts { blocklist, hides_unknown_names, opaque, images, metrics, merchants, trail, telemetry, .. } = parts;
        let code_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &env.random::<32>());
        let throttle = Throttle::new(&throttle, &env, opaque.limits_key());
        let (charging, unresolved) = (Mutex::default(), tokio::sync::Notify::new());
        Self {
            env,
            rules,
            mode,
            store,
            bank,
            schemes,
            vault,
            passwords,
            blocklist,
            hides_unknown_names,
            opaque,
            images,
            code_key,
            throttle,
            metrics,
            charging,
            unadvised: Mutex::default(),
            unresolved,
            health: Health::default(),
            sessions: Arc::default(),
            last_backlog: tokio::sync::Mutex::default(),
            merchants,
            trail,
            telemetry,
        }
    }

    /// Returns the surroundings.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Returns where spans go.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Returns the counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns all counters as they are.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { store: self.store.commits(), ..self.metrics.snapshot(&self.env) }
    }

    /// Exchanges the keys that seal records and the way in which passwords are hashed, while requests go on.
    pub fn renew_keys(&self, vault: VaultKeys, cost: HashCost, peppers: Peppers) {
        self.vault.renew(vault);
        self.passwords.renew(cost, peppers);
    }

    /// Takes in what the store has of limits; call it before the first request.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn restore_limits(&self) -> Result<(), StoreError> {
        match self.keeper() {
            Some(mut keeper) => keeper.listen().await,
            None => Ok(()),
        }
    }

    /// Keeps in the store what limits count, until the shutdown.
    pub async fn keep_limits(self: Arc<Self>, shutdown: Shutdown) {
        if let Some(keeper) = self.keeper() {
            keeper.keep(shutdown).await;
        }
    }

    /// Tells the store everything that limits counted; call it after the last request.
    pub async fn finish_limits(&self) {
        if let Some(keeper) = self.keeper() {
            keeper.finish().await;
        }
    }

    fn keeper(&self) -> Option<Keeper<'_>> {
        let store = (self.store.limits()?, self.store.is_shared());
        Some(Keeper::new(&self.env, store, self.throttle.kept(), self.throttle.changed()))
    }

    /// Returns the trail.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Returns what reads images.
    pub fn images(&self) -> &ImageReader {
        &self.images
    }
}

impl From<StoreError> for Reason {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Overloaded) {
            return Self(Refusal::Overloaded);
        }
        tracing::error!(%error, "the store failed a command");
        Self(Refusal::Internal)
    }
}

impl From<Overloaded> for Reason {
    fn from(Overloaded: Overloaded) -> Self {
        Self(Refusal::Overloaded)
    }
}

impl From<crate::crypto::vault::CannotOpen> for Reason {
    fn from(error: crate::crypto::vault::CannotOpen) -> Self {
        tracing::error!(%error, "the vault could not open a record");
        Self(Refusal::Internal)
    }
}

/// The refusal that the client gets for an inner error; the log gets the error itself.
pub(super) struct Reason(Refusal);

/// A conversion of inner errors to refusals.
pub(super) trait OrRefuse<T> {
    fn or_refuse(self) -> Result<T, Refusal>;
}

impl<T, E: Into<Reason>> OrRefuse<T> for Result<T, E> {
    fn or_refuse(self) -> Result<T, Refusal> {
        self.map_err(|error| error.into().0)
    }
}
