//! The places of connections when all are taken: the network that holds most of them makes room, with a connection that
//! nobody has logged in on.

use super::bucket::lock;
use super::source::{Prefix, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Networks that are looked through for a connection without a login.
const LOOKED_THROUGH: usize = 64;

/// The open connections, by the network that they come from.
pub(crate) struct Seats<H>(Arc<Mutex<Taken<H>>>);

struct Taken<H> {
    by_prefix: BTreeMap<Prefix, BTreeMap<u64, H>>,
    by_size: BTreeSet<(usize, Prefix)>,
    arrivals: u64,
}

impl<H: Clone> Seats<H> {
    pub(crate) fn new() -> Self {
        let taken = Taken { by_prefix: BTreeMap::new(), by_size: BTreeSet::new(), arrivals: 0 };
        Self(Arc::new(Mutex::new(taken)))
    }

    /// Takes a place until the guard is dropped.
    pub(crate) fn take(&self, source: Source, connection: H) -> Seat<H> {
        let (prefix, mut taken) = (source.prefix(), lock(&self.0));
        let arrival = taken.arrivals;
        taken.arrivals += 1;
        let seats = taken.by_prefix.entry(prefix).or_default();
        seats.insert(arrival, connection);
        let size = seats.len();
        taken.resize(prefix, size - 1, size);
        Seat { taken: self.0.clone(), prefix, arrival }
    }

    /// Finds the connection that has to make room for one more from a source: the oldest without a login of the network
    /// that holds most, if it holds at least two more than the newcomer's own.
    pub(crate) fn find_for(&self, source: Source, is_guest: impl Fn(&H) -> bool) -> Option<H> {
        let taken = lock(&self.0);
        let own = taken.by_prefix.get(&source.prefix()).map_or(0, BTreeMap::len);
        let larger = taken.by_size.iter().rev().take(LOOKED_THROUGH).take_while(|(size, _)| *size > own + 1);
        let mut guests = larger.filter_map(|(_, prefix)| taken.by_prefix.get(prefix)?.values().find(|&h| is_guest(h)));
        guests.next().cloned()
    }
}

impl<H> Taken<H> {
    fn resize(&mut self, prefix: Prefix, before: usize, after: usize) {
        self.by_size.remove(&(before, prefix));
        if after > 0 {
            self.by_size.insert((after, prefix));
        }
    }
}

/// A place that is taken until the guard is dropped.
pub(crate) struct Seat<H> {
    taken: Arc<Mutex<Taken<H>>>,
    prefix: Prefix,
    arrival: u64,
}

impl<H> Drop for Seat<H> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        let Some(seats) = taken.by_prefix.get_mut(&self.prefix) else { return };
        let before = seats.len();
        seats.remove(&self.arrival);
        let after = seats.len();
        if after == 0 {
            taken.by_prefix.remove(&self.prefix);
        }
        taken.resize(self.prefix, before, after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn source(network: u8) -> Source {
        IpAddr::from([10, 0, network, 1]).into()
    }

    #[test]
    fn the_largest_network_makes_room_and_nobody_who_is_logged_in() {
        let seats = Seats::new();
        // Even numbers are logged in.
        let crowd: Vec<_> = (0..6).map(|n| seats.take(source(1), n)).collect();
        let few: Vec<_> = (10..12).map(|n| seats.take(source(2), n)).collect();
        let is_guest = |n: &i32| n % 2 == 1;
        assert_eq!(seats.find_for(source(3), is_guest), Some(1));
        assert_eq!(seats.find_for(source(1), is_guest), None, "one more of the same network");
        assert_eq!(seats.find_for(source(3), |_| false), None);
        drop(crowd);
        assert_eq!(seats.find_for(source(3), is_guest), Some(11));
        drop(few);
        assert!(lock(&seats.0).by_size.is_empty() && lock(&seats.0).by_prefix.is_empty());
    }
}
