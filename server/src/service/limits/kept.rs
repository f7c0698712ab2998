//! What the store keeps of limits, so that they outlast a restart and servers that share a store share them too.
//!
//! Each process counts by itself, and tells the store the difference since it last did: the store adds the differences of
//! all processes up and returns the sum. Nothing is written for a guess that was taken back in the meantime, so right
//! logins and payments cost the store nothing. A process that is killed loses what it had not told: at most
//! [`super::keeper::FLUSH_AFTER`]. The store sees keyed hashes of names, addresses and bank accounts alone.

use super::source::{Prefix, Source};
use crate::config::FailureLimit;
use crate::env::Clock;
use crate::planted::{PlantedBug, planted};
use crate::store::{LimitChange, LimitRow};
use biopay_protocol::{BankAccount, LoginName};
use ring::hmac;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A keyed hash of what is limited.
pub(crate) type Digest = [u8; LimitChange::KEY_BYTES];

/// What can be limited.
pub(super) trait LimitKey: Ord + Clone + Send {
    /// Appends bytes that no other key has.
    fn write(&self, to: &mut Vec<u8>);
}

impl LimitKey for LoginName {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_str().as_bytes());
    }
}

impl LimitKey for BankAccount {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_str().as_bytes());
    }
}

impl LimitKey for Source {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::V4(bytes) => to.extend_from_slice(bytes),
            Self::V6(bytes) => to.extend_from_slice(bytes),
        }
    }
}

impl LimitKey for Prefix {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::V4(bytes) => to.extend_from_slice(bytes),
            Self::V6(bytes) => to.extend_from_slice(bytes),
        }
    }
}

impl LimitKey for (LoginName, Source) {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
        // No login name has this byte.
        to.push(0);
        self.1.write(to);
    }
}

#[cfg(test)]
impl LimitKey for u64 {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_be_bytes());
    }
}

/// What all limits of a service have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    /// The key of the hashes that the store sees.
    pub(crate) key: Arc<hmac::Key>,
    /// Woken when there is something to tell the store.
    pub(crate) changed: Arc<Notify>,
}

impl Shared {
    pub(super) fn digest(&self, name: &str, key: &impl LimitKey) -> Digest {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        key.write(&mut bytes);
        let tag = hmac::sign(&self.key, &bytes);
        tag.as_ref().first_chunk().copied().expect("SHA-256 has more bytes")
    }
}

/// A limit that the store keeps.
pub(crate) trait Kept: Send + Sync {
    /// Takes what the store has not heard of, at most so many keys; [`Self::settle`] has to follow.
    fn changes(&self, at_most: usize) -> Vec<LimitChange>;

    /// Takes in what the store made of the changes, by hash; with `None` they are still to be told.
    fn settle(&self, merged: Option<&BTreeMap<Digest, i64>>);

    /// Takes in what the store has of this process's past and of others.
    fn take_in(&self, rows: &[LimitRow], now_ms: i64);
}

/// What the store has and has not heard of one limit. Times are in milliseconds, those of the store since 1970, those of
/// the limit since its start. Between the two stands how long failures still count: a calendar that jumps while the
/// process runs moves none of them.
pub(super) struct Ledger<K> {
    name: &'static str,
    refill_ms: i64,
    /// The longest that failures can count.
    span_ms: i64,
    clock: Arc<dyn Clock>,
    started: Duration,
    /// The calendar at the start, which a planted bug goes by.
    origin_ms: i64,
    shared: Shared,
    /// Failures that the store has not heard of; negative where more were taken back.
    pending: BTreeMap<K, i64>,
    /// Those that it is being told.
    told: Vec<(K, Digest, i64)>,
    /// What the store said last of keys that this process told it: what it says again is no news.
    own: BTreeMap<Digest, i64>,
    /// Until when the store counts keys that this process has not counted, or not as far. In milliseconds since the start,
    /// from the moment that it was heard: a calendar that goes back afterwards does not make them count longer.
    elsewhere: BTreeMap<Digest, u64>,
}

impl<K: LimitKey> Ledger<K> {
    pub(super) fn new(name: &'static str, limit: FailureLimit, clock: Arc<dyn Clock>, shared: Shared) -> Self {
        let (pending, told, own, elsewhere) = Default::default();
        let (refill_ms, started) = (i64::from(limit.refill_ms), clock.elapsed());
        let span_ms = refill_ms.saturating_mul(i64::from(limit.burst));
        let origin_ms = i64::try_from(clock.unix_ms()).unwrap_or(i64::MAX);
        Self { name, refill_ms, span_ms, clock, started, origin_ms, shared, pending, told, own, elsewhere }
    }

    /// Notes a failure, or one that was taken back.
    pub(super) fn note(&mut self, key: &K, failures: i64) {
        match self.pending.get_mut(key) {
            Some(pending) if *pending + failures == 0 => drop(self.pending.remove(key)),
            Some(pending) => *pending += failures,
            None => {
                self.pending.insert(key.clone(), failures);
                self.shared.changed.notify_one();
            }
        }
    }

    /// Takes what the store knows of a key that was counted elsewhere, in milliseconds since the start.
    pub(super) fn find_elsewhere(&mut self, key: &K) -> Option<u64> {
        if self.elsewhere.is_empty() {
            return None;
        }
        self.elsewhere.remove(&self.shared.digest(self.name, key))
    }

    fn elapsed_ms(&self) -> u64 {
        self.clock.elapsed().saturating_sub(self.started).as_millis() as u64
    }

    /// Converts a time of the store; `None` for one that is further away than failures can count, which a calendar wrote
    /// that was ahead: it would lock its owner out for as long as the calendar was wrong.
    fn since_start(&self, until_ms: i64) -> Option<u64> {
        let now_ms = i64::try_from(self.clock.unix_ms()).unwrap_or(i64::MAX);
        if planted(PlantedBug::StaleCalendar) {
            return Some(u64::try_from(until_ms - self.origin_ms).unwrap_or(0));
        }
        let counts_ms = until_ms.saturating_sub(now_ms);
        // Servers that share the store can together let more through than one.
        (counts_ms <= self.span_ms.saturating_mul(2)).then(|| self.elapsed_ms().saturating_add_signed(counts_ms))
    }

    pub(super) fn changes(&mut self, at_most: usize) -> Vec<LimitChange> {
        self.tell_again();
        while self.told.len() < at_most
            && let Some((key, failures)) = self.pending.pop_first()
        {
            let digest = self.shared.digest(self.name, &key);
            self.told.push((key, digest, failures));
        }
        let change = |&(_, key, failures): &(K, Digest, i64)| LimitChange {
            name: self.name,
            key,
            by_ms: failures.saturating_mul(self.refill_ms),
            at_least_ms: 0,
        };
        self.told.iter().map(change).collect()
    }

    /// What could not be told is pending again.
    fn tell_again(&mut self) {
        for (key, _, failures) in std::mem::take(&mut self.told) {
            *self.pending.entry(key).or_default() += failures;
        }
        self.pending.retain(|_, failures| *failures != 0);
    }

    /// Returns until when each key's failures count, in milliseconds since the start, with what came since it was told.
    pub(super) fn settle(&mut self, merged: Option<&BTreeMap<Digest, i64>>) -> Vec<(K, u64)> {
        let Some(merged) = merged else {
            self.tell_again();
            return Vec::new();
        };
        let mut heard = Vec::new();
        for (key, digest, _) in std::mem::take(&mut self.told) {
            let Some(&until_ms) = merged.get(&digest) else { continue };
            self.own.insert(digest, until_ms);
            self.elsewhere.remove(&digest);
            let since = self.pending.get(&key).copied().unwrap_or(0).saturating_mul(self.refill_ms);
            heard.extend(self.since_start(until_ms.saturating_add(since)).map(|until_ms| (key, until_ms)));
        }
        heard
    }

    pub(super) fn take_in(&mut self, rows: &[LimitRow], now_ms: i64) {
        self.own.retain(|_, until_ms| *until_ms > now_ms);
        let elapsed_ms = self.elapsed_ms();
        self.elsewhere.retain(|_, until_ms| *until_ms > elapsed_ms);
        for row in rows.iter().filter(|row| row.name == self.name && row.until_ms > now_ms) {
            if self.own.get(&row.key) != Some(&row.until_ms)
                && let Some(until_ms) = self.since_start(row.until_ms)
            {
                self.elsewhere.insert(row.key, until_ms);
            }
        }
    }
}
