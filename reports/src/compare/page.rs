//! A comparison as a page: the tests as a table, error trade-offs and latencies of both runs in one chart each.

use super::difference::{Comparison, Difference, Finding, Side};
use super::text::{cells, conclusion, is_finding};
use crate::html::frame::{self, Plot, figure, table};
use crate::plot::{self, DetSeries, PLOTTED, latency_series};
use crate::records::Operation;
use crate::text::escape;
use hdrhistogram::Histogram;

/// The most runs of a side that are drawn, so that each line has a colour of its own.
const RUNS_DRAWN_MAX: usize = 3;

/// Writes the page of two runs, or of several runs on each side. Readable without its script.
pub fn page(comparison: &Comparison, first: &[Side], second: &[Side]) -> String {
    let runs = named(first, "A").chain(named(second, "B")).collect::<Vec<_>>();
    let cautions: String =
        comparison.cautions.iter().map(|c| format!(r#"<p class="partial">{}</p>"#, escape(c))).collect();
    let title = format!("Biopay comparison: {} against {}", comparison.second, comparison.first);
    let plots: String = trade_offs(&runs) + &latencies(&runs);
    let many = if first.len().max(second.len()) > RUNS_DRAWN_MAX {
        format!(r#"<p class="note">The plots show the first {RUNS_DRAWN_MAX} runs of each side.</p>"#)
    } else {
        String::new()
    };
    let body = format!(
        r#"<header><h1>{}</h1><p class="lead">A is {}, B is {}.</p>{cautions}</header><section id="differences"><h2>What changed?</h2><p>{}</p>{}</section><section id="overlays"><h2>Both runs in one plot</h2>{many}<div class="plots">{plots}</div></section>"#,
        escape(&title),
        escape(&comparison.first),
        escape(&comparison.second),
        conclusion(comparison),
        differences(comparison),
    );
    frame::document(&title, &body)
}

/// Names the drawn runs of one side: `A` for a single run, `A 1` to `A 3` for several.
fn named<'a>(sides: &'a [Side], letter: &str) -> impl Iterator<Item = (String, &'a Side)> {
    let name = |i: usize| if sides.len() == 1 { letter.to_owned() } else { format!("{letter} {}", i + 1) };
    sides.iter().take(RUNS_DRAWN_MAX).enumerate().map(move |(i, side)| (name(i), side)).collect::<Vec<_>>().into_iter()
}

/// Writes every figure with its test, the changed ones first.
fn differences(comparison: &Comparison) -> String {
    let (changed, other): (Vec<&Difference>, Vec<&Difference>) =
        comparison.differences.iter().partition(|d| is_finding(d));
    let row = |d: &&Difference| {
        let [first, second, change, interval, p] = cells(d).map(|cell| escape(&cell));
        vec![words(d.finding).to_owned(), escape(&d.name), first, second, change, interval, p]
    };
    let head = ["result", "figure", "A", "B", "change", "95 % interval of the change", "p, adjusted"];
    table(&head, &changed.iter().chain(&other).map(row).collect::<Vec<_>>())
}

/// Says in words what a test came to.
fn words(finding: Finding) -> &'static str {
    match finding {
        Finding::Greater => "<b>▲ greater</b>",
        Finding::Less => "<b>▼ less</b>",
        Finding::NotShown => "not shown",
        Finding::NotTested => "no test",
    }
}

/// Draws a detection error trade-off for each scheme that a run has scores of.
fn trade_offs(runs: &[(String, &Side)]) -> String {
    let mut schemes: Vec<&str> = Vec::new();
    for scheme in runs.iter().flat_map(|(_, side)| &side.schemes).filter(|s| s.scores.is_some()) {
        if !schemes.contains(&scheme.scheme.as_str()) {
            schemes.push(&scheme.scheme);
        }
    }
    let draw = |scheme: &&str| {
        let of = |(name, side): &'_ (String, &'_ Side)| {
            let found = side.schemes.iter().position(|s| s.scheme == **scheme)?;
            Some((name.clone(), found))
        };
        let found: Vec<(String, usize, &Side)> =
            runs.iter().filter_map(|run| of(run).map(|(name, index)| (name, index, run.1))).collect();
        let series: Vec<DetSeries<'_>> = found
            .iter()
            .map(|(name, index, side)| DetSeries { name, ..DetSeries::of(&side.schemes[*index]) })
            .collect();
        let caption = format!("Detection error trade-off of {}, with both rates' 95 % intervals.", escape(scheme));
        figure(&plot::det(&series), &caption, Plot::Plain)
    };
    schemes.iter().map(draw).collect()
}

/// Draws the latencies of each operation that a customer waits for.
fn latencies(runs: &[(String, &Side)]) -> String {
    let draw = |operation: &Operation| {
        let of = |side: &&'_ Side| side.latency.operation(operation.name()).filter(|h| !h.is_empty()).cloned();
        let found: Vec<(&str, Histogram<u64>)> =
            runs.iter().filter_map(|(name, side)| Some((name.as_str(), of(side)?))).collect();
        let series: Vec<(&str, &Histogram<u64>)> = found.iter().map(|(name, h)| (*name, h)).collect();
        if series.is_empty() {
            return String::new();
        }
        let title = format!("latency of {} by percentile", operation.name());
        figure(&latency_series(&title, &series), &format!("Latency of {} by quantile.", operation.name()), Plot::Zoomed)
    };
    PLOTTED.iter().map(draw).collect()
}
