//! `biopay report`, and how every run ends: summary, report, verdict.

use super::folder::{Input, Output};
use super::show::{Shown, style};
use crate::Error;
use crate::cluster::bucket::Place;
use biopay_reports::export::{self, Document};
use biopay_reports::knee::Knee;
use biopay_reports::threshold::Verdict;
use biopay_reports::{RunReader, Summary, html, terminal};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay report runs/quickstart-1
  biopay report runs/quickstart-1 --out report.html
  biopay report runs/quickstart-1 --open
  biopay report runs/quickstart-1 --format markdown          for a pull request, on the standard output
  biopay report runs/quickstart-1 --format junit --out junit.xml
  biopay report runs/quickstart-1 --format plots --out plots       each plot as an SVG file
  biopay report runs/quickstart-1 --format plots --png             and as a PNG
  biopay report s3://runs/whole --out report.html            with the feature s3
  biopay report --print-schema                               the JSON Schema of --format json";

/// Writes a run's report again, or its figures for other programs, from its records alone.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArgs {
    /// The run folder, or `s3://BUCKET/PREFIX` for a run in an object store.
    #[arg(required_unless_present = "print_schema")]
    run: Option<PathBuf>,
    /// The output file, or the folder of plots; default: `report.html` or `plots` in the run folder, and the standard
    /// output for text.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The output format.
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// With `--format plots`: PNG files of 1,280 by 720 pixels instead of SVG.
    #[arg(long)]
    png: bool,
    /// Opens the HTML report in the browser.
    #[arg(long)]
    open: bool,
    /// Prints the JSON Schema of `summary.json` and exits.
    #[arg(long)]
    print_schema: bool,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One HTML page for people.
    Html,
    /// Figures and verdicts, under a published schema.
    Json,
    /// One figure on each line.
    Csv,
    /// Thresholds as test cases, for continuous integration.
    Junit,
    /// Verdicts and figures for a pull request.
    Markdown,
    /// Each plot as an SVG file, or as a PNG with `--png`.
    Plots,
}

pub(super) fn execute(args: &ReportArgs) -> Result<(), Error> {
    let Some(folder) = args.run.as_ref().filter(|_| !args.print_schema) else {
        println!("{:#}", export::schema());
        return Ok(());
    };
    if args.png && args.format != Format::Plots {
        return Err(Error::Usage("--png needs --format plots".into()));
    }
    if let Some(out) = &args.out {
        Place::here(out, "a report is written to this machine")?;
    }
    let input = Input::open(folder)?;
    let folder = input.folder();
    if input.is_temporary() && args.out.is_none() && matches!(args.format, Format::Html | Format::Plots) {
        return Err(Error::Usage(
            "name a file or folder of this machine with --out, because the run is in an object store".into(),
        ));
    }
    // The folder of a search is reported on as the run at the knee.
    let knee = Knee::read(folder)?;
    let searched = knee.as_ref().and_then(|knee| knee.run(folder));
    let run = RunReader::open(searched.as_deref().unwrap_or(folder))?;
    let document = || Document::read(&run);
    let text = match args.format {
        Format::Html => return write_html(&run, knee.as_ref(), folder, args),
        Format::Plots => return write_plots(&run, knee.as_ref(), folder, args),
        Format::Json => json(&document()?)?,
        Format::Csv => export::csv(&document()?),
        Format::Junit => export::junit(&document()?),
        Format::Markdown => export::markdown(&document()?),
    };
    match &args.out {
        Some(out) => std::fs::write(out, text).map_err(Error::file(out)),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

/// Ends a run and moves it to its destination: shows the verdict and the summary, and writes `report.html`,
/// `summary.json` and, if there are thresholds, `junit.xml`.
///
/// # Errors
///
/// [`Error::InvalidRun`], [`Error::ThresholdFailed`] and [`Error::NotEnoughEvidence`], after everything is written; the
/// errors of reading and writing.
pub(super) fn conclude(mut out: Output, shown: Shown) -> Result<(), Error> {
    out.keep();
    let folder = out.folder();
    let run = RunReader::open(&folder)?;
    let (summary, records) = Summary::read(&run)?;
    let document = Document::new(&summary)?;
    if shown == Shown::Text {
        println!("\n{}{}", terminal::verdicts(&document, style()), terminal::summary(&summary, style()));
    }
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(Error::file(path))
    };
    write("report.html", html::page_of(&run, &summary, &records, &document, None)?)?;
    write("summary.json", json(&document)?)?;
    if document.verdict.is_some() {
        write("junit.xml", export::junit(&document))?;
    }
    let (place, report) = out.deliver()?;
    match shown {
        Shown::Text => println!("run folder  {place}\nreport      {report}"),
        Shown::Json => println!("{:#}", json!({ "run_folder": place, "report": report, "summary": document })),
        Shown::Nothing => {}
    }
    if !run.manifest().invalid.is_empty() {
        return Err(Error::InvalidRun(run.manifest().invalid.join("; ")));
    }
    // A part is judged when it is merged.
    if run.manifest().shard.is_some() { Ok(()) } else { exit(&document) }
}

/// Turns the verdict into an error, and so into the exit code of the process.
fn exit(document: &Document) -> Result<(), Error> {
    let count = |verdict| document.thresholds.count(verdict);
    match document.verdict {
        None | Some(Verdict::Passed) => Ok(()),
        Some(Verdict::Failed) => Err(Error::ThresholdFailed(count(Verdict::Failed))),
        Some(Verdict::NotEnoughEvidence) => {
            let open = count(Verdict::NotEnoughEvidence);
            Err(Error::NotEnoughEvidence(format!("the records cannot decide {open} of the scenario's thresholds")))
        }
    }
}

fn json(document: &Document) -> Result<String, Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n").map_err(|e| Error::InvalidRun(e.to_string()))
}

/// Writes the report of a search for the knee into its folder.
pub(super) fn of_search(knee: &Knee, folder: &Path) -> Result<PathBuf, Error> {
    let at_knee = knee.run(folder).ok_or_else(|| Error::InvalidRun("the search has no step".into()))?;
    let out = folder.join("report.html");
    let text = html::report(&RunReader::open(&at_knee)?, Some(knee))?;
    std::fs::write(&out, text).map_err(Error::file(&out))?;
    Ok(out)
}

fn write_html(run: &RunReader, knee: Option<&Knee>, folder: &Path, args: &ReportArgs) -> Result<(), Error> {
    let out = args.out.clone().unwrap_or_else(|| folder.join("report.html"));
    std::fs::write(&out, html::report(run, knee)?).map_err(Error::file(&out))?;
    println!("{}", out.display());
    if args.open { open(&out) } else { Ok(()) }
}

fn write_plots(run: &RunReader, knee: Option<&Knee>, folder: &Path, args: &ReportArgs) -> Result<(), Error> {
    let out = args.out.clone().unwrap_or_else(|| folder.join("plots"));
    std::fs::create_dir_all(&out).map_err(Error::file(&out))?;
    let (summary, records) = Summary::read(run)?;
    for (name, chart) in export::plots(&summary, &records, knee) {
        let (extension, bytes) =
            if args.png { ("png", chart.png()?) } else { ("svg", export::svg_document(&chart).into_bytes()) };
        let path = out.join(name).with_extension(extension);
        std::fs::write(&path, bytes).map_err(Error::file(&path))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Opens a file with the desktop's default program.
fn open(path: &Path) -> Result<(), Error> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let done = std::process::Command::new(opener).arg(path).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Error::Usage(format!("{opener} could not open the report: open {} yourself", path.display()))),
    }
}
