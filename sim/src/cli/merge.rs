//! `biopay merge`.

use super::folder::{Input, Output, release};
use super::report::conclude;
use super::show::ShowArgs;
use crate::Error;
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay run ten-thousand --shard 0/2 --out part-0
  biopay run ten-thousand --shard 1/2 --out part-1
  biopay merge part-0 part-1 --out whole
  biopay merge s3://runs/part-0 s3://runs/part-1 --out s3://runs/whole      with the feature s3

Where accounts meet no other at their server (--set server.shared=false), the merged folder has the bytes of a whole run.";

/// Merges the shards of a run into one run folder.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MergeArgs {
    /// The shards' run folders, in any order; `s3://BUCKET/PREFIX` for those in an object store.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// The run folder of the merged run, or `s3://BUCKET/PREFIX`.
    #[arg(long)]
    out: PathBuf,
    /// Replaces a run that is already in the folder.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn execute(args: &MergeArgs, command_line: &str) -> Result<(), Error> {
    let shown = args.show.shown();
    let out = Output::open(&args.out, args.overwrite)?;
    let merged = merge(args, &out.folder(), command_line);
    if merged.is_err() {
        release(&out.folder());
    }
    merged?;
    conclude(out, shown)
}

fn merge(args: &MergeArgs, out: &Path, command_line: &str) -> Result<(), Error> {
    let shards = args.shards.iter().map(|shard| Input::open(shard)).collect::<Result<Vec<_>, _>>()?;
    let folders: Vec<PathBuf> = shards.iter().map(|shard| shard.folder().to_owned()).collect();
    crate::cluster::merge::merge(&folders, out, command_line.to_owned())?;
    Ok(())
}
