//! Each plot of the report as an SVG file of its own.

use crate::plot::{self, DetSeries};
use crate::run_folder::Records;
use crate::summary::Summary;

/// The report's style sheet, so that a plot alone looks as it does in the report, in light and dark.
const STYLE: &str = include_str!("../style.css");

/// Draws every plot: file names without extension, and SVG documents.
pub fn plots(summary: &Summary, records: &Records) -> Vec<(String, String)> {
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
    let lines: Vec<_> = records.latency.operations().filter(|(name, _)| plot::PLOTTED.contains(name)).collect();
    out.push(("latency".to_owned(), plot::latency_percentiles(&lines)));
    let series: Vec<_> = summary.throughput.iter().map(|t| (t.operation.as_str(), t.by_second.as_slice())).collect();
    out.push(("throughput".to_owned(), plot::timeline(&series)));
    out.into_iter().map(|(name, svg)| (name, alone(&svg))).collect()
}

/// Makes a document of an `<svg>` element.
pub(crate) fn alone(svg: &str) -> String {
    let element = svg.replacen("<svg ", r#"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" "#, 1);
    match element.split_once('>') {
        Some((head, rest)) => {
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{head}><style>{STYLE}</style>{rest}\n")
        }
        None => element,
    }
}
