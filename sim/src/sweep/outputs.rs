//! The outputs of a sweep: one table as CSV and Parquet, and one page.

use super::plan::{Planned, SweepPlan};
use crate::Error;
use biopay_reports::export::Document;
use biopay_reports::records::Operation;
use biopay_reports::sweep::{Point, csv, page, write_parquet};
use biopay_reports::{RunReader, metric};
use std::path::Path;

/// The ends of the names of the figures that are drawn by default.
const DRAWN: [&str; 6] = ["fmr", "fnmr", "far", "frr", "p99", "throughput"];
/// The operations whose latency is drawn.
const DRAWN_OPERATIONS: [Operation; 2] = [Operation::Charge, Operation::Login];

/// Writes `sweep.csv`, `sweep.parquet` and `sweep.html` of the points that are finished.
pub(super) fn write(plan: &SweepPlan, out: &Path) -> Result<(), Error> {
    let folder = out.join("points");
    let finished = plan.points.iter().filter(|point| point.is_finished(&folder));
    let points = finished.map(|point| read(point, &folder)).collect::<Result<Vec<_>, _>>()?;
    let write = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(Error::file(path))
    };
    write("sweep.csv", csv(&plan.keys, &points))?;
    write_parquet(&out.join("sweep.parquet"), &plan.keys, &points)?;
    let drawn = drawn(plan, &points);
    write("sweep.html", page(&format!("Sweep: {}", plan.name), &plan.keys, &points, &drawn))
}

fn read(point: &Planned, folder: &Path) -> Result<Point, Error> {
    let run = RunReader::open(&point.run_folder(folder))?;
    let document = Document::read(&run)?;
    Ok(Point {
        name: point.name.clone(),
        settings: point.settings.clone(),
        seed: point.scenario.seed,
        verdict: document.verdict,
        figures: document.figures,
    })
}

/// Lists the full names of the figures to draw, in the order in which runs have them.
fn drawn(plan: &SweepPlan, points: &[Point]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in points.iter().flat_map(|p| p.figures.iter().map(|m| &m.name)) {
        if is_drawn(&plan.figures, name) && !out.contains(name) {
            out.push(name.clone());
        }
    }
    out
}

fn is_drawn(named: &[String], figure: &str) -> bool {
    if !named.is_empty() {
        return named.iter().any(|words| metric::is_meant(words.split('.').rev(), figure));
    }
    let Some((first, last)) = figure.rsplit_once('.') else { return false };
    let is_operation = last == "p99" || last == "throughput";
    DRAWN.contains(&last) && (!is_operation || DRAWN_OPERATIONS.iter().any(|operation| first == *operation))
}
