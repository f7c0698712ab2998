//! What each link profile cost: connections, loss, and the latencies of the handsets that had it.

use crate::error::Error;
use crate::records::{Component, Network, Operation, ServerFigure};
use crate::run_folder::RunReader;
use crate::run_folder::latency::LatencyRecorder;
use crate::statistics::gathered::Gathered;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The operations that a link's customers wait for.
const OPERATIONS: [Operation; 3] = [Operation::Connect, Operation::Charge, Operation::Payment];

/// The connections of one link profile. Times are in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileSummary {
    /// The profile.
    pub profile: String,
    /// Connections that were closed on it.
    pub connections: u64,
    /// Median of the last smoothed round-trip time, as QUIC measured it.
    pub round_trip_p50_us: u64,
    /// Mean bytes sent on a connection.
    pub sent_bytes: f64,
    /// Mean bytes received on a connection.
    pub received_bytes: f64,
    /// Datagrams that the link lost or dropped over those put onto it, both ways; `None` where the link is real and does
    /// not tell.
    pub loss: Option<f64>,
    /// Operations with their count, median and 99th percentile.
    pub operations: Vec<(String, u64, u64, u64)>,
}

/// Counts of connections that come one by one, in any order. Memory grows with handsets and with different round-trip times.
#[derive(Default)]
pub struct NetworkTally {
    profiles: BTreeMap<String, Connections>,
    handsets: BTreeSet<u32>,
}

#[derive(Default)]
struct Connections {
    count: u64,
    round_trips_us: Gathered<u64>,
    datagrams: u64,
    bytes_sent: u64,
    bytes_received: u64,
}

/// The traffic of all connections together, as their handsets counted it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Links in use.
    pub profiles: BTreeSet<String>,
    /// Handsets that had a connection.
    pub handsets: u64,
    /// Connections.
    pub connections: u64,
    /// UDP datagrams, both ways.
    pub datagrams: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl NetworkTally {
    /// Counts every connection of a run folder, a part of the table at a time.
    pub fn read(run: &RunReader) -> Result<Self, Error> {
        let mut tally = Self::default();
        run.each_connection(|row| tally.add(row))?;
        Ok(tally)
    }

    /// Counts one connection.
    pub fn add(&mut self, row: &Network) {
        self.handsets.insert(row.handset);
        if !self.profiles.contains_key(&row.profile) {
            self.profiles.insert(row.profile.clone(), Connections::default());
        }
        let connections = self.profiles.get_mut(&row.profile).expect("it was put there");
        connections.count += 1;
        connections.round_trips_us.add(row.round_trip_us, 0);
        connections.datagrams += row.datagrams_sent + row.datagrams_received;
        connections.bytes_sent += row.bytes_sent;
        connections.bytes_received += row.bytes_received;
    }

    /// Returns the sums over all profiles.
    pub fn traffic(&self) -> Traffic {
        let sum = |of: fn(&Connections) -> u64| self.profiles.values().map(of).sum();
        Traffic {
            profiles: self.profiles.keys().cloned().collect(),
            handsets: self.handsets.len() as u64,
            connections: sum(|c| c.count),
            datagrams: sum(|c| c.datagrams),
            bytes: sum(|c| c.bytes_sent + c.bytes_received),
        }
    }

    /// Sums up the profiles; none where everybody had the same network.
    pub fn profiles(self, figures: &[ServerFigure], latency: &LatencyRecorder) -> Vec<ProfileSummary> {
        let links = links(figures);
        if links.is_empty() && self.profiles.len() < 2 {
            return Vec::new();
        }
        self.profiles.into_iter().map(|(profile, connections)| summary(profile, connections, &links, latency)).collect()
    }
}

fn summary(
    profile: String,
    connections: Connections,
    links: &BTreeMap<&str, (f64, f64)>,
    latency: &LatencyRecorder,
) -> ProfileSummary {
    let count = connections.count as f64;
    let operation = |operation: &Operation| {
        let name = operation.name();
        // On the only network of a run, everybody's latency is the profile's.
        let histogram = latency.operation(&format!("{name}@{profile}")).or_else(|| latency.operation(name))?;
        let quantile = |q| histogram.value_at_quantile(q);
        Some((name.to_owned(), histogram.len(), quantile(0.5), quantile(0.99)))
    };
    ProfileSummary {
        connections: connections.count,
        round_trip_p50_us: median(connections.round_trips_us),
        sent_bytes: connections.bytes_sent as f64 / count,
        received_bytes: connections.bytes_received as f64 / count,
        loss: links.get(profile.as_str()).map(|(sent, lost)| lost / sent.max(1.0)),
        operations: OPERATIONS.iter().filter_map(operation).collect(),
        profile,
    }
}

/// Returns the upper median; 0 where there is nothing.
fn median(values: Gathered<u64>) -> u64 {
    let counts = values.finish();
    let middle = counts.iter().map(|(_, _, n)| n).sum::<u64>() / 2;
    let mut up_to = 0;
    let found = counts.iter().find(|(_, _, n)| {
        up_to += n;
        up_to > middle
    });
    found.map_or(0, |(value, _, _)| *value)
}

/// Returns the datagrams put onto each profile's links, and those that did not arrive.
fn links(figures: &[ServerFigure]) -> BTreeMap<&str, (f64, f64)> {
    let mut links: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for figure in figures.iter().filter(|figure| figure.component == Component::Network) {
        let mut path = figure.name.split('.');
        let (Some(profile), Some(_direction), Some(counter)) = (path.next(), path.next(), path.next()) else {
            continue;
        };
        let (sent, lost) = links.entry(profile).or_default();
        match counter {
            "datagrams" => *sent += figure.value,
            "lost" | "dropped" => *lost += figure.value,
            _ => {}
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(profile: &str, round_trip_us: u64) -> Network {
        Network {
            handset: 1,
            profile: profile.into(),
            handshake_us: 2 * round_trip_us,
            round_trip_us,
            datagrams_sent: 10,
            datagrams_received: 10,
            bytes_sent: 4_000,
            bytes_received: 2_000,
            packets_lost: 0,
        }
    }

    #[test]
    fn each_profile_has_its_own_connections_latencies_and_loss() {
        let mut tally = NetworkTally::default();
        [connection("2g", 800_000), connection("wifi", 12_000), connection("wifi", 10_000)]
            .iter()
            .for_each(|c| tally.add(c));
        let link =
            |name: &str, value| ServerFigure { component: Component::Network.name().into(), name: name.into(), value };
        let figures = [link("2g.up.datagrams", 50.0), link("2g.down.datagrams", 50.0), link("2g.up.lost", 2.0)];
        let mut latency = LatencyRecorder::default();
        latency.record("charge@2g", 900_000);
        latency.record("charge@wifi", 40_000);
        let traffic = tally.traffic();
        assert_eq!((traffic.handsets, traffic.datagrams, traffic.bytes), (1, 60, 18_000));
        let profiles = tally.profiles(&figures, &latency);
        assert_eq!(profiles[1].round_trip_p50_us, 12_000);
        let names: Vec<_> = profiles.iter().map(|p| (p.profile.as_str(), p.connections, p.loss)).collect();
        assert_eq!(names, [("2g", 1, Some(0.02)), ("wifi", 2, None)]);
        assert_eq!(profiles[0].operations[0].0, "charge");
        assert!((895_000..905_000).contains(&profiles[0].operations[0].2));
    }

    #[test]
    fn a_run_on_one_real_network_has_no_profiles() {
        let mut tally = NetworkTally::default();
        tally.add(&connection("loopback", 100));
        assert!(tally.profiles(&[], &LatencyRecorder::default()).is_empty());
    }
}
