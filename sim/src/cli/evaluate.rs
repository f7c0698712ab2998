//! `biopay evaluate`.

use crate::Error;
use crate::evaluation::counts_file::CountsFile;
use crate::evaluation::counts_file::SampleFigures;
use crate::evaluation::engine::{Engine, Outputs};
use crate::evaluation::exhaustive::Exhaustive;
use crate::evaluation::figures::HasScore;
use crate::evaluation::imported::{Imported, ScoreSense, import_lists, import_pairs};
use crate::evaluation::scorer::{SchemeScorer, Scorer, comparator};
use crate::evaluation::source::{Evaluated, RealSamples, SampleSource, synthesise, usual_comparator};
use crate::evaluation::survey::{SurveyOptions, survey};
use crate::evaluation::symbol_cost::{SURVEY_LOOKS, SymbolCosts};
use crate::evaluation::table::{self, TableFormat};
use crate::evaluation::{
    Comparator, ComparisonPlan, Figures, Method, Protocol, SampleSet, SchemeChoice, TokenCondition, committed_bits,
    evaluate, survey_text,
};
use crate::modality::ModalityId;
use crate::shard::Shard;
use biopay_biometrics::scheme::{ComparisonKind, SchemeId, SchemeParameters};
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay evaluate --modality fingerprint --images fingers --dpi 500
  biopay evaluate --modality fingerprint --images fingers --dpi 500 --scores scores.csv --json rates.json
  biopay evaluate --modality face --images faces --scheme index-of-max --enrol 3
  biopay evaluate --modality fingerprint --scheme fuzzy-commitment --enrol 3 --quality 0.9      on synthetic fingers
  biopay evaluate --modality embedding --input embeddings.parquet --comparator fixed-length-binary
  biopay evaluate --modality all --scheme all --target-fmr 1e-3      every scheme side by side, on synthetic samples
  biopay evaluate --modality embedding --scheme all --enrol 1 --captures 2 --subjects 1500      down to an FMR of 1e-6
  biopay evaluate --modality all --scheme all --table latex --real fingerprint=fingers --real face=faces
  biopay evaluate --modality embedding --input e.parquet --shard 0/4 --counts part0.counts
  biopay evaluate --merge part0.counts --merge part1.counts --merge part2.counts --merge part3.counts
  biopay evaluate --import-scores theirs.csv --json rates.json            scores of another program (also Bob's lists)
  biopay evaluate --mated-scores genuine.txt --non-mated-scores impostor.txt --score-sense distance
  biopay evaluate --modality fingerprint --images fingers --write-templates records --trace-stages stages

Images are SUBJECT_IMPRESSION.png (also .tif, .bmp, .pgm, .jpg). Every pair is compared unless --protocol, --pairs or
--enrol says otherwise. Rates are of the comparisons that took place; samples that were not acquired are counted in FTA,
and in the FAR and FRR of one try. Larger scores are more similar. With --counts an interrupted evaluation goes on where it was.";

/// Measures error rates over pairs of samples, by a comparator or a derivation scheme.
#[derive(Args, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct EvaluateArgs {
    /// The kind of samples; `all` only with `--scheme all`.
    #[arg(long, value_enum, required_unless_present_any = ["merge", "import_scores", "mated_scores"])]
    modality: Option<Evaluated>,
    #[command(flatten)]
    source: SampleSource,
    /// The comparator of two samples [default: minutiae for fingerprints, else fixed-length].
    #[arg(long, value_enum, conflicts_with = "scheme")]
    comparator: Option<Comparator>,
    /// The derivation scheme that enrols, derives and verifies; `all` compares every scheme.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// A scenario, or the part of one that `biopay tune` writes, for its scheme parameters.
    #[arg(long, value_name = "FILE.toml", requires = "scheme")]
    parameters: Option<PathBuf>,
    /// Enrols each subject from its first N samples and probes with the others; default: each sample is a reference.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), requires = "scheme")]
    enrol: Option<u8>,
    /// With `--scheme all`: chooses each scheme's parameters for this FMR on half of the subjects, and states the rates on
    /// the other half.
    #[arg(long, value_name = "RATE", requires = "scheme")]
    target_fmr: Option<f64>,
    /// The device token that an impostor has.
    #[arg(long, value_enum, default_value = "stolen")]
    token: TokenCondition,
    /// The seed of enrolments, tokens and synthetic samples.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The pairs that are compared.
    #[arg(long, value_enum, default_value = "all", conflicts_with = "enrol")]
    protocol: Protocol,
    /// Compares the pairs that this file lists, one `a,b` on each line.
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["protocol", "enrol"])]
    pairs: Option<PathBuf>,
    /// Writes `a,b,score` for every comparison, larger is more similar.
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["counts", "shard"])]
    scores: Option<PathBuf>,
    /// With `--scheme all`: real samples beside the synthetic ones, a folder of images or a file of embeddings; give the
    /// option once for each.
    #[arg(long, value_name = "MODALITY=PATH", requires = "scheme")]
    real: Vec<RealSamples>,
    /// With `--scheme all`: writes one table of every row in this format, instead of a text.
    #[arg(long, value_name = "FORMAT", value_enum, requires = "scheme")]
    table: Option<TableFormat>,
    /// Writes the table into this file.
    #[arg(long, value_name = "FILE", requires = "table")]
    table_out: Option<PathBuf>,
    /// Writes the rates as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Saves the counts in this file while running, and resumes from it.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Makes part i of n (from 0) of the comparisons.
    #[arg(long, value_name = "i/n", requires = "counts")]
    shard: Option<Shard>,
    /// Adds up the counts of all shards and prints their rates; give the option once for each file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["modality", "scores", "counts"])]
    merge: Vec<PathBuf>,
    /// States the rates of scores that were made elsewhere: a pair list with a score; give the option once for each file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["modality", "scores", "counts", "merge", "scheme"])]
    import_scores: Vec<PathBuf>,
    /// The same for mated scores alone, one on each line, beside --non-mated-scores.
    #[arg(long, value_name = "FILE", requires = "non_mated_scores",
        conflicts_with_all = ["modality", "scores", "counts", "merge", "scheme", "import_scores"])]
    mated_scores: Option<PathBuf>,
    /// Non-mated scores, one on each line.
    #[arg(long, value_name = "FILE", requires = "mated_scores")]
    non_mated_scores: Option<PathBuf>,
    /// What a larger score of these files says.
    #[arg(long, value_enum, default_value = "similarity")]
    score_sense: ScoreSense,
}

pub(super) fn execute(args: &EvaluateArgs) -> Result<(), Error> {
    let Some(modality) = args.modality else {
        return if args.merge.is_empty() { import(args) } else { merge(args) };
    };
    if args.scheme.as_deref() == Some("all") {
        return compare_schemes(args, modality);
    }
    if args.table.is_some() || !args.real.is_empty() {
        return Err(Error::Usage("--table and --real need --scheme all".into()));
    }
    let modality = modality.one()?;
    let args = &EvaluateArgs { source: args.source.with_extractor_of(args.parameters.as_deref())?, ..args.clone() };
    let method = args.method(modality)?;
    let set = args.samples(modality, &method)?;
    let plan = args.plan(&set)?;
    let title = args.source.title(modality);
    let (mut file, scheme) = run(args, &set, &plan, &method)?;
    file.samples = SampleFigures::of(&set, scheme.as_ref().map_or(0, |s| s.failures_to_enrol));
    let bounds = scheme.as_ref().map(|s| (s.key_bits, s.committed_bits));
    file.scheme = scheme.map(|s| (s.name.to_owned(), s.has_score == HasScore::Yes));
    file.save(args.counts.as_deref())?;
    if let Some(shard) = args.shard {
        println!("shard {shard} is in {}", args.counts.as_deref().unwrap_or(Path::new("")).display());
        return Ok(());
    }
    let mut figures = figures_of(&file)?;
    if let Some((key_bits, committed_bits)) = bounds {
        figures = figures.with_security(key_bits, committed_bits);
    }
    print!("{}", figures.to_text(&title));
    write_json(args, &figures)
}

fn figures_of(file: &CountsFile) -> Result<Figures, Error> {
    let has_score = |has: bool| if has { HasScore::Yes } else { HasScore::No };
    let scheme = file.scheme.as_ref().map(|(name, has)| (name.as_str(), has_score(*has)));
    Figures::new(file, file.samples.clone(), scheme)
}

/// The scheme's properties that are known once references are enrolled.
struct SchemeFacts {
    name: &'static str,
    has_score: HasScore,
    failures_to_enrol: u64,
    key_bits: Option<usize>,
    committed_bits: Option<f64>,
}

fn run(
    args: &EvaluateArgs,
    set: &SampleSet,
    plan: &ComparisonPlan,
    method: &Method,
) -> Result<(CountsFile, Option<SchemeFacts>), Error> {
    let outputs = Outputs {
        scores: args.scores.as_deref(),
        counts: args.counts.as_deref(),
        shard: args.shard.unwrap_or_default(),
    };
    let identity = format!("{} {method:?} {:?} {:?} {:?}", set.digest(), args.protocol, args.enrol, args.pairs);
    match method {
        Method::Scheme(choice) => {
            let scorer = SchemeScorer::new(set, plan, choice)?;
            let file = evaluate(set, plan, &Engine::ByReference(&scorer), &identity, &outputs)?;
            let has_score = match scorer.scheme().comparison() {
                ComparisonKind::Equality => HasScore::No,
                ComparisonKind::Threshold(_) => HasScore::Yes,
            };
            let failures_to_enrol = scorer.failures_to_enrol();
            for (why, times) in scorer.scheme().faults() {
                eprintln!("warning: scheme {}: {times} answers are missing: {why}", choice.id.name());
            }
            let (key_bits, committed_bits) =
                (scorer.scheme().key_bits(), committed_bits(scorer.scheme(), set.people()?));
            let name = choice.id.name();
            Ok((file, Some(SchemeFacts { name, has_score, failures_to_enrol, key_bits, committed_bits })))
        }
        Method::Comparator(kind) if plan.is_exhaustive() && Exhaustive::takes(set, *kind) => {
            let engine = Engine::Exhaustive(Exhaustive::new(set, *kind)?);
            Ok((evaluate(set, plan, &engine, &identity, &outputs)?, None))
        }
        Method::Comparator(kind) => {
            let scorer = comparator(set, *kind)?;
            Ok((evaluate(set, plan, &Engine::ByReference(scorer.as_ref()), &identity, &outputs)?, None))
        }
    }
}

impl EvaluateArgs {
    fn method(&self, modality: ModalityId) -> Result<Method, Error> {
        let Some(name) = &self.scheme else {
            return Ok(Method::Comparator(self.comparator.unwrap_or_else(|| usual_comparator(modality))));
        };
        let id = SchemeId::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = SchemeId::with_own().map(|id| id.name()).collect();
            Error::Usage(format!("--scheme {name} is unknown: use one of {}, or all", known.join(", ")))
        })?;
        let parameters = self.parameters()?.unwrap_or_else(|| (modality.definition().usual_parameters)());
        Ok(Method::Scheme(SchemeChoice { id, parameters, token: self.token, seed: self.seed }))
    }

    /// Loads the samples, or makes synthetic ones if a scheme is measured and no samples are given.
    fn samples(&self, modality: ModalityId, method: &Method) -> Result<SampleSet, Error> {
        match method {
            Method::Scheme(_) if !self.source.is_given() => {
                synthesise(modality, &self.source.synthetic(self.seed), self.source.extractor.clone())
            }
            Method::Scheme(_) | Method::Comparator(_) => self.source.load(modality, method),
        }
    }

    fn parameters(&self) -> Result<Option<SchemeParameters>, Error> {
        let Some(path) = &self.parameters else { return Ok(None) };
        Ok(Some(crate::Scenario::load(&path.to_string_lossy(), &[])?.schemes.parameters))
    }

    fn plan(&self, set: &SampleSet) -> Result<ComparisonPlan, Error> {
        match (&self.pairs, self.enrol) {
            (Some(list), _) => ComparisonPlan::listed(set, list),
            (None, Some(samples)) => ComparisonPlan::enrolled(set, samples.into()),
            (None, None) => Ok(ComparisonPlan::samples(set, self.protocol)),
        }
    }
}

fn compare_schemes(args: &EvaluateArgs, modality: Evaluated) -> Result<(), Error> {
    let options = SurveyOptions {
        parameters: args.parameters()?,
        target_fmr: args.target_fmr,
        enrolled: args.enrol.unwrap_or(3).into(),
        seed: args.seed,
    };
    let own = args.source.with_extractor_of(args.parameters.as_deref())?;
    let mut symbols = SymbolCosts::new(args.seed, SURVEY_LOOKS);
    let modalities = modality.each();
    if let Some(real) = args.real.iter().find(|real| !modalities.contains(&real.modality)) {
        return Err(Error::Usage(format!("--real {}=... needs --modality all or its own", real.modality.name())));
    }
    let mut surveys = Vec::new();
    for &modality in &modalities {
        let real = args.real.iter().filter(|real| real.modality == modality).map(|real| own.real(real));
        for source in [own.clone()].into_iter().chain(real) {
            surveys.push(survey(modality, &source, &options, &mut symbols)?);
        }
    }
    match args.table {
        Some(format) => {
            for survey in &surveys {
                for (scheme, why) in &survey.left_out {
                    eprintln!("warning: {}, {}: {scheme} has no row: {why}", survey.modality, survey.source);
                }
            }
            write_table(args, &table::write(&surveys, format)?)?;
        }
        None => surveys.iter().for_each(|survey| println!("{}", survey_text::to_text(survey))),
    }
    write_json(args, &surveys)
}

fn write_table(args: &EvaluateArgs, text: &str) -> Result<(), Error> {
    match &args.table_out {
        Some(path) => std::fs::write(path, text).map_err(Error::file(path)),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

fn merge(args: &EvaluateArgs) -> Result<(), Error> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), CountsFile::read(path)?));
    let merged = CountsFile::merge(args.merge.iter().map(read).collect::<Result<_, Error>>()?)?;
    let figures = figures_of(&merged)?;
    print!("{}", figures.to_text(&format!("{} shards", args.merge.len())));
    write_json(args, &figures)
}

fn import(args: &EvaluateArgs) -> Result<(), Error> {
    let (Imported { file, notes }, title) = match (&args.mated_scores, &args.non_mated_scores) {
        (Some(mated), Some(non_mated)) => (
            import_lists(mated, non_mated, args.score_sense)?,
            format!("{} and {}", mated.display(), non_mated.display()),
        ),
        _ => {
            let names: Vec<String> = args.import_scores.iter().map(|path| path.display().to_string()).collect();
            (import_pairs(&args.import_scores, args.score_sense)?, names.join(", "))
        }
    };
    let figures = figures_of(&file)?;
    print!("{}", figures.to_text(&title));
    notes.iter().for_each(|note| println!("note: {note}"));
    write_json(args, &figures)
}

fn write_json(args: &EvaluateArgs, figures: &impl serde::Serialize) -> Result<(), Error> {
    let Some(path) = &args.json else { return Ok(()) };
    let text = serde_json::to_string_pretty(figures).map_err(|e| Error::Usage(e.to_string()))?;
    std::fs::write(path, text).map_err(Error::file(path))
}
