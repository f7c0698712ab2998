//! Queues of work before several equal servers.

use crate::time::Nanos;

/// Several equal servers with one queue, first come first served.
///
/// A job begins as soon as it has come and a server is free.
#[derive(Clone, Debug)]
pub struct Stations {
    free_at: Vec<Nanos>,
}

impl Stations {
    /// Opens `servers` stations, at least one.
    pub fn new(servers: usize) -> Self {
        Self { free_at: vec![0; servers.max(1)] }
    }

    /// Takes a job that came at `now`; returns when it begins and when it ends.
    pub fn take(&mut self, now: Nanos, takes: Nanos) -> (Nanos, Nanos) {
        let (mut first, mut at) = (0, self.free_at[0]);
        for (index, &free_at) in self.free_at.iter().enumerate().skip(1) {
            if free_at < at {
                (first, at) = (index, free_at);
            }
        }
        let begins = at.max(now);
        self.free_at[first] = begins + takes;
        (begins, begins + takes)
    }

    /// Returns how long a job that comes at `now` would wait.
    pub fn wait(&self, now: Nanos) -> Nanos {
        self.free_at.iter().min().map_or(0, |&free_at| free_at.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_take_the_first_station_that_is_free() {
        let mut stations = Stations::new(2);
        assert_eq!([0, 0, 0, 35].map(|now| stations.take(now, 20)), [(0, 20), (0, 20), (20, 40), (35, 55)]);
        assert_eq!(stations.wait(36), 4);
    }
}
