//! The section on speed: latency by percentile, what went on when, and where the knee is.

use super::frame::{Plot, figure, table};
use crate::plot::{self, Chart};
use crate::records::Operation;
use crate::run_folder::knee::{Knee, Step};
use crate::run_folder::latency::LatencyRecorder;
use crate::summary::Timeline;
use crate::summary::{LatencyEstimate, Summary};
use crate::text::escape;
use crate::text::{duration, grouped};

/// Writes latency percentiles, and throughput, errors and open handsets over time.
pub(crate) fn section(summary: &Summary, latency: &LatencyRecorder) -> String {
    let mut plots = figure(
        &plot::latency_percentiles(latency),
        "Latency by quantile; the axis gives each further nine the same width.",
        Plot::Zoomed,
    );
    for (_, chart, caption) in timelines(&summary.timeline) {
        plots.push_str(&figure(&chart, &caption, Plot::Zoomed));
    }
    format!(r#"{}<div class="plots">{plots}</div>"#, latencies(summary))
}

fn latencies(summary: &Summary) -> String {
    let us = |v: u64| duration(v as f64);
    let rows = summary.latencies.iter().filter(|l| l.is_whole()).map(|l| {
        let intended = l.intended.map_or("–".into(), |i| us(i.p99_us));
        let estimated =
            ["mean", "p50", "p90", "p99", "p999"].map(|word| l.estimate(word).map_or("–".into(), estimate_cell));
        let method = l.estimate("p50").map_or("", |estimate| estimate.method.words());
        let cells = estimated.into_iter().chain([us(l.max_us), intended, method.to_owned()]);
        [escape(&l.operation), grouped(l.count)].into_iter().chain(cells).collect()
    });
    let head = ["operation", "count", "mean", "p50", "p90", "p99", "p99.9", "max", "p99 from intended", "method"];
    table(&head, &rows.collect::<Vec<_>>())
}

/// Prints a percentile with its interval in small print.
fn estimate_cell(estimate: &LatencyEstimate) -> String {
    let bound = |us: Option<f64>| us.map_or_else(|| "–".to_owned(), duration);
    let (lower, upper) = (bound(estimate.lower95_us), bound(estimate.upper95_us));
    format!("{}<small>[{lower}, {upper}]</small>", duration(estimate.value_us))
}

/// Draws what went on over time: name, plot and caption.
pub(crate) fn timelines(t: &Timeline) -> [(&'static str, Chart, String); 3] {
    let rate = |counts: &[u64]| counts.iter().map(|&n| n as f64 / t.bin_s as f64).collect::<Vec<f64>>();
    let each = if t.bin_s == 1 { "second".to_owned() } else { format!("{} of the run", bin_words(t.bin_s)) };
    let total = |counts: &[u64]| grouped(counts.iter().sum());
    let throughput = [(Operation::Charge.name(), 0, rate(&t.charges)), (Operation::Login.name(), 2, rate(&t.logins))];
    let errors = [("failed", 1, rate(&t.faults)), ("refused", 4, rate(&t.refusals))];
    [
        (
            "throughput",
            plot::timeline("logins and charges over time", "per second", t.bin_s, &throughput),
            format!("Logins and charges that finished, a mean over each {each}."),
        ),
        (
            "errors",
            plot::timeline("errors over time", "per second", t.bin_s, &errors),
            format!(
                "Transactions without their aim, over each {each}: {} failed for want of the server, the bank or the network; {} were refused or given up.",
                total(&t.faults),
                total(&t.refusals)
            ),
        ),
        (
            "open-handsets",
            plot::timeline("open handsets over time", "handsets", t.bin_s, &[("within a transaction", 5, t.open())]),
            format!("Handsets within a transaction, what their users took included: a mean over each {each}."),
        ),
    ]
}

fn bin_words(seconds: u64) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// Writes what a search for the knee found.
pub(crate) fn knee(knee: Option<&Knee>) -> String {
    let Some(knee) = knee else { return String::new() };
    let ms = |v: f64| duration(v * 1e3);
    let row = |s: &Step| {
        vec![
            format!("{:.0}", s.offered_per_s),
            format!("{:.0}", s.charged_per_s),
            ms(s.p50_ms),
            ms(s.p99_ms),
            format!("{}/{}", grouped(s.failed), grouped(s.payments)),
            ms(s.lag_p99_ms),
            s.verdict.words().into(),
        ]
    };
    let mut steps: Vec<&Step> = knee.steps.iter().collect();
    steps.sort_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
    let head = ["offered/s", "charged/s", "p50", "p99", "failed", "generator late, p99", "verdict"];
    format!(
        r#"<p><b>{}</b> A rate is held while the 99th percentile of a payment, from its intended start and without the user's own time, is at most {}. Each step is an open loop of its own; this report is of the highest that held.</p><div class="plots">{}</div>{}"#,
        knee.sentence(),
        ms(knee.objective_ms),
        figure(
            &plot::knee(knee),
            "Median and 99th percentile over the offered rate; a ring is a rate that was not held.",
            Plot::Plain,
        ),
        table(&head, &steps.into_iter().map(row).collect::<Vec<_>>())
    )
}
