//! The section on what each link profile cost.

use super::figures::{duration, grouped, percent};
use super::sections::table;
use crate::network::ProfileSummary;
use crate::plot::escape;
use crate::summary::Summary;

/// Writes a row a profile: its connections, and what its handsets waited for.
pub fn section(summary: &Summary) -> String {
    if summary.network.is_empty() {
        return String::new();
    }
    let head = [
        "link",
        "connections",
        "round trip",
        "datagrams lost",
        "sent a connection",
        "received",
        "connect p50 / p99",
        "charge p50 / p99",
        "payment p50 / p99",
    ];
    let rows: Vec<_> = summary.network.iter().map(row).collect();
    format!(
        "<p>Latencies of the handsets on each link; a payment is everything from its start to the receipt but what the user took. The patent asks for a network of 2G or better (¶19): what that costs is the difference between the rows.</p>{}",
        table(&head, &rows)
    )
}

fn row(p: &ProfileSummary) -> Vec<String> {
    let operation = |name: &str| {
        let found = p.operations.iter().find(|(operation, ..)| operation == name);
        found.map_or("–".into(), |(_, _, p50, p99)| format!("{} / {}", duration(*p50 as f64), duration(*p99 as f64)))
    };
    let kilobytes = |bytes: f64| format!("{:.1} kB", bytes / 1e3);
    vec![
        escape(&p.profile),
        grouped(p.connections),
        duration(p.round_trip_p50_us as f64),
        p.loss.map_or("–".into(), percent),
        kilobytes(p.sent_bytes),
        kilobytes(p.received_bytes),
        operation("connect"),
        operation("charge"),
        operation("payment"),
    ]
}
