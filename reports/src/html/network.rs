//! The section on what each link profile cost.

use super::frame::table;
use crate::records::Operation;
use crate::summary::Summary;
use crate::summary::network::ProfileSummary;
use crate::text::escape;
use crate::text::{duration, grouped, percent};

/// Writes a row a profile: its connections, and what its handsets waited for.
pub(crate) fn section(summary: &Summary) -> String {
    if summary.network.is_empty() {
        return String::new();
    }
    let head = [
        "link",
        "connections",
        "round trip",
        "datagrams lost",
        "sent / received",
        "connect p50 / p99",
        "charge p50 / p99",
        "payment p50 / p99",
    ];
    let rows: Vec<_> = summary.network.iter().map(row).collect();
    format!(
        "<p>Bytes are means of a connection. Latencies are those of the handsets on each link; a payment is everything from its start to the receipt but what the user took. The patent asks for a network of 2G or better (¶19): what that costs is the difference between the rows.</p>{}",
        table(&head, &rows)
    )
}

fn row(p: &ProfileSummary) -> Vec<String> {
    let operation = |wanted: Operation| {
        let found = p.operations.iter().find(|(operation, ..)| *operation == wanted);
        found.map_or("–".into(), |(_, _, p50, p99)| format!("{} / {}", duration(*p50 as f64), duration(*p99 as f64)))
    };
    vec![
        escape(&p.profile),
        grouped(p.connections),
        duration(p.round_trip_p50_us as f64),
        p.loss.map_or("–".into(), percent),
        format!("{:.1} / {:.1} kB", p.sent_bytes / 1e3, p.received_bytes / 1e3),
        operation(Operation::Connect),
        operation(Operation::Charge),
        operation(Operation::Payment),
    ]
}
