//! The words that a scenario's thresholds may use: a figure that the run cannot have is a mistake, and is said before it.

use super::definition::Scenario;
use crate::network::ProfileId;
use biopay_biometrics::scheme::SchemeId;
use biopay_reports::metric::{LAST_WORDS, slug};
use biopay_reports::records::{Component, Defence, GENERATOR_LAG, Journey, Operation, TransactionKind};
use biopay_reports::threshold::Threshold;

/// Refuses a threshold that names what the scenario cannot give.
///
/// Words after an attack's name are left to the run: forms of attacks have no list.
///
/// # Errors
///
/// What is wrong, with the word that was probably meant.
pub(super) fn check(scenario: &Scenario, threshold: &Threshold) -> Result<(), String> {
    words(scenario, &threshold.words).map_err(|why| format!("threshold {:?}: {why}", threshold.text))
}

/// Refuses the name of a figure that the scenario cannot give.
///
/// # Errors
///
/// What is wrong, with the word that was probably meant.
pub(crate) fn check_figure(scenario: &Scenario, name: &str) -> Result<(), String> {
    let named: Vec<String> = name.split('.').map(str::to_owned).collect();
    let last = named.last().map_or("", String::as_str);
    let ends = LAST_WORDS.into_iter().chain(["violations"]).collect::<Vec<_>>();
    let known = if ends.contains(&last) { Ok(()) } else { Err(unknown("figure's last word", last, &ends)) };
    known.and_then(|()| words(scenario, &named)).map_err(|why| format!("figure {name:?}: {why}"))
}

fn words(scenario: &Scenario, words: &[String]) -> Result<(), String> {
    let Some((last, words)) = words.split_last() else { return Ok(()) };
    // How a transaction ended is the server's word.
    let words = if last == SHARE { &words[..words.len().min(1)] } else { words };
    let is_about_attacks = words.first().is_some_and(|word| word == ATTACK);
    if is_about_attacks {
        let Some(attack) = words.get(1) else { return Ok(()) };
        let made = scenario.attack.iter().map(|plan| plan.kind.name());
        let made: Vec<&str> = made.chain([biopay_reports::records::ZERO_EFFORT]).collect();
        return match made.contains(&attack.as_str()) {
            true => Ok(()),
            false => Err(unknown("attack of this scenario", attack, &made)),
        };
    }
    let unused = |word: &str| SchemeId::with_own().any(|id| id.name() == word && !scenario.schemes.r#use.contains(&id));
    let known = known(scenario);
    for word in words {
        if unused(word) {
            return Err(format!("the scenario does not use the scheme {word}: add it to schemes.use"));
        }
        for part in word.split('@') {
            if !known.iter().any(|name| name == part) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return Err(unknown("part of a figure's name", part, &known));
            }
        }
    }
    Ok(())
}

const ATTACK: &str = "attack";
const SHARE: &str = "share";
/// Words of figures that belong to no list.
const OTHERS: [&str; 11] = [
    "enrolment",
    "money",
    "datagrams",
    "bytes",
    "round-trips",
    "events",
    "intended",
    "hunt",
    "seeds",
    "states",
    "charges",
];

/// Lists the words of the figures that the scenario can give, without those of attacks.
fn known(scenario: &Scenario) -> Vec<String> {
    let schemes = scenario.schemes.r#use.iter().map(|id| id.name());
    let operations = Operation::ALL.into_iter().map(Operation::name).chain([GENERATOR_LAG]);
    let others =
        Journey::ALL.into_iter().map(Journey::name).chain(TransactionKind::ALL.into_iter().map(TransactionKind::name));
    let more = Component::ALL.into_iter().map(Component::name).chain(Defence::ALL.into_iter().map(Defence::name));
    let links = ProfileId::ALL.into_iter().map(ProfileId::name);
    let names = schemes.chain(operations).chain(others).chain(more).chain(links).chain(OTHERS);
    names.map(slug).collect()
}

fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    match super::suggestion::nearest(word, known.iter().copied()) {
        Some(name) => format!("{word:?} is not a {what}; did you mean {name:?}?"),
        None => format!("{word:?} is not a {what}: use one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(threshold: &str) -> Option<String> {
        let setting = format!("thresholds=[{threshold:?}]");
        Scenario::load("quickstart", &[setting]).err().map(|error| error.to_string())
    }

    #[test]
    fn figures_that_a_run_cannot_have_are_refused_with_what_was_meant() {
        assert!(refusal("tempalte.fmr < 1e-3").unwrap().contains("did you mean \"template\""));
        assert!(refusal("chrage.p99 < 300ms").unwrap().contains("did you mean \"charge\""));
        assert!(refusal("biohash.fmr < 1e-3").unwrap().contains("schemes.use"));
        assert!(refusal("attack.replay.rate < 0.1").unwrap().contains("attack of this scenario"));
    }

    #[test]
    fn a_figure_of_a_sweep_is_held_against_the_same_words() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        assert!(check_figure(&scenario, "nope.p99").unwrap_err().contains("\"nope\""));
        assert!(check_figure(&scenario, "charge.p98").unwrap_err().contains("did you mean \"p9"));
        for name in ["charge.p99", "fmr", "template.recapture.frr", "charge.throughput", "money.violations"] {
            assert_eq!(check_figure(&scenario, name), Ok(()));
        }
    }

    #[test]
    fn figures_that_a_run_has_are_taken() {
        for threshold in [
            "fmr < 1",
            "template.fmr < 1e-1",
            "charge.p99 < 300ms",
            "charge@2g.p99 < 300ms",
            "charge@intended.p99 < 300ms",
            "template.impostor.far < 0.5",
            "payment.insufficient-funds.share < 0.9",
            "enrolment.fte < 0.5",
            "money.violations == 0",
            "hunt.violations == 0",
            "hunt.charges.count > 1000",
            "datagrams.per-charge < 500",
            "attack.zero-effort.rate < 0.5",
        ] {
            assert_eq!(refusal(threshold), None, "{threshold}");
        }
    }
}
