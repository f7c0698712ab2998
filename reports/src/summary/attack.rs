//! Shares of successes of attacks in each configuration, their lift over the false match rate, and verdicts against named
//! requirements.

use super::scheme::SchemeSummary;
use crate::records::{Attack, AttackFigure, Defence, ZERO_EFFORT};
use crate::statistics::cluster::MatedErrors;
use crate::statistics::interval::Rate;
use crate::statistics::limit::{Conformance, against};
use serde::Serialize;
use std::collections::BTreeMap;

/// The attacks whose success is the scheme's to decide, so that its false match rate is what they are measured against.
const LIFTED: [&str; 8] = [
    ZERO_EFFORT,
    "brute-force",
    "decision-climbing",
    "score-climbing",
    "dictionary",
    "offline-search",
    "inversion",
    "presentation",
];

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
}

/// A published limit on an attack's success.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AttackRequirement {
    /// The attack.
    pub attack: &'static str,
    /// What it is held against.
    pub source: &'static str,
    /// Greatest share of attacks that may succeed.
    pub max: f64,
}

/// The share that an attack with a counter-measure may reach: the resistance of 90 % that SP 800-63B-3, 5.2.3 asks of
/// presentation attack detection, taken for attacks for which no standard says a number.
const RESISTED: f64 = 0.10;

/// The requirements, by attack.
pub const REQUIREMENTS: [AttackRequirement; 24] = [
    require(ZERO_EFFORT, "NIST SP 800-63B-4, 3.2.3: false matches of 1 in 10,000 or better", 1e-4),
    require("brute-force", "NIST SP 800-63B-3, 5.2.2: guessing is limited per account", RESISTED),
    require("decision-climbing", "NIST SP 800-63B-3, 5.2.2: guessing is limited per account", RESISTED),
    require("replay", "NIST SP 800-63B-3, 5.2.8: replay resistance", RESISTED),
    require(
        "re-enrolment",
        "NIST SP 800-63B-3, 6.1.2: binding another authenticator needs one that is bound",
        RESISTED,
    ),
    require("credential-stuffing", "NIST SP 800-63B-3, 4.2: two different factors", RESISTED),
    require("name-enumeration", "CWE-204: an answer that tells who has an account", RESISTED),
    require("code-guessing", "Regulation (EU) 2018/389, 4(3)(b): at most five failed attempts in a row", RESISTED),
    require("code-interception", "NIST SP 800-63B-3, 5.1.3.3: the telephone network is a restricted channel", RESISTED),
    require("code-flooding", "CWE-799: control of interaction frequency", RESISTED),
    require("lock-out", "CWE-645: overly restrictive account lockout", RESISTED),
    require("charge-race", "CWE-362: a race for a shared resource; invariant 1: one posting a charge", RESISTED),
    require("foreign-payment", "CWE-639: authorisation by a key that the user chooses", RESISTED),
    require("early-data", "RFC 9001, 9.2: replays of 0-RTT", RESISTED),
    require("flood", "CWE-400: uncontrolled use of resources", RESISTED),
    require("amplification", "RFC 9000, 8.1: at most three times what was received", 0.5),
    require("hostile-input", "CWE-20: input is validated; invariant 4: nothing panics", RESISTED),
    require("score-climbing", "ISO/IEC 19792:2009: no score for an attacker to climb on", RESISTED),
    require("presentation", "Android CDD 7.3.10, class 3: spoof acceptance of at most 7 %", 0.07),
    require("dictionary", "NIST SP 800-63B-3, 5.2.2: guessing is limited per account", RESISTED),
    require("offline-search", "ISO/IEC 24745:2022: a stolen record does not open the account", RESISTED),
    require("linkage", "ISO/IEC 24745:2022: unlinkability", RESISTED),
    require("inversion", "ISO/IEC 24745:2022: irreversibility", RESISTED),
    require("password-search", "NIST SP 800-63B-3, 5.1.1.2: a hash keyed outside the database", RESISTED),
];

const fn require(attack: &'static str, source: &'static str, max: f64) -> AttackRequirement {
    AttackRequirement { attack, source, max }
}

/// Finds what an attack is held against.
pub fn requirement(attack: &str) -> Option<&'static AttackRequirement> {
    REQUIREMENTS.iter().find(|requirement| requirement.attack == attack)
}

impl AttackSummary {
    /// Holds the share of successes against the attack's requirement; `None` where it has none.
    pub fn verdict(&self) -> Option<Conformance> {
        requirement(&self.attack).map(|requirement| against(&self.success, requirement.max))
    }

    /// Whether the attacked system is meant to resist: not a negative control, and not the patent's own design.
    pub fn is_defended(&self) -> bool {
        self.configuration == Defence::Hardened || self.configuration == Defence::AsConfigured
    }
}

/// Sums attacks up, one entry a form, scheme and configuration. Shares are clustered by the attacked subject.
pub fn summaries(attacks: &[Attack], schemes: &[SchemeSummary]) -> Vec<AttackSummary> {
    let mut groups: BTreeMap<_, (MatedErrors, u64, &Attack)> = BTreeMap::new();
    for a in attacks {
        let key = (&a.attack, &a.variant, &a.scheme, &a.configuration);
        let (successes, tries, _) = groups.entry(key).or_insert_with(|| (MatedErrors::default(), 0, a));
        successes.add(a.target_subject, a.succeeded);
        *tries += a.tries;
    }
    let summary = |(successes, tries, first): (MatedErrors, u64, &Attack)| {
        let success = successes.rate();
        let is_biometric = LIFTED.contains(&first.attack.as_str());
        let schemes = if is_biometric { schemes } else { &[] };
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
        }
    };
    groups.into_values().map(summary).collect()
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
    pub cells: [Option<&'a T>; 3],
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
            out.push(AttackLine { attack, variant, scheme, measure, cells: [None; 3] });
            out.len() - 1
        });
        out[at].cells[column].get_or_insert(item);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let summaries = summaries(&rows, &[]);
        assert_eq!(summaries.len(), 3);
        let lines = lines(&summaries);
        assert_eq!(lines.len(), 1);
        let [literal, hardened, control] = lines[0].cells;
        assert!(literal.is_none());
        assert_eq!((hardened.unwrap().success.count, control.unwrap().success.count), (0, 40));
        assert_eq!(hardened.unwrap().tries, 80);
        assert_eq!(hardened.unwrap().verdict(), Some(Conformance::Met));
        assert_eq!(control.unwrap().verdict(), Some(Conformance::NotMet));
    }

    #[test]
    fn few_trials_decide_nothing() {
        let rows: Vec<Attack> = (0..5).map(|t| attack("hardened", t, false)).collect();
        let found = summaries(&rows, &[]);
        assert!(matches!(found[0].verdict(), Some(Conformance::NotEnoughEvidence { .. })));
    }
}
