//! `biopay cluster slurm`: a script that runs a scenario's shards as a job array and merges them.

use crate::{Error, Scenario};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Prepares runs on more than one machine.
#[derive(Subcommand)]
pub enum ClusterCommand {
    /// Prints a script that submits the shards of a scenario to Slurm as an array, and their merge after it.
    Slurm(SlurmArgs),
}

const EXAMPLES: &str = "Examples:
  biopay cluster slurm ten-thousand --shards 8 > submit.sh && sh submit.sh
  biopay cluster slurm my.toml --shards 64 --out /shared/run --sbatch '--partition=long --time=02:00:00' > submit.sh

Run again, the script repeats only the shards that are not finished. The folder has to be one that every node sees.
Shards that meet at no server (server.shared=false) merge into the bytes of a whole run.";

/// Prints the script.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SlurmArgs {
    /// A scenario file, or the name of a built-in scenario; it has to be on the virtual clock.
    scenario: String,
    /// How many shards.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    shards: u32,
    /// Sets a key of the scenario.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The seed; without it the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// The folder of the parts, the logs and the merged run; without it `runs/SCENARIO-slurm`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// More options for sbatch.
    #[arg(long, value_name = "OPTIONS", default_value = "", allow_hyphen_values = true)]
    sbatch: String,
}

pub(super) fn execute(command: &ClusterCommand) -> Result<(), Error> {
    let ClusterCommand::Slurm(args) = command;
    let mut scenario = Scenario::load(&args.scenario, &args.settings)?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    if scenario.clock != crate::scenario::ClockKind::Virtual {
        let message = "shards of a job array start when they may: use a scenario on the virtual clock";
        return Err(Error::Usage(message.into()));
    }
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("runs/{}-slurm", scenario.name)));
    let program = std::env::current_exe().map_err(Error::file("biopay"))?;
    print!("{}", script(args, &scenario, &out.display().to_string(), &program.display().to_string())?);
    Ok(())
}

fn script(args: &SlurmArgs, scenario: &Scenario, out: &str, program: &str) -> Result<String, Error> {
    let toml = toml::to_string(scenario).map_err(|e| Error::Usage(e.to_string()))?;
    // One shard is the whole already.
    let merge = match args.shards {
        1 => r#"rm -rf "$OUT/whole" && cp -R "$OUT/parts/0" "$OUT/whole""#,
        _ => r#"exec "$BIOPAY" merge "$OUT"/parts/* --out "$OUT/whole" --overwrite"#,
    };
    let (out, program, last) = (quoted(out), quoted(program), args.shards - 1);
    Ok(format!(
        r#"#!/bin/sh
# Runs {name:?} in {shards} shards under Slurm and merges them. Written by biopay cluster slurm.
set -eu
OUT={out}
BIOPAY=${{BIOPAY:-{program}}}
mkdir -p "$OUT/parts" "$OUT/logs"
OUT=$(cd "$OUT" && pwd)
export OUT BIOPAY
cat >"$OUT/scenario.toml" <<'END_OF_SCENARIO'
{toml}END_OF_SCENARIO
cat >"$OUT/shard.sh" <<'END_OF_SHARD'
#!/bin/sh
# One shard. A finished one is left as it is.
set -eu
PART="$OUT/parts/$SLURM_ARRAY_TASK_ID"
if grep -q '"completion": "complete"' "$PART/manifest.json" 2>/dev/null; then exit 0; fi
exec "$BIOPAY" run "$OUT/scenario.toml" --shard "$SLURM_ARRAY_TASK_ID/{shards}" --out "$PART" --overwrite
END_OF_SHARD
cat >"$OUT/merge.sh" <<'END_OF_MERGE'
#!/bin/sh
set -eu
{merge}
END_OF_MERGE
ARRAY=$(sbatch --parsable --job-name={job} --array=0-{last} --export=ALL --output="$OUT/logs/shard-%a.log" {options} "$OUT/shard.sh")
ARRAY=${{ARRAY%%;*}}
MERGE=$(sbatch --parsable --job-name={job}-merge --dependency="afterok:$ARRAY" --kill-on-invalid-dep=yes --export=ALL --output="$OUT/logs/merge.log" {options} "$OUT/merge.sh")
echo "shards: job array $ARRAY; merge: job ${{MERGE%%;*}}; squeue --jobs=$ARRAY shows how far it is"
echo "the merged run will be in $OUT/whole; if a shard fails, run this script again"
"#,
        name = scenario.name,
        shards = args.shards,
        job = quoted(&format!("biopay-{}", scenario.name)),
        options = args.sbatch,
    ))
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
