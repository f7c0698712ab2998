//! `biopay evaluate`.

use crate::Error;
use crate::evaluation::{Comparator, Evaluation, ImageResult};
use crate::progress::Stage;
use biopay_datasets::folder::read_images;
use clap::{Args, ValueEnum};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay evaluate --modality fingerprint --images fingers --dpi 500
  biopay evaluate --modality fingerprint --images fingers --dpi 500 --scores scores.csv --json rates.json
  biopay evaluate --modality fingerprint --images fingers --dpi 500 --comparator fixed-length

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
    #[arg(long)]
    images: PathBuf,
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
    let images = read_images(&args.images, args.dpi)?;
    let stage = Stage::new("extracting", images.len() as u64);
    let features: Vec<ImageResult> =
        crate::evaluation::extract(&images, args.trace_stages.as_deref(), &|| stage.add(1))?;
    stage.finish();
    let evaluation = Evaluation::compare_all(&images, &features, args.comparator)?;
    print!("{}", evaluation.to_text(&args.images.display().to_string()));
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
