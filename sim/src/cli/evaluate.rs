//! `biopay evaluate`.

use crate::Error;
use crate::evaluation::{Comparator, Evaluation, extract, read_records, write_records};
use crate::progress::Stage;
use biopay_datasets::folder::{list_files, list_images};
use clap::{Args, ValueEnum};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay evaluate --modality fingerprint --images fingers --dpi 500
  biopay evaluate --modality fingerprint --images fingers --dpi 500 --scores scores.csv --json rates.json
  biopay evaluate --modality fingerprint --images fingers --dpi 500 --comparator fixed-length
  biopay evaluate --modality fingerprint --images fingers --write-templates records --trace-stages stages
  biopay evaluate --modality fingerprint --templates records

Images are SUBJECT_IMPRESSION.png (also .tif, .bmp, .pgm, .jpg). Every pair is compared; one that cannot be, because a
sample was not acquired, counts with the score -inf and is never dropped. Larger scores are more similar.";

/// Measures error rates over every pair of a folder's images.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct EvaluateArgs {
    /// What the images show.
    #[arg(long, value_enum)]
    modality: ModalityArg,
    /// The folder of images.
    #[arg(long, required_unless_present = "templates")]
    images: Option<PathBuf>,
    /// A folder of ISO/IEC 19794-2 records SUBJECT_IMPRESSION.fmr, in place of images.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["images", "trace_stages", "write_templates"])]
    templates: Option<PathBuf>,
    /// The images' resolution; without it what each file says, else 500. Units: pixels per inch.
    #[arg(long)]
    dpi: Option<u16>,
    /// How two images are compared.
    #[arg(long, value_enum, default_value = "minutiae")]
    comparator: Comparator,
    /// Writes `a,b,score` for every pair, larger is more similar.
    #[arg(long, value_name = "FILE.csv")]
    scores: Option<PathBuf>,
    /// Writes the rates as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes each image's minutiae as an ISO/IEC 19794-2 record STEM.fmr into this folder.
    #[arg(long, value_name = "DIR")]
    write_templates: Option<PathBuf>,
    /// Writes every extraction stage of every image as PNG into this folder.
    #[arg(long, value_name = "DIR")]
    trace_stages: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModalityArg {
    Fingerprint,
}

pub(super) fn execute(args: &EvaluateArgs) -> Result<(), Error> {
    let ModalityArg::Fingerprint = args.modality;
    let (folder, images, features) = match (&args.images, &args.templates) {
        (Some(folder), _) => {
            let images = list_images(folder)?;
            let stage = Stage::new("extracting", images.len() as u64);
            let features = extract(&images, args.dpi, args.trace_stages.as_deref(), &|| stage.add(1))?;
            stage.finish();
            (folder, images, features)
        }
        (None, Some(folder)) => {
            let records = list_files(folder, &["fmr"])?;
            let features = read_records(&records)?;
            (folder, records, features)
        }
        (None, None) => return Err(Error::Usage("give --images or --templates".into())),
    };
    if let Some(folder) = &args.write_templates {
        let written = write_records(&images, &features, folder)?;
        println!("{written} records in {}", folder.display());
    }
    let evaluation = Evaluation::compare_all(&images, &features, args.comparator)?;
    print!("{}", evaluation.to_text(&folder.display().to_string()));
    if let Some(path) = &args.scores {
        write_scores(path, &evaluation)?;
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&evaluation.rates()).map_err(|e| Error::Usage(e.to_string()))?;
        std::fs::write(path, text).map_err(Error::file(path))?;
    }
    Ok(())
}

fn write_scores(path: &Path, evaluation: &Evaluation) -> Result<(), Error> {
    let mut text = String::from("a,b,score\n");
    for (a, b, score) in evaluation.pairs() {
        let _ = writeln!(text, "{a},{b},{score}");
    }
    std::fs::write(path, text).map_err(Error::file(path))
}
