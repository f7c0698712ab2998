//! What an operator sees of everything that the server waits for.

use super::state::Service;
use crate::bank::BankGauges;
use crate::store::Backlog;
use std::time::Duration;

/// How old the store's own figures may be: counting costs it a read.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// How long the store may take to count.
const COUNT_TIMEOUT: Duration = Duration::from_secs(2);

/// Everything that the server waits for, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Open payments and suspense; `None` where the store did not answer in time.
    pub backlog: Option<Backlog>,
    /// How long the oldest open payment has been open, in seconds.
    pub oldest_open_s: Option<f64>,
    /// The way to the bank.
    pub bank: BankGauges,
    /// Logins and registrations that wait for a turn to hash a password.
    pub hashes_waiting: usize,
    /// Commands that wait for the store, where it has a queue of its own.
    pub store_waiting: Option<u64>,
    /// Images of QR symbols that are read or wait for it.
    pub images_waiting: usize,
    /// Limits with the number of keys that each counts.
    pub limits: Vec<(&'static str, usize)>,
    /// Until when the certificate is valid, in seconds from now; negative when it has expired.
    pub certificate_s: Option<f64>,
}

impl Service {
    /// Reads every gauge.
    pub async fn gauges(&self) -> Gauges {
        let (backlog, now_ms) = (self.backlog().await, self.env.clock.unix_ms());
        let age = |at_ms: u64| now_ms.saturating_sub(at_ms) as f64 / 1e3;
        let expires = |at_s: u64| at_s as f64 - now_ms as f64 / 1e3;
        Gauges {
            oldest_open_s: backlog.and_then(|backlog| backlog.oldest_at_ms).map(age),
            backlog,
            bank: self.bank.gauges(),
            hashes_waiting: self.throttle.waiting_hashes(),
            store_waiting: self.store.waiting(),
            images_waiting: self.images.waiting(),
            limits: self.throttle.counted().to_vec(),
            certificate_s: self.metrics.certificate_expiry().map(expires),
        }
    }

    async fn backlog(&self) -> Option<Backlog> {
        let now = self.env.clock.elapsed();
        let mut last = self.last_backlog.lock().await;
        if let Some((at, backlog)) = *last
            && now < at + FRESH_FOR
        {
            return backlog;
        }
        let counted = self.env.within(COUNT_TIMEOUT, self.store.backlog()).await.and_then(Result::ok);
        *last = Some((now, counted));
        counted
    }
}
