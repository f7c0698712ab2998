//! The plan of an evaluation: the references, and the probes that each is compared with.

use super::SampleSet;
use crate::Error;
use crate::csv_file::read_rows;
use biopay_reports::cluster::Design;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// The protocols, which choose the compared pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Every pair of samples.
    All,
    /// Every mated pair, and each subject's first sample with the first sample of every other subject (Maio et al.
    /// 2002, FVC2000; also called first-impression non-mated).
    #[value(alias = "first-impression")]
    Fvc,
}

/// The references, made of one or several samples each, and the probes that each is compared with.
pub struct ComparisonPlan {
    references: Vec<Reference>,
    probes: Probes,
    subjects: Vec<u32>,
    samples: Vec<Range<usize>>,
}

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The samples from which it is enrolled, adjacent.
    pub samples: Range<usize>,
    /// The subject of the samples.
    pub subject: u32,
}

enum Probes {
    /// Every later sample.
    Later,
    /// Every later sample of the same subject; a first sample also every other subject's later first.
    Fvc,
    /// Every sample that is not part of a reference.
    NotEnrolled { enrolled: usize },
    /// The listed probes.
    Listed(Vec<Vec<u32>>),
}

impl ComparisonPlan {
    /// Plans comparisons of samples with samples.
    pub fn samples(set: &SampleSet, protocol: Protocol) -> Self {
        let references =
            set.subjects().iter().enumerate().map(|(i, &subject)| Reference { samples: i..i + 1, subject });
        let probes = match protocol {
            Protocol::All => Probes::Later,
            Protocol::Fvc => Probes::Fvc,
        };
        Self::new(set, references.collect(), probes)
    }

    /// Plans comparisons of one reference for each subject, enrolled from its first `enrolled` samples, with every
    /// other sample.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if a subject has too few samples for a mated comparison.
    pub fn enrolled(set: &SampleSet, enrolled: usize) -> Result<Self, Error> {
        let samples = set.samples_of_subjects();
        if let Some(few) = samples.iter().find(|s| s.len() <= enrolled) {
            let name = &set.names()[few.start];
            let message = format!("the subject of {name} has {} samples; --enrol {enrolled} needs one more", few.len());
            return Err(Error::Usage(message));
        }
        let reference =
            |(i, s): (usize, &Range<usize>)| Reference { samples: s.start..s.start + enrolled, subject: i as u32 };
        let references = samples.iter().enumerate().map(reference).collect();
        Ok(Self::new(set, references, Probes::NotEnrolled { enrolled }))
    }

    /// Plans the comparisons that a CSV file lists: one `a,b` on each line, by the samples' names.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Usage`] with the line that is not a pair of known samples.
    pub fn listed(set: &SampleSet, path: &Path) -> Result<Self, Error> {
        let index: BTreeMap<&str, usize> = set.names().iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
        let mut lists = vec![Vec::new(); set.len()];
        for (number, row) in read_rows(path)?.into_iter().enumerate() {
            // Names are compared in one form, whichever system wrote the list.
            let pair = row.fields.get(0).zip(row.fields.get(1));
            let pair = pair.map(|(a, b)| (a.nfc().collect::<String>(), b.nfc().collect::<String>()));
            if number == 0 && pair.as_ref().is_some_and(|(a, b)| a == "a" && b == "b") {
                continue;
            }
            let known = pair.and_then(|(a, b)| Some((*index.get(a.as_str())?, *index.get(b.as_str())?)));
            let Some((a, b)) = known.filter(|(a, b)| a != b) else {
                let fields: Vec<&str> = row.fields.iter().collect();
                let (path, line) = (path.display(), row.line);
                let message = format!("{path}, line {line}: its first two fields are not two samples: {fields:?}");
                return Err(Error::Usage(message));
            };
            lists[a].push(b as u32);
        }
        let references =
            set.subjects().iter().enumerate().map(|(i, &subject)| Reference { samples: i..i + 1, subject });
        Ok(Self::new(set, references.collect(), Probes::Listed(lists)))
    }

    /// Returns the plan with every mated comparison and one in `every` non-mated ones of each reference.
    pub fn thinned(&self, every: usize) -> Self {
        let kept = |(number, reference): (usize, &Reference)| {
            let probes = self.probes(number).into_iter();
            let is_kept = |probe: &u32| {
                self.subject(*probe as usize) == reference.subject || (*probe as usize + number).is_multiple_of(every)
            };
            probes.filter(is_kept).collect()
        };
        let lists = self.references.iter().enumerate().map(kept).collect();
        Self {
            references: self.references.clone(),
            probes: Probes::Listed(lists),
            subjects: self.subjects.clone(),
            samples: self.samples.clone(),
        }
    }

    fn new(set: &SampleSet, references: Vec<Reference>, probes: Probes) -> Self {
        Self { references, probes, subjects: set.subjects().to_vec(), samples: set.samples_of_subjects() }
    }

    /// Returns the references.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Returns a sample's subject.
    pub fn subject(&self, sample: usize) -> u32 {
        self.subjects[sample]
    }

    /// Returns the probes that a reference is compared with, in ascending order unless listed.
    pub fn probes(&self, reference: usize) -> Vec<u32> {
        let all = self.subjects.len() as u32;
        match &self.probes {
            Probes::Later => (reference as u32 + 1..all).collect(),
            Probes::Listed(lists) => lists[reference].clone(),
            Probes::Fvc => {
                let own = self.references[reference].subject as usize;
                let mated = reference as u32 + 1..self.samples[own].end as u32;
                let is_first = self.samples[own].start == reference;
                let others = self.samples[own + 1..].iter().filter(|_| is_first).map(|s| s.start as u32);
                mated.chain(others).collect()
            }
            Probes::NotEnrolled { enrolled } => {
                self.samples.iter().flat_map(|s| s.start as u32 + *enrolled as u32..s.end as u32).collect()
            }
        }
    }

    /// Returns the number of comparisons.
    pub fn pairs(&self) -> u64 {
        if self.is_exhaustive() {
            let samples = self.subjects.len() as u64;
            return samples * samples.saturating_sub(1) / 2;
        }
        (0..self.references.len()).map(|r| self.probes(r).len() as u64).sum()
    }

    /// Returns whether every pair of samples is compared, each once.
    pub fn is_exhaustive(&self) -> bool {
        matches!(self.probes, Probes::Later)
    }

    /// Returns how often each pair of subjects is compared, where a comparison takes place only if its reference was
    /// enrolled and its probe acquired.
    pub fn design(&self, is_enrolled: &dyn Fn(usize) -> bool, is_acquired: &dyn Fn(usize) -> bool) -> Design {
        let count = |samples: Range<usize>, is: &dyn Fn(usize) -> bool| samples.filter(|&i| is(i)).count() as u64;
        let each = |of: &dyn Fn(&Range<usize>) -> u64| self.samples.iter().map(of).collect::<Vec<u64>>();
        match &self.probes {
            Probes::Later => Design::InOrder {
                references: each(&|s| count(s.clone(), is_enrolled)),
                probes: each(&|s| count(s.clone(), is_acquired)),
            },
            Probes::Fvc => Design::InOrder {
                references: each(&|s| count(s.start..s.start + 1, is_enrolled)),
                probes: each(&|s| count(s.start..s.start + 1, is_acquired)),
            },
            Probes::NotEnrolled { enrolled } => Design::EveryProbe {
                probes: each(&|s| count(s.start + enrolled..s.end, is_acquired)),
                is_enrolled: (0..self.references.len()).map(is_enrolled).collect(),
            },
            Probes::Listed(lists) => self.listed_design(lists, is_enrolled, is_acquired),
        }
    }

    fn listed_design(
        &self,
        lists: &[Vec<u32>],
        is_enrolled: &dyn Fn(usize) -> bool,
        is_acquired: &dyn Fn(usize) -> bool,
    ) -> Design {
        let mut pairs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (a, probes) in lists.iter().enumerate().filter(|(a, _)| is_enrolled(*a)) {
            for &b in probes.iter().filter(|&&b| is_acquired(b as usize)) {
                let (a, b) = (self.references[a].subject, self.subjects[b as usize]);
                if a != b {
                    *pairs.entry((a.min(b), a.max(b))).or_default() += 1;
                }
            }
        }
        Design::Listed(pairs.into_iter().collect())
    }
}
