//! The section that comes first: the verdicts on the scenario's thresholds.

use super::frame::table;
use crate::judgement::Document;
use crate::judgement::threshold::{Judged, Verdict};
use crate::text::escape;
use crate::text::{limit_text, metric_text};

/// Writes the verdict and one row a threshold and figure; nothing where the scenario names no thresholds.
pub(crate) fn section(document: &Document) -> String {
    let Some(overall) = document.verdict else { return String::new() };
    let verdicts = &document.thresholds;
    let counts = [Verdict::Passed, Verdict::Failed, Verdict::NotEnoughEvidence]
        .map(|verdict| format!("{} {}", verdicts.count(verdict), verdict.words()));
    let rows: Vec<_> = verdicts.0.iter().map(row).collect();
    format!(
        r#"<p class="verdict {}"><b>{}</b> {}</p>{}<p class="note">A rate or a percentile is judged by its 95 % interval: it passes when all of the interval is within the limit, fails when none of it is, and is open in between. Latencies over several links count as one a handset; those of one link (charge@4g) all count, as if independent.</p>"#,
        class(overall),
        sentence(overall),
        counts.join(", "),
        table(&["verdict", "threshold", "figure", "observed, 95 % interval, count", "note"], &rows)
    )
}

fn row(judged: &Judged) -> Vec<String> {
    let observed = judged.observed.as_ref().map_or_else(|| "–".to_owned(), metric_text);
    vec![
        format!(r#"<b class="{}">{}</b>"#, class(judged.verdict), judged.verdict.words()),
        escape(&limit_text(&judged.threshold)),
        escape(&judged.figure),
        escape(&observed),
        escape(&judged.note),
    ]
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Failed => "bad",
        Verdict::NotEnoughEvidence => "open",
    }
}

fn sentence(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "Passed.",
        Verdict::Failed => "Failed.",
        Verdict::NotEnoughEvidence => "Not enough evidence.",
    }
}
