//! From where the owners of accounts have logged in before.

use super::bucket::{lock, make_room};
use super::kept::{Digest, Kept, Shared};
use super::source::Source;
use crate::store::{LimitChange, LimitRow};
use biopay_protocol::LoginName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

const NAME: &str = "familiar";
/// How long a source stays familiar after a login: 90 days.
const VALID_MS: i64 = 90 * 86_400_000;

type Pair = (LoginName, Source);

/// Accounts and sources from which their owners logged in, and until when that counts, in milliseconds since 1970.
pub(super) struct Familiar {
    shared: Shared,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    until_ms: BTreeMap<Pair, i64>,
    pending: BTreeSet<Pair>,
    told: Vec<Pair>,
    elsewhere: BTreeMap<Digest, i64>,
}

impl Familiar {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, known: Mutex::default() }
    }

    pub(super) fn contains(&self, pair: &Pair) -> bool {
        let mut known = lock(&self.known);
        if known.until_ms.contains_key(pair) {
            return true;
        }
        if known.elsewhere.is_empty() {
            return false;
        }
        let Some(until_ms) = known.elsewhere.remove(&self.shared.digest(NAME, pair)) else { return false };
        make_room(&mut known.until_ms);
        known.until_ms.insert(pair.clone(), until_ms);
        true
    }

    pub(super) fn remember(&self, pair: Pair, now_ms: i64) {
        let mut known = lock(&self.known);
        let until_ms = now_ms + VALID_MS;
        make_room(&mut known.until_ms);
        let before = known.until_ms.insert(pair.clone(), until_ms);
        // The store need not hear of every login: a day more or less is the same.
        if before.is_none_or(|before| until_ms - before > VALID_MS / 90) {
            known.pending.insert(pair);
            self.shared.changed.notify_one();
        } else if let Some(before) = before {
            known.until_ms.insert(pair, before);
        }
    }
}

impl Kept for Familiar {
    fn changes(&self, at_most: usize) -> Vec<LimitChange> {
        let known = &mut *lock(&self.known);
        known.pending.extend(std::mem::take(&mut known.told));
        while known.told.len() < at_most
            && let Some(pair) = known.pending.pop_first()
        {
            known.told.push(pair);
        }
        let change = |pair: &Pair| {
            let at_least_ms = known.until_ms.get(pair).copied()?;
            Some(LimitChange { name: NAME, key: self.shared.digest(NAME, pair), by_ms: 0, at_least_ms })
        };
        known.told.iter().filter_map(change).collect()
    }

    fn settle(&self, merged: Option<&BTreeMap<Digest, i64>>) {
        let mut known = lock(&self.known);
        let told = std::mem::take(&mut known.told);
        if merged.is_none() {
            known.pending.extend(told);
        }
    }

    fn take_in(&self, rows: &[LimitRow], now_ms: i64) {
        let mut known = lock(&self.known);
        known.until_ms.retain(|_, until_ms| *until_ms > now_ms);
        known.elsewhere.retain(|_, until_ms| *until_ms > now_ms);
        let news = rows.iter().filter(|row| row.name == NAME && row.until_ms > now_ms);
        known.elsewhere.extend(news.map(|row| (row.key, row.until_ms)));
    }
}
