//! The command line. Exit codes: 0 success, 1 internal error, 2 usage or configuration error, 3 a threshold failed, 4
//! regression, 5 not enough evidence, 6 invalid run, 128 and the signal's number for an interrupted run.

mod calibrate;
mod check;
mod cluster;
mod compare;
mod completions;
mod dataset;
mod evaluate;
mod folder;
mod history;
mod hunt;
mod man;
mod merge;
mod plan;
mod refusal;
mod report;
mod rerun;
mod run;
mod search;
mod show;
mod sweep;
mod symbol;
mod train;
mod tune;

use crate::Error;
use crate::wall::processes::{BANK_ARGUMENT, SERVER_ARGUMENT, clear_after_killed_run};
use clap::{CommandFactory, Parser, Subcommand};
use completions::Program;
use std::ffi::OsString;
use std::process::ExitCode;

/// Simulates and benchmarks paying with a biometric-derived QR code (after CN103310335A).
#[derive(Parser)]
#[command(name = "biopay", version = crate::provenance::VERSION, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  biopay run                                      the built-in quickstart, with a report at the end
  biopay run quickstart --set handsets=50 --seed 7
  biopay dataset fingerprint --subjects 20 --impressions 8 --seed 1 --out fingers
  biopay evaluate --modality fingerprint --images fingers --dpi 500 --scores scores.csv
  biopay report runs/quickstart-1 --out report.html";

#[derive(Subcommand)]
enum Command {
    /// Runs a scenario: virtual handsets against the real server, then a summary and a report.
    Run(run::RunArgs),
    /// Reads a scenario without running it: what is wrong, what has no effect, and what the run would do.
    Check(check::CheckArgs),
    /// Lists the built-in scenarios.
    Scenarios,
    /// Plans a run: what its thresholds can come to, and about how long it takes.
    Plan(plan::PlanArgs),
    /// Makes synthetic samples.
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Measures error rates of comparators and schemes on images, records or embeddings.
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Trains the extractors' parameters on synthetic samples.
    #[command(subcommand)]
    Train(train::TrainCommand),
    /// Chooses a scheme's parameters for a false match rate.
    Tune(tune::TuneArgs),
    /// Measures the cost of work on this machine, for virtual time.
    Calibrate(calibrate::CalibrateArgs),
    /// Plays a run in virtual time again from its manifest, and compares the bytes.
    Rerun(rerun::RerunArgs),
    /// Hunts for faults of the server.
    Hunt(hunt::HuntArgs),
    /// Merges the shards of a run into one run folder.
    Merge(merge::MergeArgs),
    /// Writes a run's report again, or its figures for other programs.
    Report(report::ReportArgs),
    /// Compares two runs figure by figure, with a statistical test where the figure has one.
    Compare(Box<compare::CompareArgs>),
    /// Records the figures of successive builds, and plots them.
    #[command(subcommand)]
    History(history::HistoryCommand),
    /// Runs a scenario over a grid of values of any of its keys, with replications.
    Sweep(sweep::SweepArgs),
    /// Prepares runs on more than one machine.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Prints completions for a shell.
    Completions(completions::CompletionArgs),
    /// Writes manual pages.
    Man(man::ManArgs),
}

/// Returns the command line of a program.
fn command_of(program: Program) -> clap::Command {
    match program {
        Program::Biopay => Cli::command(),
        Program::BiopayServer => biopay_server::process::server_command(),
        Program::BiopayBank => biopay_server::process::bank_command(),
    }
}

/// Runs the command line and returns the exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    if let Some(role) = args.get(1).and_then(|a| a.to_str()) {
        // A run starts this program again as its server and its bank, so that one build has all three.
        let own_arguments = || args.iter().take(1).chain(args.iter().skip(2)).cloned();
        match role {
            SERVER_ARGUMENT => return afterwards(biopay_server::process::server_main(own_arguments())),
            BANK_ARGUMENT => return afterwards(biopay_server::process::bank_main(own_arguments())),
            _ => {}
        }
    }
    let command_line = args.iter().map(|a| a.to_string_lossy()).skip(1).collect::<Vec<_>>().join(" ");
    let parsed = Cli::try_parse_from(&args).unwrap_or_else(|error| refusal::exit(&error, &Cli::command()));
    match execute(parsed.command, &format!("biopay {command_line}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.in_words());
            ExitCode::from(error.exit_code())
        }
    }
}

/// Ends a server or a bank of a run.
fn afterwards(code: ExitCode) -> ExitCode {
    clear_after_killed_run();
    code
}

fn execute(command: Command, command_line: &str) -> Result<(), Error> {
    match command {
        Command::Run(args) => run::execute(&args, command_line),
        Command::Check(args) => check::execute(&args),
        Command::Scenarios => {
            run::list_scenarios();
            Ok(())
        }
        Command::Plan(args) => plan::execute(&args),
        Command::Dataset(command) => dataset::execute(&command),
        Command::Evaluate(args) => evaluate::execute(&args),
        Command::Train(command) => train::execute(&command),
        Command::Tune(args) => tune::execute(&args, command_line),
        Command::Calibrate(args) => calibrate::execute(&args),
        Command::Rerun(args) => rerun::execute(&args),
        Command::Hunt(args) => hunt::execute(&args),
        Command::Merge(args) => merge::execute(&args, command_line),
        Command::Report(args) => report::execute(&args),
        Command::Compare(args) => compare::execute(&args),
        Command::History(command) => history::execute(&command),
        Command::Sweep(args) => sweep::execute(&args),
        Command::Cluster(command) => cluster::execute(&command),
        Command::Completions(args) => {
            completions::print(args, command_of(args.of));
            Ok(())
        }
        Command::Man(args) => man::write(&args, Program::ALL.map(command_of)),
    }
}
