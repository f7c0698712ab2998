//! The HTML report: one self-contained file, readable without scripts, in light and dark and on paper; with
//! its own script, tables are sorted, plots say their values and a slider moves the threshold.

mod attacks;
mod cases;
mod explore;
pub(crate) mod frame;
mod network;
pub(crate) mod performance;
mod samples;
mod sections;
mod verdict;

use crate::error::Error;
use crate::judgement::Document;
use crate::run_folder::knee::Knee;
use crate::run_folder::samples::{self as pictures, Picture};
use crate::run_folder::{Records, RunReader};
use crate::summary::Summary;
use crate::text::escape;
pub use crate::text::{needed_text, rate as rate_text, rate_with_method, security_text, selected_text};
use std::collections::BTreeSet;

/// Builds the report of a run folder, with the search that the run was a step of where there was one.
pub fn report(run: &RunReader, knee: Option<&Knee>) -> Result<String, Error> {
    let (summary, records) = Summary::read(run)?;
    let document = Document::new(&summary)?;
    page_of(run, &summary, &records, &document, knee)
}

/// Builds the report of a run whose records have been read and summed up.
pub fn page_of(
    run: &RunReader,
    summary: &Summary,
    records: &Records,
    document: &Document,
    knee: Option<&Knee>,
) -> Result<String, Error> {
    let shown = pictures::read(run.folder())?;
    let cases = crate::run_folder::cases::read(run.folder(), cases::CASES_MAX)?;
    let wanted: BTreeSet<_> = cases.iter().map(|(case, _)| (case.handset, case.intended_start_us)).collect();
    let cases = cases::section(summary, &run.transactions_of(&wanted)?, &cases);
    Ok(page(summary, records, document, cases, performance::knee(knee), &shown))
}

fn page(
    summary: &Summary,
    records: &Records,
    document: &Document,
    cases: String,
    knee: String,
    pictures: &[Picture],
) -> String {
    let title = format!("Biopay run: {}", summary.manifest.scenario_name);
    let sections = [
        ("verdict", "Verdict", verdict::section(document)),
        ("figures", "At a glance", sections::at_a_glance(summary)),
        ("comparison", "Is the wrong person accepted?", sections::comparison(summary)),
        ("payments", "Payments, per transaction", sections::payments(summary)),
        ("threats", "Threat model", attacks::threat_model(summary)),
        ("attacks", "Attacks", attacks::section(summary)),
        ("cases", "False accepts, one by one", cases),
        ("performance", "How fast?", performance::section(summary, &records.latency)),
        ("knee", "The knee", knee),
        ("network", "What the network costs", network::section(summary)),
        ("patent", "The patent's steps in this run", sections::patent(summary)),
        ("samples", "Samples and their QR symbols", samples::section(pictures)),
        ("symbols", "What a payload costs as a symbol", sections::symbols(summary)),
        ("server", "Server and bank", sections::server(summary)),
        ("run", "This run", sections::run(summary)),
    ];
    let filled: Vec<_> = sections.iter().filter(|(_, _, body)| !body.is_empty()).collect();
    let links: String = filled.iter().map(|(id, name, _)| format!(r##"<a href="#{id}">{name}</a>"##)).collect();
    let body: String = filled
        .iter()
        .map(|(id, name, body)| format!(r#"<section id="{id}"><h2>{name}</h2>{body}</section>"#))
        .collect();
    let data = explore::data(summary);
    frame::document(
        &title,
        &format!(
            r#"<header><h1>{}</h1>{}</header><nav aria-label="Sections">{links}</nav>{body}{data}"#,
            escape(&title),
            sections::lead(summary),
        ),
    )
}
