//! Figures of one build after the other, a JSON object a line: what a performance engineer keeps beside a repository.
//!
//! ```text
//! {"label":"4f2a1c0","figures":{"charge@4g.p50":69123.0,"bytes.per-charge":10422.5,"instructions.derive":8123456.0}}
//! ```

use crate::error::Error;
use crate::figures::metric::Unit;
use crate::judgement::threshold::unit_of;
use crate::plot::{Axis, Chart, Scale};
use crate::text::escape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

const STYLE: &str = include_str!("style.css");
/// Names under the horizontal axis, at most.
const LABELS_MAX: usize = 8;

/// The figures of one build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The build: a commit, a version.
    pub label: String,
    /// Figures by their names.
    pub figures: BTreeMap<String, f64>,
}

/// Adds a line to a history, which is made where there is none.
pub fn append(path: &Path, entry: &Entry) -> Result<(), Error> {
    let line = serde_json::to_string(entry).map_err(|source| Error::Manifest { path: path.to_owned(), source })?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(Error::file(path))?;
    file.write_all(format!("{line}\n").as_bytes()).map_err(Error::file(path))
}

/// Reads a history, the oldest first. Entries of one label that follow each other are one build's.
///
/// # Errors
/// [`Error::Manifest`] for a line that is not an entry.
pub fn read(path: &Path) -> Result<Vec<Entry>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    let mut out: Vec<Entry> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let entry: Entry =
            serde_json::from_str(line).map_err(|source| Error::Manifest { path: path.to_owned(), source })?;
        match out.last_mut().filter(|last| last.label == entry.label) {
            Some(last) => last.figures.extend(entry.figures),
            None => out.push(entry),
        }
    }
    Ok(out)
}

/// Lists the names of all figures that any entry has.
pub fn names(entries: &[Entry]) -> Vec<String> {
    let mut names: Vec<String> = entries.iter().flat_map(|entry| entry.figures.keys().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

/// Draws one figure over the builds.
pub fn chart(entries: &[Entry], name: &str) -> Chart {
    let unit = unit(name);
    let points: Vec<(f64, f64)> =
        entries.iter().enumerate().filter_map(|(i, e)| Some((i as f64, shown(*e.figures.get(name)?, unit)))).collect();
    let (low, high) = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.1), h.max(p.1)));
    // A change of 1 % is to be seen, and noise far below it is not to look like one.
    let middle = if low <= high { (low + high) / 2.0 } else { 0.0 };
    let half = ((high - low) / 2.0 * 1.2).max(middle.abs() * 0.02).max(f64::MIN_POSITIVE);
    let last = entries.len().saturating_sub(1);
    let step = entries.len().div_ceil(LABELS_MAX).max(1);
    let ticks = (0..entries.len()).filter(|i| i % step == 0).map(|i| (i as f64, short(&entries[i].label))).collect();
    let x = Axis::new(Scale::Linear, -0.5, last as f64 + 0.5, "build").with_ticks(ticks);
    let y = Axis::new(Scale::Linear, middle - half, middle + half, unit_label(unit));
    let mut chart = Chart::new(name, x, y);
    chart.line(&points, 0);
    points.iter().for_each(|&(x, y)| chart.dot(x, y, 0));
    chart
}

/// Writes a page with a chart a figure. Readable without scripts.
pub fn page(title: &str, entries: &[Entry], names: &[String]) -> String {
    let figures: String = names.iter().map(|name| figure(entries, name)).collect();
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{STYLE}</style></head><body><main><header><h1>{title}</h1><p class="lead">{} builds.</p></header><div class="plots">{figures}</div></main></body></html>
"#,
        entries.len(),
        title = escape(title),
    )
}

fn figure(entries: &[Entry], name: &str) -> String {
    let values: Vec<f64> = entries.iter().filter_map(|entry| entry.figures.get(name)).copied().collect();
    let change = match (values.iter().rev().nth(1), values.last()) {
        (Some(before), Some(now)) if *before != 0.0 => {
            format!(", {:+.2} % on the one before", (now / before - 1.0) * 100.0)
        }
        _ => String::new(),
    };
    let last = values.last().map_or_else(String::new, |value| crate::text::value(*value, unit(name)));
    let (svg, name) = (chart(entries, name).svg(), escape(name));
    format!("<figure>{svg}<figcaption><b>{name}</b>: {last} at last{change}.</figcaption></figure>")
}

fn unit(name: &str) -> Unit {
    if name.starts_with("instructions.") { Unit::Count } else { unit_of(name.rsplit('.').next().unwrap_or(name)) }
}

fn unit_label(unit: Unit) -> &'static str {
    match unit {
        Unit::Fraction => "percent",
        Unit::Microseconds => "milliseconds",
        Unit::Count => "count",
        Unit::PerSecond => "per second",
    }
}

fn shown(value: f64, unit: Unit) -> f64 {
    match unit {
        Unit::Fraction => value * 100.0,
        Unit::Microseconds => value / 1e3,
        Unit::Count | Unit::PerSecond => value,
    }
}

/// Shortens a commit to what tells commits apart.
fn short(label: &str) -> String {
    label.chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(label: &str, figures: &[(&str, f64)]) -> Entry {
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Entry { label: label.into(), figures }
    }

    #[test]
    fn lines_are_appended_and_those_of_one_build_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.ndjson");
        for e in [
            entry("a", &[("charge.p50", 4e3)]),
            entry("a", &[("bytes.per-charge", 9.5)]),
            entry("b", &[("charge.p50", 5e3)]),
        ] {
            append(&path, &e).unwrap();
        }
        let read = read(&path).unwrap();
        assert_eq!((read.len(), names(&read)), (2, vec!["bytes.per-charge".to_owned(), "charge.p50".to_owned()]));
        let page = page("t<", &read, &names(&read));
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(page.contains("5.00 ms at last, +25.00 % on the one before") && page.contains("t&lt;"), "{page}");
        assert!(!page.contains("NaN") && !page.contains("inf"));
        std::fs::write(&path, "no entry\n").unwrap();
        assert!(matches!(super::read(&path), Err(Error::Manifest { .. })));
    }

    #[test]
    fn an_empty_history_draws_without_a_nan() {
        assert!(!chart(&[], "charge.p50").svg().contains("NaN"));
    }
}
