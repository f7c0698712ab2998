//! `biopay dataset`.

use super::symbol::{self, SymbolArgs};
use crate::Error;
use crate::progress::Stage;
use biopay_biometrics::Sample;
use biopay_datasets::embedding::{DIMENSIONS, Embedding, EmbeddingPopulation};
use biopay_datasets::face::{self, Cover, Nuisance, Palette};
use biopay_datasets::fingerprint::{CaptureQuality, Device, FolderSpec, PatternClass, TruthFiles, generate_folder};
use biopay_datasets::folder::{NamedSample, contact_sheet, read_images, write_image};
use biopay_reports::embeddings::{EmbeddingRow, EmbeddingWriter};
use clap::{Args, Subcommand, ValueEnum};
use rayon::prelude::*;
use std::path::PathBuf;

/// Makes synthetic samples.
#[derive(Subcommand)]
pub(super) enum DatasetCommand {
    /// Synthetic fingerprint images SUBJECT_IMPRESSION.png and a manifest.
    Fingerprint(FingerprintArgs),
    /// Synthetic face images SUBJECT_IMPRESSION.png and a manifest.
    Face(FaceArgs),
    /// QR symbols as a camera sees them, and the read rate by size of payload.
    Symbol(SymbolArgs),
    /// Feature-level samples: embeddings like a modern face network's, as Parquet.
    Embedding(EmbeddingArgs),
    /// A contact sheet: images of several folders on one sheet, a row of each folder in turn.
    Sheet(SheetArgs),
}

const EXAMPLES: &str = "Examples:
  biopay dataset fingerprint --subjects 20 --impressions 8 --seed 1 --out fingers
  biopay dataset fingerprint --subjects 5 --impressions 2 --seed 1 --out whorls --class whorl --truth
  biopay dataset fingerprint --subjects 100 --impressions 8 --seed 1 --out hard --device capacitive --quality 0.2

The same arguments give the same bytes; a folder that is there already is not made again.";

/// Synthetic fingerprint images SUBJECT_IMPRESSION.png and a manifest.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FingerprintArgs {
    /// The number of fingers.
    #[arg(long)]
    subjects: u32,
    /// The number of captures of each.
    #[arg(long)]
    impressions: u32,
    /// The seed of all randomness.
    #[arg(long)]
    seed: u64,
    /// The folder to write.
    #[arg(long)]
    out: PathBuf,
    /// The sensor: optical, capacitive, handset, sweep or pc.
    #[arg(long, default_value = "optical")]
    device: String,
    /// The quality of captures, from 0 (worst) to 1 (clean).
    #[arg(long, default_value_t = CaptureQuality::default().value())]
    quality: f32,
    /// The pattern class of all fingers; default: the natural shares.
    #[arg(long)]
    class: Option<String>,
    /// Writes the truth (class, singular points, minutiae, deformation) as JSON beside each image.
    #[arg(long)]
    truth: bool,
}

const FACE_EXAMPLES: &str = "Examples:
  biopay dataset face --subjects 100 --impressions 8 --seed 1 --out faces
  biopay dataset face --subjects 20 --impressions 4 --seed 1 --out portraits --device kiosk --nuisance 0.3 --colour
  biopay dataset face --subjects 20 --impressions 4 --seed 1 --out masked --cover mask

The same arguments give the same bytes; a folder that is there already is not made again.";

/// Synthetic face images SUBJECT_IMPRESSION.png and a manifest.
#[derive(Args)]
#[command(after_help = FACE_EXAMPLES)]
pub(super) struct FaceArgs {
    /// The number of faces.
    #[arg(long)]
    subjects: u32,
    /// The number of captures of each.
    #[arg(long)]
    impressions: u32,
    /// The seed of all randomness.
    #[arg(long)]
    seed: u64,
    /// The folder to write.
    #[arg(long)]
    out: PathBuf,
    /// The camera: handset, pc or kiosk.
    #[arg(long, default_value = "handset")]
    device: String,
    /// The variation between captures of one face, from 0 (none) to 2.
    #[arg(long, default_value_t = Nuisance::default().value())]
    nuisance: f32,
    /// The covering of the lower face in every capture.
    #[arg(long, value_enum, default_value = "none")]
    cover: CoverArg,
    /// Writes colour images instead of grey ones.
    #[arg(long)]
    colour: bool,
    /// Writes the truth (landmarks, pose, expression, framing) as JSON beside each image.
    #[arg(long)]
    truth: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum CoverArg {
    None,
    Mask,
    Scarf,
}

const EMBEDDING_EXAMPLES: &str = "Examples:
  biopay dataset embedding --subjects 100000 --impressions 2 --seed 1 --out embeddings.parquet

Columns: subject, impression, e0 to e127 (32-bit floats, unit length). The same arguments give the same vectors.";

/// Feature-level samples: embeddings like a modern face network's, as Parquet.
#[derive(Args)]
#[command(after_help = EMBEDDING_EXAMPLES)]
pub(super) struct EmbeddingArgs {
    /// The number of subjects.
    #[arg(long)]
    subjects: u32,
    /// The number of captures of each.
    #[arg(long)]
    impressions: u32,
    /// The seed of all randomness.
    #[arg(long)]
    seed: u64,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

const SHEET_EXAMPLES: &str = "Examples:
  biopay dataset sheet --images fingers --images real-fingers --out sheet.png
  biopay dataset sheet --images fingers --columns 8 --rows 4 --out sheet.png";

/// A contact sheet: images of several folders on one sheet, a row of each folder in turn.
#[derive(Args)]
#[command(after_help = SHEET_EXAMPLES)]
pub(super) struct SheetArgs {
    /// A folder of images; give it again for another.
    #[arg(long, required = true)]
    images: Vec<PathBuf>,
    /// Images in a row.
    #[arg(long, default_value_t = 6)]
    columns: usize,
    /// Rows of each folder.
    #[arg(long, default_value_t = 2)]
    rows: usize,
    /// The sheet, PNG.
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn execute(command: &DatasetCommand) -> Result<(), Error> {
    match command {
        DatasetCommand::Fingerprint(args) => fingerprint(args),
        DatasetCommand::Face(args) => face(args),
        DatasetCommand::Symbol(args) => symbol::execute(args),
        DatasetCommand::Embedding(args) => embedding(args),
        DatasetCommand::Sheet(args) => sheet(args),
    }
}

fn sheet(args: &SheetArgs) -> Result<(), Error> {
    let folders: Vec<_> = args.images.iter().map(|dir| read_images(dir, None)).collect::<Result<_, _>>()?;
    // Images are sorted by subject, so equal steps through a folder show as many subjects as there is room for.
    let cells = args.columns * args.rows;
    let pick = |images: &[NamedSample], n: usize| n * images.len() / cells.min(images.len()).max(1);
    let row = |images: &[NamedSample], row: usize| -> Vec<usize> {
        (row * args.columns..((row + 1) * args.columns).min(images.len())).map(|n| pick(images, n)).collect()
    };
    let mut rows = Vec::new();
    for number in 0..args.rows {
        for images in &folders {
            rows.push(row(images, number).into_iter().map(|i| &images[i].sample).collect());
        }
    }
    let pixels = contact_sheet(&rows)?;
    write_image(&args.out, &Sample::fingerprint(pixels, 500))?;
    println!("{}", args.out.display());
    Ok(())
}

fn fingerprint(args: &FingerprintArgs) -> Result<(), Error> {
    let device = Device::named(&args.device).ok_or_else(|| {
        Error::Usage(format!("--device {} is not a sensor: use one of {}", args.device, Device::NAMES.join(", ")))
    })?;
    let class = args.class.as_deref().map(class_named).transpose()?;
    let spec = FolderSpec {
        subjects: args.subjects,
        impressions: args.impressions,
        seed: args.seed,
        device,
        quality: CaptureQuality::new(args.quality)?,
        class,
        truth: if args.truth { TruthFiles::Write } else { TruthFiles::Omit },
    };
    let stage = Stage::new("making images", u64::from(args.subjects) * u64::from(args.impressions));
    let summary = generate_folder(&spec, &args.out, &|n| stage.add(n as u64))?;
    stage.finish();
    println!("{} images in {}, {} made now", summary.images, args.out.display(), summary.generated);
    Ok(())
}

fn face(args: &FaceArgs) -> Result<(), Error> {
    let device = face::Device::named(&args.device).ok_or_else(|| {
        Error::Usage(format!("--device {} is not a camera: use one of {}", args.device, face::Device::NAMES.join(", ")))
    })?;
    let spec = face::FolderSpec {
        subjects: args.subjects,
        impressions: args.impressions,
        seed: args.seed,
        device,
        nuisance: Nuisance::new(args.nuisance)?,
        cover: match args.cover {
            CoverArg::None => Cover::None,
            CoverArg::Mask => Cover::Mask,
            CoverArg::Scarf => Cover::Scarf,
        },
        palette: if args.colour { Palette::Colour } else { Palette::Grey },
        truth: if args.truth { TruthFiles::Write } else { TruthFiles::Omit },
    };
    let stage = Stage::new("making images", u64::from(args.subjects) * u64::from(args.impressions));
    let summary = face::generate_folder(&spec, &args.out, &|n| stage.add(n as u64))?;
    stage.finish();
    println!("{} images in {}, {} made now", summary.images, args.out.display(), summary.generated);
    Ok(())
}

fn embedding(args: &EmbeddingArgs) -> Result<(), Error> {
    let rows = u64::from(args.subjects) * u64::from(args.impressions);
    if rows == 0 {
        return Err(Error::Usage("--subjects and --impressions must be at least 1".into()));
    }
    let population = EmbeddingPopulation::new(args.seed, u64::from(args.subjects));
    let mut writer = EmbeddingWriter::create(&args.out, DIMENSIONS)?;
    let stage = Stage::new("drawing embeddings", rows);
    let subjects_a_batch = (EMBEDDINGS_A_BATCH / args.impressions).max(1);
    for first in (1..=args.subjects).step_by(subjects_a_batch as usize) {
        let last = first.saturating_add(subjects_a_batch - 1).min(args.subjects);
        let of_subject = |subject: u32| population.of_subject(u64::from(subject), u64::from(args.impressions));
        let drawn: Vec<_> = (first..=last).into_par_iter().map(of_subject).collect();
        let batch: Vec<EmbeddingRow> = drawn.into_iter().flatten().map(row).collect();
        writer.write(&batch)?;
        stage.add(batch.len() as u64);
    }
    writer.finish()?;
    stage.finish();
    println!("{rows} embeddings in {}", args.out.display());
    Ok(())
}

fn row(embedding: Embedding) -> EmbeddingRow {
    let Embedding { subject, impression, vector } = embedding;
    EmbeddingRow { subject: subject as u32, impression: impression as u32, vector }
}

/// The number of embeddings in memory at a time.
const EMBEDDINGS_A_BATCH: u32 = 65_536;

fn class_named(name: &str) -> Result<PatternClass, Error> {
    let classes = "arch, tented-arch, left-loop, right-loop or whorl";
    PatternClass::from_name(name)
        .ok_or_else(|| Error::Usage(format!("--class {name} is not a pattern class: use {classes}")))
}
