//! `biopay tune`.

use crate::Error;
use crate::evaluation::source::{Evaluated, SampleSource, synthesise};
use crate::evaluation::{Comparator, Method};
use crate::tuning::{PartRates, Subject, Tuned, TuningPlan, split, tune};
use biopay_biometrics::scheme::SchemeId;
use biopay_reports::html::{needed_text, rate_text};
use biopay_reports::limit::{Conformance, against};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay tune --scheme fuzzy-commitment --target-fmr 1e-4 --quality 0.9
  biopay tune --scheme biohash --target-fmr 1e-3 --images fingers --dpi 500
  biopay tune --scheme index-of-max --target-fmr 1e-3 --modality face
  biopay tune --scheme fuzzy-vault --target-fmr 1e-4 --parameters tuned.toml --out vault.toml

Half of the subjects, drawn by the seed, choose the parameters; the rates are stated on the other half. Without --images
the subjects are synthetic. The TOML that is written is a part of a scenario.";

/// Chooses a scheme's parameters for a false match rate, and states the rates on subjects who had no part in the
/// choice.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TuneArgs {
    /// The scheme: digest, template, fuzzy-commitment, fuzzy-vault, biohash, index-of-max or sample-then-lock.
    #[arg(long)]
    scheme: String,
    /// The false match rate per comparison to stay at or below.
    #[arg(long, value_name = "RATE")]
    target_fmr: f64,
    /// The kind of samples.
    #[arg(long, value_enum, default_value = "fingerprint")]
    modality: Evaluated,
    #[command(flatten)]
    source: SampleSource,
    /// The number of captures for an enrolment.
    #[arg(long, default_value_t = 3)]
    enrolment_captures: usize,
    /// The seed of subjects, enrolments and split.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A scenario file with the scheme parameters to start from, as this command writes it.
    #[arg(long, value_name = "FILE.toml")]
    parameters: Option<PathBuf>,
    /// The file to write; default: the parameters are printed.
    #[arg(long, value_name = "FILE.toml")]
    out: Option<PathBuf>,
}

pub(super) fn execute(args: &TuneArgs, command_line: &str) -> Result<(), Error> {
    let plan = plan(args)?;
    let (tuning, stating) = split(subjects(args)?, args.seed);
    let tuned = tune(&plan, &tuning, &stating)?;
    print!("{}", to_text(&plan, &tuned));
    let toml = format!("# {command_line}\n{}{}", comment(&tuned), tuned.to_toml(plan.scheme)?);
    match &args.out {
        Some(path) => {
            std::fs::write(path, toml).map_err(Error::file(path))?;
            println!("parameters in {}", path.display());
        }
        None => print!("\n{toml}"),
    }
    Ok(())
}

fn plan(args: &TuneArgs) -> Result<TuningPlan, Error> {
    let scheme = SchemeId::from_name(&args.scheme).ok_or_else(|| {
        let names: Vec<_> = SchemeId::ALL.iter().map(|s| s.name()).collect();
        Error::Usage(format!("--scheme {} is unknown: use one of {}", args.scheme, names.join(", ")))
    })?;
    if !(args.target_fmr > 0.0 && args.target_fmr < 1.0) {
        return Err(Error::Usage(format!("--target-fmr {} must lie between 0 and 1", args.target_fmr)));
    }
    if args.enrolment_captures == 0 {
        return Err(Error::Usage("--enrolment-captures must be at least 1".into()));
    }
    let base = match &args.parameters {
        Some(path) => crate::Scenario::load(&path.to_string_lossy(), &[])?.schemes.parameters,
        None => (args.modality.one()?.definition().usual_parameters)(),
    };
    let (target_fmr, enrolment_captures, seed) = (args.target_fmr, args.enrolment_captures, args.seed);
    Ok(TuningPlan { scheme, target_fmr, enrolment_captures, seed, base })
}

fn subjects(args: &TuneArgs) -> Result<Vec<Subject>, Error> {
    let set = if args.source.is_given() {
        args.source.load(args.modality.one()?, &Method::Comparator(Comparator::FixedLengthBinary))?
    } else {
        synthesise(args.modality.one()?, &args.source.synthetic(args.seed), args.source.extractor.clone())?
    };
    set.by_subject()
}

fn to_text(plan: &TuningPlan, tuned: &Tuned) -> String {
    let mut out = format!("{}, FMR at most {}\n", plan.scheme.name(), plan.target_fmr);
    let _ = writeln!(out, "Chosen on {} subjects", tuned.best().rates.subjects);
    for (i, candidate) in tuned.candidates.iter().enumerate() {
        let mark = if i == tuned.chosen { '*' } else { ' ' };
        let _ = writeln!(out, "{mark} {:<36} {}", candidate.name, rates_text(&candidate.rates));
    }
    let stated = &tuned.stated;
    let _ = writeln!(out, "Stated on {} other subjects", stated.subjects);
    let _ = writeln!(out, "  {:<36} {}", tuned.best().name, rates_text(stated));
    let failures = (stated.failures_to_enrol, stated.failures_to_acquire);
    let _ = writeln!(out, "  failures to enrol {}, to acquire {}", failures.0, failures.1);
    if let Some(frr) = stated.frr() {
        let _ = writeln!(out, "  FRR of one try {:.2} %", 100.0 * frr);
    }
    if let Conformance::NotEnoughEvidence { needed } = against(&stated.fmr, plan.target_fmr) {
        let more = needed.map_or(String::new(), |n| format!(": {} would do", needed_text(n)));
        let _ = writeln!(out, "  not enough evidence for the target{more}");
    }
    out
}

fn rates_text(rates: &PartRates) -> String {
    format!("FNMR {}   FMR {}", rate_text(&rates.fnmr), rate_text(&rates.fmr))
}

fn comment(tuned: &Tuned) -> String {
    let line = |what: &str, rates: &PartRates| format!("# {what} {} subjects: {}\n", rates.subjects, rates_text(rates));
    line("chosen on", &tuned.best().rates) + &line("stated on", &tuned.stated)
}
