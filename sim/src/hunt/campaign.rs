//! A hunt: many seeds on all cores, each tenth played twice, failures shrunk.

use super::fault::{Case, FaultKind};
use super::findings::{Checker, Finding};
use super::journal::Line;
use super::play::{Played, play};
use super::schedule::{Setting, draw};
use super::shrink::{Shrunk, shrink};
use crate::people::Population;
use crate::people::plan;
use crate::people::population::captures_needed;
use crate::people::sensors::Sensors;
use crate::progress::Stage;
use crate::shard::Shard;
use crate::stop::Stop;
use crate::wall::usage::Usage;
use crate::{Error, Scenario};
use biopay_reports::metric::{HUNT, Metric};
use biopay_reports::threshold::{Threshold, Verdicts, judge};
use biopay_server::planted::PlantedBug;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Every so many seeds one is played twice.
const TWICE_EVERY: u64 = 10;
/// Cases that are drawn for each that is played: the one with most that the hunt has not seen is taken.
const DRAWN: u64 = 3;

/// What is hunted, and with what.
pub struct Campaign {
    scenario: Arc<Scenario>,
    population: Arc<Population>,
    setting: Setting,
    bug: Option<PlantedBug>,
}

/// One failing seed.
#[derive(Debug)]
pub struct Failure {
    /// The case as it was drawn.
    pub case: Case,
    /// What was found first.
    pub findings: Vec<Finding>,
    /// The least case that breaks the same promise; none where nobody asked for it.
    pub least: Option<Shrunk>,
}

/// The results of a hunt.
#[derive(Debug, Default)]
pub struct Hunted {
    /// The seeds that were played.
    pub seeds: Vec<u64>,
    /// The virtual time.
    pub lasted: Duration,
    /// The processor time; nothing where the system does not say.
    pub cpu: Duration,
    /// Charges that handsets heard of.
    pub acknowledged: u64,
    /// How often each kind of fault was injected.
    pub injected: BTreeMap<FaultKind, u64>,
    /// What was reached, and by which seed first.
    pub reached: BTreeMap<String, u64>,
    /// How much was reached after how many seeds.
    pub growth: Vec<(usize, usize)>,
    /// How many seeds were played twice.
    pub twice: u64,
    /// Those among them that came out differently, with the first lines that differ.
    pub differing: Vec<(u64, String)>,
    /// Failing seeds.
    pub failures: Vec<Failure>,
}

/// When a hunt ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many seeds.
    Seeds(u64),
    /// After so much processor time.
    Cpu(Duration),
}

/// How a hunt goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guide {
    /// Seed after seed.
    InOrder,
    /// Of some seeds the one whose faults meet in new pairs.
    ByNews,
}

impl Campaign {
    /// Makes the people, once for all seeds.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a scenario that a hunt cannot play; those of making samples.
    pub fn new(scenario: Scenario, kinds: Vec<FaultKind>, bug: Option<PlantedBug>, stop: &Stop) -> Result<Self, Error> {
        if !scenario.server.verification_code || scenario.server.address.is_some() {
            return Err(Error::Usage("a hunt needs server.verification-code = true and a server of its own".into()));
        }
        let plans = plan::draw(&scenario, Shard::WHOLE)?;
        let needed = captures_needed(&scenario.biometric, &plans);
        let mut sensors = Sensors::new(&scenario.biometric, scenario.seed, scenario.subject_count())?;
        sensors.admit(sensors.take_all(&needed, stop.flag(), &|_| {})?);
        let population = Population::make(&scenario, &plans, sensors, stop.flag())?;
        let setting = Setting { handsets: scenario.handsets, payments: scenario.payments.per_handset, kinds };
        Ok(Self { scenario: Arc::new(scenario), population: Arc::new(population), setting, bug })
    }

    /// Plants another bug.
    pub fn with_bug(&self, bug: PlantedBug) -> Self {
        let (scenario, population) = (self.scenario.clone(), self.population.clone());
        Self { scenario, population, setting: self.setting.clone(), bug: Some(bug) }
    }

    /// Holds a hunt against those of the scenario's thresholds that are about hunts.
    ///
    /// # Errors
    ///
    /// That of a threshold that cannot be read, which the scenario's check refuses before.
    pub fn judge(&self, hunted: &Hunted) -> Result<Verdicts, Error> {
        let thresholds = self.scenario.thresholds.iter().map(|text| text.parse());
        let mut thresholds: Vec<Threshold> = thresholds.collect::<Result<_, _>>()?;
        thresholds.retain(Threshold::is_about_hunt);
        Ok(judge(&thresholds, &hunted.figures(), true))
    }

    /// Draws the case of a seed.
    pub fn case(&self, seed: u64) -> Case {
        draw(&self.setting, seed)
    }

    /// Plays a case, to its end or to an event.
    ///
    /// # Errors
    ///
    /// Those of [`play`].
    pub fn play(&self, case: &Case, until: Option<usize>) -> Result<Played, Error> {
        play(&self.scenario, &self.population, case, self.bug, until)
    }

    /// Makes a failing case smaller.
    ///
    /// # Errors
    ///
    /// Those of [`play`].
    pub fn shrink(&self, case: &Case, checker: Checker) -> Result<Shrunk, Error> {
        shrink(case, &|case| Ok(self.play(case, None)?.findings.iter().any(|finding| finding.checker == checker)))
    }

    /// Plays seeds from one on; ends at the first failure if `patience` is one.
    ///
    /// # Errors
    ///
    /// Those of [`play`].
    pub fn hunt(&self, from: u64, until: Until, guide: Guide, patience: usize, stop: &Stop) -> Result<Hunted, Error> {
        let (began, mut hunted, mut next) = (cpu(), Hunted::default(), from);
        let planned = match until {
            Until::Seeds(seeds) => seeds,
            Until::Cpu(_) => u64::MAX,
        };
        let stage = Stage::new("hunting", planned.min(1 << 32));
        let together = rayon::current_num_threads() as u64 * 2;
        loop {
            let spent = cpu().saturating_sub(began);
            let is_over = match until {
                Until::Seeds(seeds) => hunted.seeds.len() as u64 >= seeds,
                Until::Cpu(limit) => spent >= limit,
            };
            if is_over || hunted.failures.len() >= patience || stop.check().is_err() {
                break;
            }
            let left = planned - hunted.seeds.len() as u64;
            let seeds: Vec<u64> = (0..together.min(left)).map(|_| self.choose(&mut next, guide, &hunted)).collect();
            let played: Vec<_> = seeds.par_iter().map(|&seed| self.play_twice(seed)).collect();
            for (seed, played) in seeds.into_iter().zip(played) {
                let (played, again) = played?;
                hunted.add(self.case(seed), played, again);
            }
            let message = format!("{} failing, {} reached", hunted.failures.len(), hunted.reached.len());
            stage.progress(hunted.seeds.len() as u64, planned.min(1 << 32), &message);
        }
        stage.finish();
        hunted.cpu = cpu().saturating_sub(began);
        Ok(hunted)
    }

    /// Plays given seeds, each tenth twice.
    ///
    /// # Errors
    ///
    /// Those of [`play`].
    pub fn replay(&self, seeds: &[u64], stop: &Stop) -> Result<Hunted, Error> {
        let (began, mut hunted) = (cpu(), Hunted::default());
        let stage = Stage::new("replaying", seeds.len() as u64);
        for together in seeds.chunks(rayon::current_num_threads() * 2) {
            if stop.check().is_err() {
                break;
            }
            let played: Vec<_> = together.par_iter().map(|&seed| self.play_twice(seed)).collect();
            for (&seed, played) in together.iter().zip(played) {
                let (played, again) = played?;
                hunted.add(self.case(seed), played, again);
            }
            stage.add(together.len() as u64);
        }
        stage.finish();
        hunted.cpu = cpu().saturating_sub(began);
        Ok(hunted)
    }

    /// Takes the next seed.
    fn choose(&self, next: &mut u64, guide: Guide, hunted: &Hunted) -> u64 {
        let drawn = if guide == Guide::ByNews { DRAWN } else { 1 };
        let first = *next;
        *next += drawn;
        let news =
            |&seed: &u64| pairs(&self.case(seed)).iter().filter(|pair| !hunted.reached.contains_key(*pair)).count();
        // The first of equals, so that nothing depends on how the greatest is searched for.
        (first..first + drawn).rev().max_by_key(news).unwrap_or(first)
    }

    /// Plays a seed and, each tenth, once more; the second result is what differs, if anything does.
    fn play_twice(&self, seed: u64) -> Result<(Played, Option<Option<String>>), Error> {
        let case = self.case(seed);
        let played = self.play(&case, None)?;
        let again = seed.is_multiple_of(TWICE_EVERY).then(|| self.play(&case, None)).transpose()?;
        let difference = again.map(|again| difference(&played.lines, &again.lines));
        Ok((played, difference))
    }
}

impl Hunted {
    /// Returns how many promises were broken, and how many seeds came out differently.
    pub fn violations(&self) -> usize {
        self.failures.len() + self.differing.len()
    }

    /// Returns the figures that thresholds can name.
    fn figures(&self) -> Vec<Metric> {
        let counted = |name: &str, count: u64| Metric::counted(format!("{HUNT}.{name}"), count);
        vec![
            counted("violations", self.violations() as u64),
            counted("seeds.count", self.seeds.len() as u64),
            counted("charges.count", self.acknowledged),
            counted("states.count", self.reached.len() as u64),
        ]
    }

    fn add(&mut self, case: Case, played: Played, again: Option<Option<String>>) {
        self.seeds.push(case.seed);
        self.lasted += played.lasted;
        self.acknowledged += played.acknowledged;
        for (kind, count) in played.injected {
            *self.injected.entry(kind).or_default() += count;
        }
        for name in played.reached {
            self.reached.entry(name).or_insert(case.seed);
        }
        self.growth.push((self.seeds.len(), self.reached.len()));
        if let Some(again) = again {
            self.twice += 1;
            self.differing.extend(again.map(|lines| (case.seed, lines)));
        }
        if !played.findings.is_empty() {
            self.failures.push(Failure { case, findings: played.findings, least: None });
        }
    }

    /// Returns the seeds that reached something first, with how much.
    pub fn corpus(&self) -> BTreeMap<u64, usize> {
        let mut corpus = BTreeMap::new();
        for seed in self.reached.values() {
            *corpus.entry(*seed).or_default() += 1;
        }
        corpus
    }
}

/// Returns the seeds that are kept in the tree: each reached something first, or found a bug that is mended.
pub fn corpus() -> Vec<u64> {
    let lines = include_str!("corpus.txt").lines();
    lines.filter_map(|line| line.split('#').next()?.trim().parse().ok()).collect()
}

/// Returns the first lines in which two journals differ.
fn difference(one: &[Line], other: &[Line]) -> Option<String> {
    let at = (0..one.len().max(other.len())).find(|&at| one.get(at) != other.get(at))?;
    let shown = |lines: &[Line]| lines.get(at).map_or_else(|| "the end".into(), Line::to_string);
    Some(format!("{} | {}", shown(one), shown(other)))
}

/// Returns the pairs of faults of a case, by the names under which they count as reached.
fn pairs(case: &Case) -> BTreeSet<String> {
    let kinds: Vec<FaultKind> =
        case.faults.iter().map(|entry| entry.kind).collect::<BTreeSet<_>>().into_iter().collect();
    let with_later = |at: usize| kinds[at + 1..].iter().map(move |b| (at, *b));
    let pairs = (0..kinds.len()).flat_map(with_later);
    pairs.map(|(at, b)| format!("fault {}+{}", kinds[at].name(), b.name())).collect()
}

fn cpu() -> Duration {
    Usage::own().map_or(Duration::ZERO, |usage| usage.cpu)
}
