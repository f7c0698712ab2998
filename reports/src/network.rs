//! What each link profile cost: connections, loss, and the latencies of the handsets that had it.

use crate::latency::LatencyRecorder;
use crate::records::{Network, ServerFigure};
use crate::run_folder::Records;
use serde::Serialize;
use std::collections::BTreeMap;

/// The component under which a simulated network files what its links carried, as `PROFILE.DIRECTION.COUNTER`.
pub const COMPONENT: &str = "network";

/// The operations that a link's customers wait for.
const OPERATIONS: [&str; 3] = ["connect", "charge", "payment"];

/// Holds what one link profile did. Times are in microseconds.
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

/// Sums up the profiles of a run; none where everybody had the same network.
pub fn profiles(records: &Records) -> Vec<ProfileSummary> {
    let mut by_profile: BTreeMap<&str, Vec<&Network>> = BTreeMap::new();
    for row in &records.network {
        by_profile.entry(&row.profile).or_default().push(row);
    }
    let links = links(&records.server);
    if links.is_empty() && by_profile.len() < 2 {
        return Vec::new();
    }
    let summary = |(profile, rows): (&str, Vec<&Network>)| summary(profile, &rows, &links, &records.latency);
    by_profile.into_iter().map(summary).collect()
}

fn summary(
    profile: &str,
    rows: &[&Network],
    links: &BTreeMap<&str, (f64, f64)>,
    latency: &LatencyRecorder,
) -> ProfileSummary {
    let mut round_trips: Vec<u64> = rows.iter().map(|row| row.round_trip_us).collect();
    round_trips.sort_unstable();
    let mean = |bytes: fn(&Network) -> u64| rows.iter().map(|row| bytes(row) as f64).sum::<f64>() / rows.len() as f64;
    let operation = |name: &&str| {
        // On the only network of a run, everybody's latency is the profile's.
        let histogram = latency.operation(&format!("{name}@{profile}")).or_else(|| latency.operation(name))?;
        let quantile = |q| histogram.value_at_quantile(q);
        Some(((*name).to_owned(), histogram.len(), quantile(0.5), quantile(0.99)))
    };
    ProfileSummary {
        profile: profile.to_owned(),
        connections: rows.len() as u64,
        round_trip_p50_us: round_trips[round_trips.len() / 2],
        sent_bytes: mean(|row| row.bytes_sent),
        received_bytes: mean(|row| row.bytes_received),
        loss: links.get(profile).map(|(sent, lost)| lost / sent.max(1.0)),
        operations: OPERATIONS.iter().filter_map(operation).collect(),
    }
}

/// Returns the datagrams put onto each profile's links, and those that did not arrive.
fn links(figures: &[ServerFigure]) -> BTreeMap<&str, (f64, f64)> {
    let mut links: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for figure in figures.iter().filter(|figure| figure.component == COMPONENT) {
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
        let mut records = Records {
            network: vec![connection("2g", 800_000), connection("wifi", 10_000), connection("wifi", 12_000)],
            ..Records::default()
        };
        let link = |name: &str, value| ServerFigure { component: COMPONENT.into(), name: name.into(), value };
        records.server = vec![link("2g.up.datagrams", 50.0), link("2g.down.datagrams", 50.0), link("2g.up.lost", 2.0)];
        records.latency.record("charge@2g", 900_000);
        records.latency.record("charge@wifi", 40_000);
        let profiles = profiles(&records);
        let names: Vec<_> = profiles.iter().map(|p| (p.profile.as_str(), p.connections, p.loss)).collect();
        assert_eq!(names, [("2g", 1, Some(0.02)), ("wifi", 2, None)]);
        assert_eq!(profiles[0].operations[0].0, "charge");
        assert!((895_000..905_000).contains(&profiles[0].operations[0].2));
    }

    #[test]
    fn a_run_on_one_real_network_has_no_profiles() {
        let records = Records { network: vec![connection("loopback", 100)], ..Records::default() };
        assert!(profiles(&records).is_empty());
    }
}
