//! `biopay history`: figures of successive builds.

use crate::Error;
use biopay_reports::RunReader;
use biopay_reports::export::Document;
use biopay_reports::history::{self, Entry};
use biopay_reports::metric::{PER_CHARGE, is_meant};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Records the figures of successive builds, one JSON object on each line, and plots them.
#[derive(Subcommand)]
pub(super) enum HistoryCommand {
    /// Adds a run's figures to a history.
    Add(AddArgs),
    /// Writes a page with a chart for each figure over the builds.
    Plot(PlotArgs),
}

const ADD_EXAMPLES: &str = "Examples:
  biopay history add runs/nightly --file history.ndjson --label 4f2a1c0
  biopay history add runs/nightly --file history.ndjson --label 4f2a1c0 --figure charge.p99 --figure fmr

`cargo bench -p biopay-sim --bench instructions -- --save history.ndjson --label 4f2a1c0` adds instruction counts.";

/// Adds a run's figures to a history.
#[derive(Args)]
#[command(after_help = ADD_EXAMPLES)]
pub(super) struct AddArgs {
    /// The run folder.
    run: PathBuf,
    /// The history file; it is created if it does not exist.
    #[arg(long)]
    file: PathBuf,
    /// The name of the build: a commit or a version.
    #[arg(long)]
    label: String,
    /// A figure to record, by the end of its name; may be repeated. Default: the cost of a charge and the quantiles of
    /// charges.
    #[arg(long)]
    figure: Vec<String>,
}

/// Writes a page with a chart for each figure.
#[derive(Args)]
pub(super) struct PlotArgs {
    /// The history.
    file: PathBuf,
    /// The page.
    #[arg(long, default_value = "history.html")]
    out: PathBuf,
}

pub(super) fn execute(command: &HistoryCommand) -> Result<(), Error> {
    match command {
        HistoryCommand::Add(args) => add(args),
        HistoryCommand::Plot(args) => plot(args),
    }
}

fn add(args: &AddArgs) -> Result<(), Error> {
    let usual = [PER_CHARGE, "charge.p50", "charge.p99", "payment.p99", "charge.throughput"].map(String::from);
    let wanted = if args.figure.is_empty() { &usual[..] } else { &args.figure };
    let document = Document::read(&RunReader::open(&args.run)?)?;
    let is_wanted = |name: &str| wanted.iter().any(|figure| is_meant(figure.split('.').rev(), name));
    let figures = document.figures.iter().filter(|m| is_wanted(&m.name)).map(|m| (m.name.clone(), m.value));
    let entry = Entry { label: args.label.clone(), figures: figures.collect() };
    if entry.figures.is_empty() {
        return Err(Error::Usage(format!("the run has no figure that ends in {}", wanted.join(", "))));
    }
    history::append(&args.file, &entry)?;
    println!("{} figures of {} added to {}", entry.figures.len(), entry.label, args.file.display());
    Ok(())
}

fn plot(args: &PlotArgs) -> Result<(), Error> {
    let entries = history::read(&args.file)?;
    let title = format!("History: {}", args.file.display());
    std::fs::write(&args.out, history::page(&title, &entries, &history::names(&entries)))
        .map_err(Error::file(&args.out))?;
    println!("{}", args.out.display());
    Ok(())
}
