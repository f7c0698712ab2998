//! A comparison as text for a terminal, and as Markdown.

use super::difference::{Comparison, Difference, Finding};
use crate::figures::metric::{Metric, Unit};
use crate::text::{percent, value};
use std::fmt::Write;

/// Writes the figures that changed, and how many did not; with `all`, every figure.
pub fn terminal(comparison: &Comparison, all: bool) -> String {
    let mut out = format!("A  {}\nB  {}\n", comparison.first, comparison.second);
    for caution in &comparison.cautions {
        let _ = writeln!(out, "!  {caution}");
    }
    let shown: Vec<_> = comparison.differences.iter().filter(|d| all || is_finding(d)).collect();
    if !shown.is_empty() {
        let _ = writeln!(
            out,
            "\n  {:<36} {:>12} {:>12} {:>9}  {:<24} {:>8}",
            "figure", "A", "B", "change", "95 % interval", "p"
        );
    }
    for d in shown {
        let [first, second, change, interval, p] = cells(d);
        let mark = mark(d.finding);
        let _ = writeln!(out, "{mark} {:<36} {first:>12} {second:>12} {change:>9}  {interval:<24} {p:>8}", d.name);
    }
    let _ = writeln!(out, "\n{}", conclusion(comparison));
    out
}

/// Writes the changes as a table, every figure folded away below it.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = format!("### {} against {}\n\n", comparison.second, comparison.first);
    for caution in &comparison.cautions {
        let _ = writeln!(out, "> {caution}\n");
    }
    let _ = writeln!(out, "{}\n", conclusion(comparison));
    let findings: Vec<_> = comparison.differences.iter().filter(|d| is_finding(d)).collect();
    if !findings.is_empty() {
        table(&mut out, &findings);
    }
    let _ = writeln!(out, "\n<details><summary>All {} figures</summary>\n", comparison.differences.len());
    table(&mut out, &comparison.differences.iter().collect::<Vec<_>>());
    out.push_str("\n</details>\n");
    out
}

fn table(out: &mut String, rows: &[&Difference]) {
    out.push_str("| | figure | A | B | change | 95 % interval | p, adjusted |\n|---|---|--:|--:|--:|---|--:|\n");
    for d in rows {
        let [first, second, change, interval, p] = cells(d);
        let _ =
            writeln!(out, "| {} | {} | {first} | {second} | {change} | {interval} | {p} |", mark(d.finding), d.name);
    }
}

pub(super) fn is_finding(difference: &Difference) -> bool {
    matches!(difference.finding, Finding::Greater | Finding::Less)
}

pub(super) fn mark(finding: Finding) -> char {
    match finding {
        Finding::Greater => '▲',
        Finding::Less => '▼',
        Finding::NotShown => '=',
        Finding::NotTested => ' ',
    }
}

pub(super) fn cells(d: &Difference) -> [String; 5] {
    let shown = |metric: Option<&Metric>| metric.map_or("–".to_owned(), |m| value(m.value, d.unit));
    let change = match (d.relative(), d.change) {
        (Some(relative), _) => format!("{:+.1} %", relative * 100.0),
        (None, Some(change)) => signed(change, d.unit),
        (None, None) => "–".to_owned(),
    };
    let interval = d.change95.map_or(String::new(), |(low, high)| {
        match d.first.as_ref().filter(|m| d.is_latency() && m.value > 0.0) {
            Some(first) => format!("[{:+.1} %, {:+.1} %]", low / first.value * 100.0, high / first.value * 100.0),
            None => format!("[{}, {}]", signed(low, d.unit), signed(high, d.unit)),
        }
    });
    let p = d.p_adjusted.map_or(String::new(), |p| if p < 1e-3 { "<0.001".into() } else { format!("{p:.3}") });
    [shown(d.first.as_ref()), shown(d.second.as_ref()), change, interval, p]
}

fn signed(change: f64, unit: Unit) -> String {
    let sign = if change < 0.0 { "-" } else { "+" };
    format!("{sign}{}", value(change.abs(), unit))
}

pub(super) fn conclusion(comparison: &Comparison) -> String {
    let count = |finding| comparison.differences.iter().filter(|d| d.finding == finding).count();
    let changed = count(Finding::Greater) + count(Finding::Less);
    let tested = changed + count(Finding::NotShown);
    format!(
        "{changed} of {tested} tested figures changed (5 % chance of any false alarm among them, latencies by more than {}); {} figures have no test.",
        percent(comparison.noise),
        count(Finding::NotTested)
    )
}
