//! Shares of successes of attacks in each configuration, their lift over the false match rate, and verdicts against named
//! requirements.

use super::scheme::SchemeSummary;
use crate::records::{Attack, AttackFigure, Defence};
use crate::run_folder::manifest::{AttackRequirement, AttackTerms};
use crate::statistics::evidence::cluster::MatedErrors;
use crate::statistics::evidence::rate::Rate;
use serde::Serialize;
use std::collections::BTreeMap;

/// How often one form of an attack succeeded in one configuration.
#[derive(Clone, Debug, Serialize)]
pub struct AttackSummary {
    /// The attack.
    pub attack: String,
    /// Which form of it.
    pub variant: String,
    /// How the system was defended.
    pub configuration: String,
    /// Derivation scheme; empty where it makes no difference.
    pub scheme: String,
    /// What the attacker knows.
    pub knowledge: String,
    /// Attacks that were let through, over all.
    pub success: Rate,
    /// Presentations or queries in all.
    pub tries: u64,
    /// What the attacker would have spent on a target at most.
    pub budget: u64,
    /// The share over the scheme's false match rate in the same run; nothing where the scheme does not decide, either is
    /// not known, or nobody was let in.
    pub lift: Option<f64>,
    /// What the share is held against; `None` for an attack that only measures.
    pub requirement: Option<AttackRequirement>,
    /// Whether the attack succeeded at all in its negative control; `None` for the control itself, and where there is none.
    pub control_succeeded: Option<bool>,
}

impl AttackSummary {
    /// Whether the attacked system is meant to resist: not a negative control, and not the patent's own design.
    pub fn is_defended(&self) -> bool {
        [Defence::Hardened, Defence::Scenario, Defence::AsConfigured]
            .iter()
            .any(|defence| self.configuration == *defence)
    }
}

/// Sums attacks up, one entry a form, scheme and configuration. Shares are clustered by the attacked subject.
///
/// An attack that `terms` does not name is measured against nothing. A target at which no query was made is no trial.
pub fn summaries(
    attacks: &[Attack],
    schemes: &[SchemeSummary],
    terms: &BTreeMap<String, AttackTerms>,
) -> Vec<AttackSummary> {
    let mut groups: BTreeMap<_, (MatedErrors, u64, &Attack)> = BTreeMap::new();
    for a in attacks.iter().filter(|a| a.tries > 0 || a.succeeded) {
        let key = (&a.attack, &a.variant, &a.scheme, &a.configuration);
        let (successes, tries, _) = groups.entry(key).or_insert_with(|| (MatedErrors::default(), 0, a));
        successes.add(a.target_subject, a.succeeded);
        *tries += a.tries;
    }
    let summary = |(successes, tries, first): (MatedErrors, u64, &Attack)| {
        let success = successes.rate();
        let terms = terms.get(&first.attack);
        let schemes = if terms.is_some_and(|terms| terms.is_decided_by_scheme) { schemes } else { &[] };
        let false_matches = schemes.iter().find(|s| s.scheme == first.scheme).and_then(|s| s.fmr.value());
        let lift = success.value().zip(false_matches).filter(|(share, fmr)| *share > 0.0 && *fmr > 0.0);
        AttackSummary {
            attack: first.attack.clone(),
            variant: first.variant.clone(),
            configuration: first.configuration.clone(),
            scheme: first.scheme.clone(),
            knowledge: first.knowledge.clone(),
            success,
            tries,
            budget: first.budget,
            lift: lift.map(|(share, fmr)| share / fmr),
            requirement: terms.and_then(|terms| terms.requirement.clone()),
            control_succeeded: None,
        }
    };
    with_controls(groups.into_values().map(summary).collect())
}

/// Tells each form in each configuration whether its negative control succeeded.
fn with_controls(mut summaries: Vec<AttackSummary>) -> Vec<AttackSummary> {
    let key = |s: &AttackSummary| (s.attack.clone(), s.variant.clone(), s.scheme.clone());
    let is_control = |s: &AttackSummary| s.configuration == Defence::Control;
    let controls = summaries.iter().filter(|s| is_control(s));
    let succeeded: BTreeMap<_, bool> = controls.map(|s| (key(s), s.success.count > 0)).collect();
    for summary in summaries.iter_mut().filter(|s| !is_control(s)) {
        summary.control_succeeded = succeeded.get(&key(summary)).copied();
    }
    summaries
}

/// A line of a table: a form of an attack with its result in each configuration.
#[derive(Clone, Debug)]
pub struct AttackLine<'a, T> {
    /// The attack.
    pub attack: &'a str,
    /// Which form of it.
    pub variant: &'a str,
    /// Derivation scheme; empty where it makes no difference.
    pub scheme: &'a str,
    /// What is measured; empty for shares of successes.
    pub measure: &'a str,
    /// By configuration, in the order of [`Defence::SURVEYED`].
    pub cells: [Option<&'a T>; Defence::SURVEYED.len()],
}

/// Lays sums out by line; what came between a run's own handsets is left out.
pub fn lines(summaries: &[AttackSummary]) -> Vec<AttackLine<'_, AttackSummary>> {
    laid_out(summaries, |s| ([&s.attack, &s.variant, &s.scheme, ""], &s.configuration))
}

/// Lays figures out by line.
pub fn figure_lines(figures: &[AttackFigure]) -> Vec<AttackLine<'_, AttackFigure>> {
    laid_out(figures, |f| ([&f.attack, &f.variant, &f.scheme, &f.measure], &f.configuration))
}

fn laid_out<'a, T>(items: &'a [T], key: impl Fn(&'a T) -> ([&'a str; 4], &'a str)) -> Vec<AttackLine<'a, T>> {
    let mut out: Vec<AttackLine<'a, T>> = Vec::new();
    let mut places: BTreeMap<[&str; 4], usize> = BTreeMap::new();
    for item in items {
        let (words, configuration) = key(item);
        let Some(column) = Defence::SURVEYED.iter().position(|defence| configuration == *defence) else { continue };
        let at = *places.entry(words).or_insert_with(|| {
            let [attack, variant, scheme, measure] = words;
            out.push(AttackLine { attack, variant, scheme, measure, cells: [None; Defence::SURVEYED.len()] });
            out.len() - 1
        });
        out[at].cells[column].get_or_insert(item);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::attack_verdict::{AttackVerdict, verdict};

    fn attack(configuration: &str, target: u32, succeeded: bool) -> Attack {
        Attack {
            attack: "replay".into(),
            variant: "copied".into(),
            configuration: configuration.into(),
            scheme: "template".into(),
            knowledge: "a symbol".into(),
            target_subject: target,
            attacker_subject: 9,
            tries: 2,
            budget: 3,
            succeeded,
            outcome: String::new(),
            took_us: 0,
        }
    }

    fn terms() -> BTreeMap<String, AttackTerms> {
        let requirement = Some(AttackRequirement { source: "a standard".into(), max: 0.1 });
        BTreeMap::from([("replay".into(), AttackTerms { requirement, is_decided_by_scheme: false })])
    }

    #[test]
    fn configurations_are_columns_of_one_line() {
        let rows: Vec<Attack> = (0..40)
            .flat_map(|t| {
                [
                    attack("hardened", t, false),
                    attack("control", t, true),
                    attack(Defence::AsConfigured.name(), t, true),
                ]
            })
            .collect();
        let summaries = summaries(&rows, &[], &terms());
        assert_eq!(summaries.len(), 3);
        let lines = lines(&summaries);
        assert_eq!(lines.len(), 1);
        let [literal, hardened, control, scenario] = lines[0].cells;
        assert!(literal.is_none() && scenario.is_none());
        assert_eq!((hardened.unwrap().success.count, control.unwrap().success.count), (0, 40));
        assert_eq!(hardened.unwrap().tries, 80);
        assert_eq!(verdict(hardened.unwrap()), Some(AttackVerdict::Resisted));
        assert_eq!(verdict(control.unwrap()), Some(AttackVerdict::NotResisted));
    }

    #[test]
    fn few_trials_decide_nothing() {
        let rows: Vec<Attack> = (0..5).map(|t| attack("hardened", t, false)).collect();
        let found = summaries(&rows, &[], &terms());
        assert!(matches!(verdict(&found[0]), Some(AttackVerdict::NotEnoughEvidence { .. })));
    }

    #[test]
    fn without_a_success_in_the_control_nothing_was_measured() {
        let rows: Vec<Attack> =
            (0..40).flat_map(|t| [attack("hardened", t, false), attack("control", t, false)]).collect();
        let found = summaries(&rows, &[], &terms());
        let hardened = found.iter().find(|s| s.configuration == Defence::Hardened).unwrap();
        assert_eq!(verdict(hardened), Some(AttackVerdict::NotMeasured));
    }

    #[test]
    fn a_flaw_that_exists_or_not_is_shown_by_one_success_and_a_target_without_a_query_is_no_trial() {
        let mut rows: Vec<Attack> = (0..40).map(|t| attack("hardened", t, t == 7)).collect();
        rows.extend((40..80).map(|t| Attack { tries: 0, ..attack("hardened", t, false) }));
        let one = |max| {
            let requirement = Some(AttackRequirement { source: "a standard".into(), max });
            let terms = BTreeMap::from([("replay".into(), AttackTerms { requirement, is_decided_by_scheme: false })]);
            summaries(&rows, &[], &terms).remove(0)
        };
        assert_eq!((one(0.1).success.count, one(0.1).success.total), (1, 40));
        assert!(matches!(verdict(&one(0.1)), Some(AttackVerdict::NotEnoughEvidence { .. })));
        assert_eq!(verdict(&one(0.0)), Some(AttackVerdict::NotResisted));
    }
}
