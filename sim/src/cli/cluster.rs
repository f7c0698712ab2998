//! `biopay cluster slurm`: a scenario's shards under Slurm.

use crate::cluster::bucket::Place;
use crate::cluster::slurm::{SlurmRun, Standing};
use crate::{Error, Scenario};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The interval at which `--wait` asks for the state of the jobs.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Runs scenarios on more than one machine.
#[derive(Subcommand)]
pub(super) enum ClusterCommand {
    /// Runs the shards of a scenario under Slurm and merges them: prints the script, or submits it.
    Slurm(SlurmArgs),
    /// Shows the progress of a submitted scenario. Exit code 1 if no job is left and nothing is merged.
    Status(StatusArgs),
}

const EXAMPLES: &str = "Examples:
  biopay cluster slurm ten-thousand --shards 8 --submit --wait
  biopay cluster slurm ten-thousand --shards 8 > submit.sh && sh submit.sh
  biopay cluster slurm my.toml --shards 64 --out /shared/run --sbatch '--partition=long --time=02:00:00' --submit
  biopay cluster slurm throughput --shards 4 --set server.address=192.0.2.7:4433 --set server.certificate=server.pem --submit
  biopay cluster status runs/ten-thousand-slurm

In virtual time the shards are a job array, and their merge a job after it. On the wall clock they are srun's ranks against
the one server of server.address, and begin at one instant, --lead-s after their launch. Submitted again, only shards that
are not finished run (ranks run together or not at all). The folder has to be one that every node sees. Shards that meet at
no server (server.shared=false) merge into the bytes of a whole run.";

/// Prints the script, or submits it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SlurmArgs {
    /// A scenario file, or the name of a built-in scenario.
    scenario: String,
    /// The number of shards.
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
    /// On the wall clock: how long after their launch the ranks begin. They make their samples before that. Units: seconds.
    #[arg(long, value_name = "S", default_value_t = 60)]
    lead_s: u32,
    /// Submits at once, in place of printing the script.
    #[arg(long)]
    submit: bool,
    /// With `--submit`: waits until everything is merged, and shows the progress.
    #[arg(long, requires = "submit")]
    wait: bool,
}

/// Shows the progress of a submitted scenario.
#[derive(Args)]
pub(super) struct StatusArgs {
    /// The folder that was given as `--out`.
    out: PathBuf,
}

pub(super) fn execute(command: &ClusterCommand) -> Result<(), Error> {
    match command {
        ClusterCommand::Slurm(args) => slurm(args),
        ClusterCommand::Status(args) => {
            let standing = Standing::read(&args.out)?;
            println!("{}", standing.line());
            conclude(&standing, &args.out)
        }
    }
}

fn slurm(args: &SlurmArgs) -> Result<(), Error> {
    let mut scenario = Scenario::load(&args.scenario, &args.settings)?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("runs/{}-slurm", scenario.name)));
    Place::here(&out, "Slurm's shards and their merge are written to a folder that all nodes can write")?;
    let program = std::env::current_exe().map_err(Error::file("biopay"))?;
    let (folder, program) = (out.display().to_string(), program.display().to_string());
    let (shards, options, lead_s) = (args.shards, args.sbatch.as_str(), args.lead_s);
    let plan = SlurmRun { scenario: &scenario, shards, out: &folder, program: &program, options, lead_s };
    let script = plan.script()?;
    if !args.submit {
        print!("{script}");
        return Ok(());
    }
    submit(&script)?;
    if !args.wait {
        println!("biopay cluster status {folder}");
        return Ok(());
    }
    let standing = wait(&out)?;
    conclude(&standing, &out)
}

fn submit(script: &str) -> Result<(), Error> {
    let mut shell = Command::new("sh").stdin(Stdio::piped()).spawn().map_err(Error::file("sh"))?;
    if let Some(mut input) = shell.stdin.take() {
        input.write_all(script.as_bytes()).map_err(Error::file("sh"))?;
    }
    match shell.wait().map_err(Error::file("sh"))?.success() {
        true => Ok(()),
        false => Err(Error::Usage("Slurm refused the jobs: see the message of sbatch above".into())),
    }
}

/// Prints the progress whenever it changes, until no job is left.
fn wait(out: &Path) -> Result<Standing, Error> {
    let mut told = None;
    loop {
        let standing = Standing::read(out)?;
        if told.as_ref() != Some(&standing) {
            println!("{}", standing.line());
            told = Some(standing.clone());
        }
        if standing.is_over() {
            return Ok(standing);
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn conclude(standing: &Standing, out: &Path) -> Result<(), Error> {
    match standing.is_over() && !standing.is_merged {
        true => Err(Error::Cluster(format!("{}: see {}", standing.line(), out.join("logs").display()))),
        false => Ok(()),
    }
}
