//! One file: what processes see, and what is durable.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The unit that is written whole or not at all. Units: bytes.
const SECTOR: usize = 512;

/// A region of memory that connections share.
pub(super) type Region = Arc<[AtomicU64]>;

/// A file with its page cache.
#[derive(Clone, Default)]
pub(super) struct File {
    /// What processes read.
    cache: Vec<u8>,
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// The sectors that were written and not synced.
    dirty: BTreeSet<usize>,
    /// Whether its name survives a power cut.
    is_named: bool,
    /// The memory that connections share.
    pub(super) regions: Vec<Region>,
}

impl File {
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    /// Copies bytes out; returns how many there were.
    pub(super) fn read(&self, at: usize, buffer: &mut [u8]) -> usize {
        let there = self.cache.get(at..).unwrap_or_default();
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        buffer[count..].fill(0);
        count
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.cache.len() < end {
            self.cache.resize(end, 0);
        }
        self.cache[at..end].copy_from_slice(bytes);
        self.dirty.extend(at / SECTOR..end.div_ceil(SECTOR));
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.cache.truncate(len);
        self.dirty.retain(|sector| sector * SECTOR < len);
    }

    /// Makes everything durable that was written; returns how many sectors that were.
    pub(super) fn sync(&mut self) -> usize {
        self.durable.resize(self.cache.len(), 0);
        let dirty = std::mem::take(&mut self.dirty);
        dirty.iter().for_each(|&sector| self.persist(sector));
        self.is_named = true;
        dirty.len()
    }

    /// Forgets what was to be synced: it counts as clean, and is not durable.
    pub(super) fn forget_dirty(&mut self) {
        self.dirty.clear();
    }

    /// Cuts the power; returns whether the file is still there, and how many sectors were lost.
    pub(super) fn lose_power(&mut self, rng: &mut ChaCha8Rng) -> (bool, usize) {
        if !self.is_named && rng.random_bool(0.5) {
            return (false, self.dirty.len());
        }
        self.is_named = true;
        if self.cache.len() != self.durable.len() && rng.random_bool(0.5) {
            self.durable.resize(self.cache.len(), 0);
        }
        let mut lost = 0;
        for sector in std::mem::take(&mut self.dirty) {
            if rng.random_bool(0.5) {
                self.persist(sector);
            } else {
                lost += 1;
            }
        }
        self.cache = self.durable.clone();
        self.regions.clear();
        (true, lost)
    }

    /// Copies a sector from the cache, as far as the durable file reaches.
    fn persist(&mut self, sector: usize) {
        let end = ((sector + 1) * SECTOR).min(self.cache.len()).min(self.durable.len());
        let range = (sector * SECTOR).min(end)..end;
        self.durable[range.clone()].copy_from_slice(&self.cache[range]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn only_what_was_synced_survives_for_certain() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut torn = 0;
        for _ in 0..64 {
            let mut file = File::default();
            file.write(0, &[1; 4 * SECTOR]);
            assert_eq!(file.sync(), 4);
            file.write(0, &[2; 4 * SECTOR]);
            assert!(file.lose_power(&mut rng).0);
            let kept = file.cache.chunks(SECTOR).filter(|sector| sector[0] == 2).count();
            assert!(file.cache.iter().all(|&byte| byte == 1 || byte == 2));
            torn += usize::from(kept > 0 && kept < 4);
        }
        // Four coins fall alike in 1 of 8 cases.
        assert!((40..64).contains(&torn), "{torn} of 64 writes were torn");
    }

    #[test]
    fn what_a_failed_sync_forgot_is_read_until_the_power_goes() {
        let mut file = File::default();
        file.write(0, b"old");
        file.sync();
        file.write(0, b"new");
        file.forget_dirty();
        file.sync();
        let mut seen = [0; 3];
        assert_eq!((file.read(0, &mut seen), &seen), (3, b"new"));
        file.lose_power(&mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!((file.read(0, &mut seen), &seen), (3, b"old"));
    }

    #[test]
    fn reads_beyond_the_end_are_short_and_zero() {
        let mut file = File::default();
        file.write(2, b"x");
        let mut seen = [9; 5];
        assert_eq!((file.read(1, &mut seen), seen), (2, [0, b'x', 0, 0, 0]));
        file.truncate(1);
        assert_eq!(file.len(), 1);
    }
}
