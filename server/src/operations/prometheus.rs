//! The counters in Prometheus' text exposition format, version 0.0.4.

use crate::metrics::{BUCKETS_US, Snapshot};
use crate::service::Gauges;
use crate::store::Commits;
use std::fmt::{Display, Write as _};

/// Writes the counters and the gauges.
pub(crate) fn write(snapshot: &Snapshot, gauges: &Gauges, images_killed: u64) -> String {
    let mut text = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            head(&mut text, name, kind, help);
            line(&mut text, name, &[], value);
        }
    };
    one("biopay_uptime_seconds", "gauge", "Since the process began.", Some(snapshot.uptime_ms as f64 / 1e3));
    one("process_cpu_seconds_total", "counter", "User and system time.", snapshot.cpu_seconds);
    one("biopay_memory_bytes_max", "gauge", "The most that was resident.", snapshot.memory_bytes_max.map(|b| b as f64));
    one("biopay_connections_open", "gauge", "Open now.", Some(snapshot.connections_open as f64));
    let store = |count: fn(Commits) -> u64| snapshot.store.map(|store| count(store) as f64);
    let (commands, commits) = (store(|store| store.commands), store(|store| store.commits));
    one("biopay_store_commands_total", "counter", "Commands that the store wrote.", commands);
    one("biopay_store_commits_total", "counter", "Commits that they shared.", commits);
    for (name, help, count) in [
        ("connections", "Handshakes completed.", snapshot.connections_total),
        ("connections_refused", "Turned away before their handshake.", snapshot.connections_refused),
        ("connections_retried", "Asked to prove their address first.", snapshot.connections_retried),
        ("connections_displaced", "Closed without a login to make room for others.", snapshot.connections_displaced),
        ("handshakes_timed_out", "Took too long to complete.", snapshot.handshakes_timed_out),
        ("malformed_requests", "Could not be read.", snapshot.malformed),
        ("image_workers_killed", "Image readers killed at their deadline.", images_killed),
    ] {
        one(&format!("biopay_{name}_total"), "counter", help, Some(count as f64));
    }
    gauges_of(&mut text, gauges);
    operations(&mut text, snapshot);
    text
}

/// Writes what the server waits for. What is not known is left out, so that an alarm on its absence can tell.
fn gauges_of(text: &mut String, gauges: &Gauges) {
    let backlog = gauges.backlog;
    let bank = gauges.bank;
    for (name, help, value) in [
        ("biopay_payments_open", "Payments without an outcome.", backlog.map(|backlog| backlog.open as f64)),
        (
            "biopay_payments_open_oldest_seconds",
            "Since the oldest payment without an outcome began; 0 without any.",
            backlog.map(|_| gauges.oldest_open_s.unwrap_or(0.0)),
        ),
        (
            "biopay_suspense",
            "Approvals that came after their reversal.",
            backlog.map(|backlog| backlog.suspended as f64),
        ),
        ("biopay_bank_links", "Links to the bank that are configured.", Some(bank.links as f64)),
        ("biopay_bank_links_up", "Links on which the bank answers.", Some(bank.links_up as f64)),
        ("biopay_bank_waiting", "Requests that wait for the bank.", Some(bank.under_way as f64)),
        ("biopay_hashes_waiting", "Logins that wait for a turn to hash.", Some(gauges.hashes_waiting as f64)),
        ("biopay_store_waiting", "Commands that wait for the store.", gauges.store_waiting.map(|count| count as f64)),
        ("biopay_images_waiting", "Images that are read or wait for it.", Some(gauges.images_waiting as f64)),
        ("biopay_certificate_expires_seconds", "Until the certificate expires.", gauges.certificate_s),
    ] {
        if let Some(value) = value {
            head(text, name, "gauge", help);
            line(text, name, &[], value);
        }
    }
    head(text, "biopay_limited_keys", "gauge", "Accounts, sources and the like with failures that count, by limit.");
    for (limit, count) in &gauges.limits {
        line(text, "biopay_limited_keys", &[("limit", limit)], count);
    }
}

fn operations(text: &mut String, snapshot: &Snapshot) {
    let requests = "biopay_requests_total";
    head(text, requests, "counter", "Requests answered, by what was asked and what was answered.");
    for (operation, counters) in &snapshot.operations {
        for (outcome, count) in &counters.outcomes {
            line(text, requests, &[("operation", operation), ("outcome", outcome)], count);
        }
    }
    let latency = "biopay_request_seconds";
    head(text, latency, "histogram", "Time from a request read to its answer ready.");
    for (operation, counters) in &snapshot.operations {
        let mut below = 0;
        for (end, count) in BUCKETS_US.iter().zip(counters.buckets) {
            below += count;
            let end = (*end as f64 / 1e6).to_string();
            line(text, &format!("{latency}_bucket"), &[("operation", operation), ("le", &end)], below);
        }
        line(text, &format!("{latency}_bucket"), &[("operation", operation), ("le", "+Inf")], counters.count);
        let sum = counters.latency_us_mean * counters.count as f64 / 1e6;
        line(text, &format!("{latency}_sum"), &[("operation", operation)], sum);
        line(text, &format!("{latency}_count"), &[("operation", operation)], counters.count);
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

/// Writes one sample. Labels are names of ours, without anything that would have to be escaped.
fn line(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl Display) {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    let braced = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{name}{braced} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::system;
    use crate::metrics::Metrics;
    use std::time::Duration;

    #[test]
    fn every_line_is_a_comment_or_a_sample_under_its_type() {
        let metrics = Metrics::default();
        metrics.record("login", "logged-in", Duration::from_millis(3));
        metrics.record("login", "throttled", Duration::from_millis(1));
        let gauges = Gauges { limits: vec![("login", 3)], ..Gauges::default() };
        let text = write(&metrics.snapshot(&system::env(1, 1)), &gauges, 2);
        assert!(text.contains("biopay_requests_total{operation=\"login\",outcome=\"throttled\"} 1\n"), "{text}");
        assert!(text.contains("biopay_request_seconds_count{operation=\"login\"} 2\n"), "{text}");
        assert!(text.contains("biopay_request_seconds_bucket{operation=\"login\",le=\"0.001\"} 1\n"), "{text}");
        assert!(text.contains("biopay_request_seconds_bucket{operation=\"login\",le=\"+Inf\"} 2\n"), "{text}");
        assert!(text.contains("biopay_limited_keys{limit=\"login\"} 3\n"), "{text}");
        assert!(!text.contains("biopay_payments_open "), "what is not known is left out");
        assert!(text.contains("biopay_image_workers_killed_total 2\n"), "{text}");
        let mut typed = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                typed.push(rest.split(' ').next().unwrap());
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let name = sample.split('{').next().unwrap();
                assert!(value.parse::<f64>().is_ok() && typed.iter().any(|typed| name.starts_with(typed)), "{line}");
            }
        }
    }
}
