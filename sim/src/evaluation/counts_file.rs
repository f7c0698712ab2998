//! The file of counts, from which an interrupted evaluation resumes and shards are merged.

use super::exhaustive::UNITS;
use super::intake::Intake;
use super::{Counts, SampleSet};
use crate::Error;
use crate::shard::Shard;
use biopay_reports::cluster::Design;
use biopay_reports::interval::Rate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The numbers of samples, subjects and failures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleFigures {
    /// Samples.
    pub images: usize,
    /// Subjects among them.
    pub subjects: usize,
    /// Samples that were not acquired, by reason.
    pub failures_to_acquire: BTreeMap<String, u64>,
    /// The share of samples that were not acquired.
    pub failure_to_acquire: Option<Rate>,
    /// References that could not be enrolled.
    pub failures_to_enrol: u64,
    /// The folder's files that were not taken, and samples that are copies of others.
    pub intake: Intake,
}

impl SampleFigures {
    /// Describes a set of samples.
    pub fn of(set: &SampleSet, failures_to_enrol: u64) -> Self {
        Self {
            images: set.len(),
            subjects: set.subject_count(),
            failures_to_acquire: set.failures().clone(),
            failure_to_acquire: Some(set.failure_to_acquire()),
            failures_to_enrol,
            intake: set.intake().clone(),
        }
    }
}

/// The layout's version, the first thing in the file.
const VERSION: u16 = 4;

/// Counts, the evaluation that they belong to, and its progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CountsFile {
    version: u16,
    /// Samples, method and parameters.
    identity: String,
    shards: Vec<Shard>,
    design: Design,
    /// What is known of the samples, for whoever merges shards without them.
    pub samples: SampleFigures,
    /// The scheme's name, and whether it gives scores, where a scheme was evaluated.
    pub scheme: Option<(String, bool)>,
    /// The number of units that are counted.
    pub units_done: usize,
    /// The counts.
    pub counts: Counts,
}

impl CountsFile {
    /// Starts counts, or resumes those of the same evaluation from a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Usage`] if the file belongs to another evaluation, or there are more shards than
    /// units.
    pub fn open(path: Option<&Path>, identity: &str, shard: Shard, design: Design) -> Result<Self, Error> {
        if units(shard).next().is_none() {
            return Err(Error::Usage(format!("shard {shard} is empty: use at most {UNITS} shards")));
        }
        if let Some(path) = path.filter(|p| p.exists()) {
            let found = Self::read(path)?;
            if found.identity == identity && found.shards == [shard] {
                return Ok(found);
            }
            let message = "contains counts of other samples, another method or another shard: name another file";
            return Err(Error::Usage(format!("{}: {message}", path.display())));
        }
        let identity = identity.to_owned();
        let counts = Counts::default();
        Ok(Self {
            version: VERSION,
            identity,
            shards: vec![shard],
            design,
            samples: SampleFigures::default(),
            scheme: None,
            units_done: 0,
            counts,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Usage`] for other files and versions.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        let known = postcard::from_bytes::<Self>(&bytes).ok().filter(|found| found.version == VERSION);
        known.ok_or_else(|| Error::Usage(format!("{}: not a file of comparison counts", path.display())))
    }

    /// Writes the file under a temporary name and renames it.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn save(&self, path: Option<&Path>) -> Result<(), Error> {
        let Some(path) = path else { return Ok(()) };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let bytes = postcard::to_stdvec(self).map_err(|e| Error::Usage(e.to_string()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Error::file(path))?;
        file.write_all(&bytes).map_err(Error::file(path))?;
        file.persist(path).map_err(|e| Error::file(path)(e.error))?;
        Ok(())
    }

    /// Adds up all shards of one evaluation.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a missing, repeated, unfinished or foreign shard.
    pub fn merge(files: Vec<(String, Self)>) -> Result<Self, Error> {
        let mut files = files.into_iter();
        let Some((_, mut all)) = files.next() else { return Err(Error::Usage("nothing to merge".into())) };
        let mut done = vec![(all.shards[0], all.units_done)];
        for (name, file) in files {
            if file.identity != all.identity || file.design != all.design {
                return Err(Error::Usage(format!("{name}: counts of other samples or another method")));
            }
            if all.shards.contains(&file.shards[0]) || count_of(&file) != count_of(&all) {
                return Err(Error::Usage(format!("{name}: a repeated shard, or one of another number of shards")));
            }
            done.push((file.shards[0], file.units_done));
            all.shards.extend(file.shards);
            all.counts.merge(file.counts);
        }
        let count = count_of(&all);
        if all.shards.len() != count as usize {
            return Err(Error::Usage(format!("{} of {count} shards: the others are missing", all.shards.len())));
        }
        if let Some((shard, _)) = done.iter().find(|(shard, done)| *done < units(*shard).count()) {
            return Err(Error::Usage(format!("shard {shard} is not finished: run it again")));
        }
        Ok(all)
    }

    /// Returns how often each pair of subjects was compared.
    pub fn design(&self) -> &Design {
        &self.design
    }
}

/// Lists the units of an evaluation that belong to a shard.
pub(super) fn units(shard: Shard) -> impl Iterator<Item = usize> {
    (0..UNITS).filter(move |&unit| shard.holds(unit as u32))
}

fn count_of(file: &CountsFile) -> u32 {
    file.shards[0].numbers().1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: u32, identity: &str) -> (String, CountsFile) {
        let shard = Shard::new(index, 2).unwrap();
        let mut file = CountsFile::open(None, identity, shard, Design::default()).unwrap();
        file.units_done = 32;
        file.counts.add_non_mated(0.5, 10);
        (format!("part{index}"), file)
    }

    #[test]
    fn shards_merge_once_each_and_all_of_them() {
        let merged = CountsFile::merge(vec![part(1, "a"), part(0, "a")]).unwrap();
        assert_eq!(merged.counts.scores().non_mated.total(), 20);
        let refused = |parts: Vec<(String, CountsFile)>| CountsFile::merge(parts).err().unwrap().to_string();
        assert!(refused(vec![part(1, "a")]).contains("missing"));
        assert!(refused(vec![part(1, "a"), part(1, "a")]).contains("repeated"));
        assert!(refused(vec![part(0, "a"), part(1, "b")]).contains("other samples"));
        let mut unfinished = part(1, "a");
        unfinished.1.units_done = 31;
        assert!(refused(vec![part(0, "a"), unfinished]).contains("not finished"));
    }

    #[test]
    fn a_shard_without_a_unit_is_refused() {
        let open = |text: &str| CountsFile::open(None, "a", text.parse().unwrap(), Design::default());
        assert!(open("63/64").is_ok() && open("0/65").is_ok());
        assert!(open("64/65").err().unwrap().to_string().contains("at most 64"));
    }
}
