//! Fair shares of what many use at once: nobody takes all places, however often they ask.

use super::bucket::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Places of which each key may hold so many at a time.
#[derive(Clone)]
pub(crate) struct Places<K> {
    /// Zero switches the limit off.
    each: u32,
    taken: Arc<Mutex<BTreeMap<K, u32>>>,
}

impl<K: Ord + Clone> Places<K> {
    /// Creates places of which each key may hold `each`; zero means any number.
    pub(crate) fn new(each: u32) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// Takes a place until the guard is dropped; `None` when the key holds its share already.
    pub(crate) fn take(&self, key: K) -> Option<Place<K>> {
        if self.is_share_taken(&key) { None } else { Some(self.take_anyway(key)) }
    }

    /// Takes a place beyond the key's share too.
    pub(crate) fn take_anyway(&self, key: K) -> Place<K> {
        *lock(&self.taken).entry(key.clone()).or_default() += 1;
        Place { taken: self.taken.clone(), key }
    }

    /// Returns whether a key holds its share.
    pub(crate) fn is_share_taken(&self, key: &K) -> bool {
        self.each > 0 && lock(&self.taken).get(key).is_some_and(|&count| count >= self.each)
    }
}

/// A place that is taken until the guard is dropped.
pub(crate) struct Place<K: Ord> {
    taken: Arc<Mutex<BTreeMap<K, u32>>>,
    key: K,
}

impl<K: Ord> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_held_until_its_guards_are_dropped() {
        let places = Places::new(2);
        let (first, second) = (places.take(1), places.take(1));
        assert!(first.is_some() && second.is_some() && places.take(1).is_none() && places.take(2).is_some());
        drop(first);
        assert!(places.take(1).is_some());
        drop(second);
        assert!(lock(&places.taken).is_empty());
        let endless = Places::new(0);
        let held: Vec<_> = (0..100).filter_map(|_| endless.take(1)).collect();
        assert_eq!(held.len(), 100);
    }
}
