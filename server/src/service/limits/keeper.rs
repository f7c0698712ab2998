//! The task that tells the store what limits counted, and hears from it what others counted.

use super::kept::{Digest, Kept};
use crate::env::Env;
use crate::shutdown::Shutdown;
use crate::store::{LimitStore, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a failure may be known to this process alone. Whoever kills the process makes it forget as much.
pub(crate) const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// How often to hear what other servers counted, where they share the store.
const LISTEN_EVERY: Duration = Duration::from_secs(1);
/// Keys of one limit that are told at a time; more wait for the next.
const KEYS_MAX: usize = 512;
/// How far back what is new in the store is looked for again: transactions become visible out of order.
const OVERLAP_MS: i64 = 5_000;
/// How often a server that ends tries to tell the store the last of it.
const LAST_TRIES: usize = 20;
/// How often what no longer counts is removed.
const FORGET_EVERY_MS: i64 = 60_000;

/// The keeper of all limits of one service.
pub(crate) struct Keeper<'a> {
    env: &'a Env,
    store: Arc<dyn LimitStore>,
    limits: Vec<&'a dyn Kept>,
    changed: &'a Notify,
    is_shared: bool,
    heard_until_ms: i64,
    forgot_at_ms: i64,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(
        env: &'a Env,
        (store, is_shared): (Arc<dyn LimitStore>, bool),
        limits: Vec<&'a dyn Kept>,
        changed: &'a Notify,
    ) -> Self {
        Self { env, store, limits, changed, is_shared, heard_until_ms: 0, forgot_at_ms: 0 }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.env.clock.unix_ms()).unwrap_or(i64::MAX)
    }

    /// Hears what the store has that still counts.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn listen(&mut self) -> Result<(), StoreError> {
        let now_ms = self.now_ms();
        let rows = self.store.limits_since(self.heard_until_ms - OVERLAP_MS, now_ms).await?;
        self.heard_until_ms = rows.iter().map(|row| row.changed_ms).max().unwrap_or(0).max(self.heard_until_ms);
        for limit in &self.limits {
            limit.take_in(&rows, now_ms);
        }
        Ok(())
    }

    /// Tells the store what it has not heard of. Returns whether there was more than it is told at a time.
    async fn tell(&self) -> bool {
        let mut changes: Vec<_> = self.limits.iter().flat_map(|limit| limit.changes(KEYS_MAX)).collect();
        let is_full = changes.len() >= KEYS_MAX;
        // In one order, so that servers that share the store do not wait for each other in a circle.
        changes.sort_unstable_by_key(|change| (change.name, change.key));
        let merged = if changes.is_empty() { Ok(Vec::new()) } else { self.merge(changes).await };
        let merged = merged.inspect_err(|error| tracing::warn!(%error, "limits could not be kept: told again later"));
        let merged: Option<BTreeMap<Digest, i64>> = merged.ok().map(|merged| merged.into_iter().collect());
        for limit in &self.limits {
            limit.settle(merged.as_ref());
        }
        is_full || merged.is_none()
    }

    async fn merge(&self, changes: Vec<crate::store::LimitChange>) -> Result<Vec<(Digest, i64)>, StoreError> {
        let rows = self.store.merge_limits(self.now_ms(), changes).await?;
        Ok(rows.into_iter().map(|row| (row.key, row.until_ms)).collect())
    }

    async fn forget(&mut self) {
        let now_ms = self.now_ms();
        if now_ms - self.forgot_at_ms < FORGET_EVERY_MS {
            return;
        }
        self.forgot_at_ms = now_ms;
        if let Err(error) = self.store.forget_limits(now_ms).await {
            tracing::warn!(%error, "limits that no longer count could not be removed");
        }
    }

    /// Keeps the limits until the shutdown, and tells the store the last of them then.
    pub(crate) async fn keep(mut self, mut shutdown: Shutdown) {
        loop {
            let next = async {
                match self.is_shared {
                    true => drop(self.env.within(LISTEN_EVERY, self.changed.notified()).await),
                    false => self.changed.notified().await,
                }
                self.env.clock.sleep(FLUSH_AFTER).await;
            };
            let is_over = tokio::select! {
                biased;
                () = shutdown.begun() => true,
                () = next => false,
            };
            if is_over {
                break;
            }
            if self.tell().await {
                self.changed.notify_one();
            }
            if self.is_shared
                && let Err(error) = self.listen().await
            {
                tracing::warn!(%error, "what other servers counted could not be heard");
            }
            self.forget().await;
        }
    }

    /// Tells the store everything, if it listens; call it when nothing counts any more.
    pub(crate) async fn finish(self) {
        for _ in 0..LAST_TRIES {
            if !self.tell().await {
                return;
            }
        }
        tracing::warn!("what limits counted last is not in the store");
    }
}
