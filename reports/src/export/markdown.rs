//! The verdicts and the figures of a run as Markdown, for a pull request.

use crate::figures::metric::Metric;
use crate::judgement::Document;
use crate::judgement::threshold::Verdict;
use crate::text::{limit_text, metric_text};
use std::fmt::Write;

/// The figures that a reviewer asks for first; the rest are folded away.
const FIRST: [&str; 9] = ["fmr", "fnmr", "far", "frr", "rate", "p50", "p99", "throughput", "violations"];

/// Writes a heading with the verdict, a table of thresholds, and the figures.
pub fn markdown(document: &Document) -> String {
    let run = &document.run;
    let verdict = document.verdict.map_or("no thresholds", Verdict::words);
    let mut out = format!("### {}: {verdict}\n\n", cell(&run.scenario));
    let partial = if run.complete { "" } else { ", **part of a run**" };
    let _ = writeln!(out, "{} handsets, {} clock, seed {}{partial}\n", run.handsets, run.clock, run.seed);
    if !document.thresholds.0.is_empty() {
        out.push_str("| verdict | threshold | figure | observed, 95 % interval | |\n|---|---|---|---|---|\n");
        for j in &document.thresholds.0 {
            let observed = j.observed.as_ref().map_or_else(|| "–".to_owned(), metric_text);
            let cells = [j.verdict.words(), &limit_text(&j.threshold), &j.figure, &observed, &j.note].map(cell);
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        out.push('\n');
    }
    let is_first = |m: &&Metric| m.name.rsplit('.').next().is_some_and(|last| FIRST.contains(&last));
    table(&mut out, document.figures.iter().filter(is_first));
    let _ = writeln!(out, "\n<details><summary>All {} figures</summary>\n", document.figures.len());
    table(&mut out, document.figures.iter());
    let _ = writeln!(out, "\n</details>\n\n`{}`", run.command.replace('`', "'"));
    out
}

fn table<'a>(out: &mut String, figures: impl Iterator<Item = &'a Metric>) {
    out.push_str("| figure | value, 95 % interval, count |\n|---|---|\n");
    for m in figures {
        let _ = writeln!(out, "| {} | {} |", cell(&m.name), cell(&metric_text(m)));
    }
}

/// Writes text so that it stays in its cell and is not read as markup.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_in_its_cell() {
        assert_eq!(cell("a|b\n<c>"), "a\\|b &lt;c>");
    }
}
