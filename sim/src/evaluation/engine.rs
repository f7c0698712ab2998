//! The comparisons of a plan, made on all cores, in units that can be resumed, sharded and merged.

use super::counts_file::{self, CountsFile};
use super::exhaustive::{Exhaustive, UNITS};
use super::plan::ComparisonPlan;
use super::scorer::{Compared, Scorer};
use super::{Counts, SampleSet};
use crate::Error;
use crate::csv_file;
use crate::progress::Stage;
use crate::shard::Shard;
use rayon::prelude::*;
use std::path::Path;

/// References whose comparisons are held in memory at a time, before they are counted in order.
const ROWS_AT_A_TIME: usize = 64;

/// The way in which a plan's comparisons are made.
pub enum Engine<'a> {
    /// Reference by reference, any scorer.
    ByReference(&'a dyn Scorer),
    /// Every pair of fixed-length templates, by the kernels.
    Exhaustive(Exhaustive<'a>),
}

/// The outputs of comparisons beside the counts, and the part to do.
#[derive(Default)]
pub struct Outputs<'a> {
    /// `a,b,score` of every pair; no score where no comparison took place.
    pub scores: Option<&'a Path>,
    /// The file of counts: written after every unit, and resumed if it belongs to the same evaluation.
    pub counts: Option<&'a Path>,
    /// Which part of the units to do.
    pub shard: Shard,
}

/// Makes all comparisons of a plan, or of a shard of it.
///
/// `identity` identifies samples, method and parameters: counts of another identity are refused.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Usage`] for counts of another evaluation.
pub fn evaluate(
    set: &SampleSet,
    plan: &ComparisonPlan,
    engine: &Engine<'_>,
    identity: &str,
    outputs: &Outputs<'_>,
) -> Result<CountsFile, Error> {
    let scorer = engine.scorer();
    let design = plan.design(&|reference| scorer.is_enrolled(reference), &|probe| scorer.is_acquired(probe));
    let mut file = CountsFile::open(outputs.counts, identity, outputs.shard, design)?;
    let units: Vec<usize> = counts_file::units(outputs.shard).collect();
    let pairs = plan.pairs() / u64::from(outputs.shard.numbers().1);
    let stage = Stage::new("comparing", pairs.max(1));
    stage.add(pairs * file.units_done as u64 / units.len().max(1) as u64);
    if let Some(path) = outputs.scores {
        write_every_score(set, plan, engine, path, &mut file.counts, &stage)?;
    } else {
        for &unit in &units[file.units_done..] {
            file.counts.merge(engine.unit(plan, unit, &|pairs| stage.add(pairs)));
            file.units_done += 1;
            file.save(outputs.counts)?;
        }
    }
    file.units_done = units.len();
    stage.finish();
    file.save(outputs.counts)?;
    Ok(file)
}

impl Engine<'_> {
    fn unit(&self, plan: &ComparisonPlan, unit: usize, progress: &(dyn Fn(u64) + Sync)) -> Counts {
        match self {
            Self::Exhaustive(exhaustive) => exhaustive.unit(unit, progress),
            Self::ByReference(scorer) => {
                let references: Vec<usize> = (0..plan.references().len()).skip(unit).step_by(UNITS).collect();
                let mut counts = Counts::default();
                for some in references.chunks(ROWS_AT_A_TIME) {
                    for (&reference, row) in some.iter().zip(rows(plan, *scorer, some)) {
                        progress(row.len() as u64);
                        row.into_iter().for_each(|(probe, c)| count(plan, reference, probe, c, &mut counts));
                    }
                }
                counts
            }
        }
    }

    fn compare(&self, plan: &ComparisonPlan, references: &[usize]) -> Vec<Vec<(u32, Compared)>> {
        rows(plan, self.scorer(), references)
    }

    fn scorer(&self) -> &dyn Scorer {
        match self {
            Self::ByReference(scorer) => *scorer,
            Self::Exhaustive(exhaustive) => exhaustive,
        }
    }
}

fn count(plan: &ComparisonPlan, reference: usize, probe: u32, compared: Compared, counts: &mut Counts) {
    counts.add(plan.references()[reference].subject, plan.subject(probe as usize), compared);
}

/// Compares some references with all their probes, each reference on one core unless there is only one.
fn rows(plan: &ComparisonPlan, scorer: &dyn Scorer, references: &[usize]) -> Vec<Vec<(u32, Compared)>> {
    let row = |&reference: &usize| {
        let probes = plan.probes(reference);
        probes.into_par_iter().map(|probe| (probe, scorer.compare(reference, probe as usize))).collect()
    };
    references.par_iter().map(row).collect()
}

/// Counts and writes every comparison, in the order of references and probes.
fn write_every_score(
    set: &SampleSet,
    plan: &ComparisonPlan,
    engine: &Engine<'_>,
    path: &Path,
    counts: &mut Counts,
    stage: &Stage,
) -> Result<(), Error> {
    let mut out = csv_file::create(path, &["a", "b", "score"])?;
    let references: Vec<usize> = (0..plan.references().len()).collect();
    for some in references.chunks(ROWS_AT_A_TIME) {
        for (&reference, row) in some.iter().zip(engine.compare(plan, some)) {
            let a = &set.names()[plan.references()[reference].samples.start];
            stage.add(row.len() as u64);
            for (probe, compared) in row {
                let score = if compared.score.is_finite() { compared.score.to_string() } else { String::new() };
                let fields = [a, &set.names()[probe as usize], &score];
                out.write_record(fields).map_err(csv_file::unwritten(path))?;
                count(plan, reference, probe, compared, counts);
            }
        }
    }
    out.flush().map_err(Error::file(path))
}
