//! `biopay train`.

use crate::Error;
use crate::progress::Stage;
use crate::training::face::FaceTrainingPlan;
use crate::training::fingerprint::TrainingPlan;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Trains the extractors' parameters on synthetic samples.
#[derive(Subcommand)]
pub(super) enum TrainCommand {
    /// The fixed-length fingerprint template's parameters.
    Fingerprint(FingerprintArgs),
    /// The face extractor's parameters.
    Face(FaceArgs),
}

const EXAMPLES: &str = "Examples:
  biopay train fingerprint --seed 1 --out builtin.bin     the shipped parameters again
  biopay train fingerprint --seed 2 --subjects 300 --out small.bin

The shipped file is biometrics/src/fingerprint/fixed_length/builtin.bin.";

/// The fixed-length fingerprint template's parameters.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FingerprintArgs {
    /// The seed of fingers and training.
    #[arg(long)]
    seed: u64,
    /// The number of fingers; default: as many as the shipped parameters were trained on.
    #[arg(long)]
    subjects: Option<u64>,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

const FACE_EXAMPLES: &str = "Examples:
  biopay train face --seed 1 --out builtin.bin     the shipped parameters again
  biopay train face --seed 2 --subjects 200 --out small.bin

The shipped file is biometrics/src/face/builtin.bin.";

/// The face extractor's parameters: detection, alignment, projection.
#[derive(Args)]
#[command(after_help = FACE_EXAMPLES)]
pub(super) struct FaceArgs {
    /// The seed of faces and training.
    #[arg(long)]
    seed: u64,
    /// The number of faces; default: as many as the shipped parameters were trained on.
    #[arg(long)]
    subjects: Option<u64>,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn execute(command: &TrainCommand) -> Result<(), Error> {
    match command {
        TrainCommand::Fingerprint(args) => fingerprint(args),
        TrainCommand::Face(args) => face(args),
    }
}

fn fingerprint(args: &FingerprintArgs) -> Result<(), Error> {
    let mut plan = TrainingPlan::builtin(args.seed);
    plan.subjects = args.subjects.unwrap_or(plan.subjects);
    let stage = Stage::new("capturing", plan.subjects * plan.captures.len() as u64);
    let captures = plan.generate(&|| stage.add(1))?;
    stage.finish();
    eprintln!("training on {} captures of {} fingers", captures.len(), plan.subjects);
    let bytes = plan.train(&captures)?.to_bytes();
    std::fs::write(&args.out, &bytes).map_err(Error::file(&args.out))?;
    println!("{} bytes in {}", bytes.len(), args.out.display());
    Ok(())
}

fn face(args: &FaceArgs) -> Result<(), Error> {
    let mut plan = FaceTrainingPlan::builtin(args.seed);
    plan.subjects = args.subjects.unwrap_or(plan.subjects);
    let stage = Stage::new("capturing", plan.subjects * plan.captures.len() as u64);
    let captures = plan.generate(&|| stage.add(1));
    stage.finish();
    eprintln!("training on {} captures of {} faces", captures.len(), plan.subjects);
    let bytes = plan.train(&captures)?.to_bytes();
    std::fs::write(&args.out, &bytes).map_err(Error::file(&args.out))?;
    println!("{} bytes in {}", bytes.len(), args.out.display());
    Ok(())
}
