//! `biopay man`.

use crate::Error;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay man --out ~/.local/share/man/man1        then: man biopay-run";

/// Writes a manual page for each program and each of their commands.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ManArgs {
    /// The folder to write to; it is made where it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn write(args: &ManArgs, commands: [clap::Command; 3]) -> Result<(), Error> {
    let failed = Error::file(&args.out);
    let written = std::fs::create_dir_all(&args.out)
        .and_then(|()| commands.into_iter().try_for_each(|command| clap_mangen::generate_to(command, &args.out)));
    written.map_err(failed)
}
