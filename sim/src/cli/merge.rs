//! `biopay merge`.

use super::report::conclude;
use super::run::vacant;
use crate::Error;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay run ten-thousand --shard 0/2 --out part-0
  biopay run ten-thousand --shard 1/2 --out part-1
  biopay merge part-0 part-1 --out whole

Where accounts meet no other at their server (--set server.shared=false), the merged folder has the bytes of a whole run.";

/// Merges the shards of a run into one run folder.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MergeArgs {
    /// The shards' run folders, in any order.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// The run folder of the whole.
    #[arg(long)]
    out: PathBuf,
    /// Replaces a run that is in the folder already.
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn execute(args: &MergeArgs, command_line: &str) -> Result<(), Error> {
    let out = vacant(&args.out, args.overwrite)?;
    let folder = crate::merge::merge(&args.shards, &out, command_line.to_owned())?;
    conclude(&folder)
}
