//! Each plot of the report as a file of its own.

use crate::html::performance::timelines;
use crate::plot::{self, Chart, DetSeries};
use crate::run_folder::Records;
use crate::run_folder::knee::Knee;
use crate::summary::Summary;

/// The report's style sheet, so that a plot alone looks as it does in the report, in light and dark.
const STYLE: &str = include_str!("../style.css");

/// Draws every plot, with a file's name without extension.
pub fn plots(summary: &Summary, records: &Records, knee: Option<&Knee>) -> Vec<(String, Chart)> {
    let mut out = Vec::new();
    let series: Vec<DetSeries<'_>> = summary.schemes.iter().map(DetSeries::of).collect();
    if !series.is_empty() {
        out.push(("det".to_owned(), plot::det(&series)));
    }
    for s in &summary.schemes {
        if let Some(scores) = &s.scores {
            let threshold = summary.threshold(&s.scheme);
            out.push((format!("scores-{}", s.scheme), plot::score_histogram(scores, threshold)));
            out.push((format!("error-rates-{}", s.scheme), plot::error_rates(scores)));
        }
    }
    out.push(("latency".to_owned(), plot::latency_percentiles(&records.latency)));
    out.extend(timelines(&summary.timeline).map(|(name, chart, _)| (name.to_owned(), chart)));
    out.extend(knee.map(|knee| ("knee".to_owned(), plot::knee(knee))));
    out
}

/// Writes a plot as an SVG document.
pub fn svg_document(chart: &Chart) -> String {
    let element =
        chart.svg().replacen("<svg ", r#"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" "#, 1);
    match element.split_once('>') {
        Some((head, rest)) => {
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{head}><style>{STYLE}</style>{rest}\n")
        }
        None => element,
    }
}
