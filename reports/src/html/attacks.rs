//! The threat model, and the results of attacks against it.

use super::frame::table;
use crate::records::AttackFigure;
use crate::records::{Defence, SPACE_COVERED};
use crate::statistics::evidence::limit::Needed;
use crate::summary::attack::{AttackLine, AttackSummary, figure_lines, lines};
use crate::summary::{AttackVerdict, Summary, attack_verdict};
use crate::text::escape;
use crate::text::{grouped, percent, rate_cell, together};

/// What is to be protected, and from whom.
const ASSETS: [(&str, &str); 5] = [
    ("money in the payer's account", "moved once, by the payer alone, for the amount that was shown"),
    (
        "the biometric characteristic",
        "not learnt from a symbol, helper data, a server's record or two of them together",
    ),
    ("the login", "not guessed, not enumerated, not worth the account by itself"),
    ("the account PIN and the mandate", "not read from a stolen database"),
    ("the service", "there for its users while somebody attacks it"),
];
const ACTORS: [(&str, &str); 6] = [
    ("stranger", "knows the protocol and the server's address, has many addresses"),
    ("impostor", "knows a login and its password, has fingers of their own"),
    ("watcher", "has seen a symbol at an earlier payment"),
    ("thief", "has the handset, its helper data, its token, the second channel: one or several"),
    ("insider", "has a copy of the server's database, or of two services'"),
    ("customer", "has an account of their own and sends what they like"),
];

/// Writes assets, actors, each attack with its verdict, and what the patent's own design concedes.
pub(crate) fn threat_model(summary: &Summary) -> String {
    let lines = lines(&summary.attacks);
    if lines.is_empty() {
        return String::new();
    }
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| vec![escape(a), escape(b)]).collect::<Vec<_>>();
    let conceded: Vec<Vec<String>> = conceded(&lines);
    format!(
        "<h3>What is protected</h3>{}<h3>Against whom</h3>{}<h3>Attacks and what they are held against</h3>{}\
         <h3>What the patent's own design concedes</h3><p>{CONCEDES}</p>{}",
        table(&["asset", "protected means"], &pairs(&ASSETS)),
        table(&["actor", "knows and has"], &pairs(&ACTORS)),
        table(
            &["attack", "the attacker knows", "held against", "patent-literal", "hardened", "scenario"],
            &held(&lines)
        ),
        table(&["attack", "form", "let through"], &conceded),
    )
}

const CONCEDES: &str = "CN103310335A has a QR that does not change (paragraph 20), bound to no device; a code shown on the \
    same screen (paragraph 32); the account PIN kept in the database (paragraphs 22 and 36); and nothing that slows \
    guessing but the third wrong QR, which ends a page and not the guessing (paragraph 31). Of the forms below more than \
    half were let through in that configuration.";

/// Lists each attack once, with its worst verdict in two columns.
fn held(lines: &[AttackLine<'_, AttackSummary>]) -> Vec<Vec<String>> {
    let mut names: Vec<&str> = Vec::new();
    lines.iter().for_each(|l| {
        if !names.contains(&l.attack) {
            names.push(l.attack)
        }
    });
    let row = |name: &&str| {
        let of = lines.iter().filter(|l| l.attack == *name);
        let first = of.clone().flat_map(|l| l.cells).flatten().next();
        let knowledge = first.map_or("", |cell| &cell.knowledge);
        let verdict = |column: usize| {
            let verdicts = of.clone().filter_map(|l| l.cells[column]).filter_map(attack_verdict);
            verdicts.max_by_key(AttackVerdict::weight).map_or_else(|| "–".to_owned(), verdict_cell)
        };
        let requirement = first.and_then(|cell| cell.requirement.as_ref());
        let source = requirement.map_or("stated, with no limit: figures below", |r| &r.source);
        vec![escape(name), escape(knowledge), escape(source), verdict(0), verdict(1), verdict(3)]
    };
    names.iter().map(row).collect()
}

fn verdict_cell(verdict: AttackVerdict) -> String {
    let (class, more) = match verdict {
        AttackVerdict::Resisted => ("good", String::new()),
        AttackVerdict::NotResisted => ("bad", String::new()),
        AttackVerdict::NotMeasured => ("open", "<small>the control never succeeded</small>".to_owned()),
        AttackVerdict::NotEnoughEvidence { needed } => {
            let more = |n: Needed| format!("<small>{} trials would decide</small>", grouped(n.comparisons));
            ("open", needed.map_or(String::new(), more))
        }
    };
    format!(r#"<b class="{class}">{}{more}</b>"#, verdict.words())
}

/// Lists the forms that more than half were let through of in the patent's own design.
fn conceded(lines: &[AttackLine<'_, AttackSummary>]) -> Vec<Vec<String>> {
    let row = |l: &AttackLine<'_, AttackSummary>| {
        let cell = l.cells[0].filter(|cell| 2 * cell.success.count > cell.success.total)?;
        Some(vec![escape(l.attack), form(l.variant, l.scheme), rate_cell(&cell.success)])
    };
    lines.iter().filter_map(row).collect()
}

fn form(variant: &str, scheme: &str) -> String {
    let scheme = if scheme.is_empty() { String::new() } else { format!("<small>{}</small>", escape(scheme)) };
    format!("{}{scheme}", escape(variant))
}

/// Writes the results of every attack, and its figures beside theory.
pub(crate) fn section(summary: &Summary) -> String {
    if summary.attacks.is_empty() {
        return String::new();
    }
    let survey = lines(&summary.attacks);
    let own: Vec<_> = summary
        .attacks
        .iter()
        .filter(|a| Defence::SURVEYED.iter().all(|defence| a.configuration != *defence))
        .collect();
    let mut out = String::new();
    if !own.is_empty() {
        let row = |a: &&AttackSummary| {
            vec![escape(&a.attack), escape(&a.scheme), escape(&a.knowledge), rate_cell(&a.success), grouped(a.tries)]
        };
        let head = ["attack", "scheme", "the attacker knows", "let through", "tries"];
        out.push_str(&table(&head, &own.iter().map(row).collect::<Vec<_>>()));
    }
    if !survey.is_empty() {
        let head = [
            "attack",
            "form",
            "tries at most",
            "patent-literal",
            "hardened",
            "control",
            "scenario",
            "lift",
            "verdict on hardened",
            "on scenario",
        ];
        out.push_str(&format!("<p>{COLUMNS}</p>"));
        out.push_str(&table(
            &head,
            &survey.iter().map(|l| survey_row(l, &summary.attack_figures, survey.len())).collect::<Vec<_>>(),
        ));
    }
    let figures = figure_lines(&summary.attack_figures);
    if !figures.is_empty() {
        let head = [
            "attack",
            "form",
            "measure, and what it is held against",
            "patent-literal",
            "hardened",
            "control",
            "scenario",
        ];
        out.push_str("<h3>Figures beside theory and publications</h3>");
        out.push_str(&table(&head, &figures.iter().map(figure_row).collect::<Vec<_>>()));
    }
    out
}

const COLUMNS: &str = "Each column is a system of its own: <i>patent-literal</i> is what the patent describes and no more, \
    <i>hardened</i> has every counter-measure, and <i>control</i> is hardened without the one that stands against the attack: \
    there it has to succeed, or it measures nothing. <i>scenario</i> is the server of the scenario, as it is configured there. Lift, where the scheme decides, is the share let through in the first column \
    that has one over the scheme's false match rate in this run.";

/// Writes the share of a search's space that its budget can try, where that is not the whole space.
fn covered(cell: &AttackSummary, figures: &[AttackFigure]) -> Option<String> {
    let is_of_it = |f: &&AttackFigure| {
        f.measure == SPACE_COVERED
            && (&f.attack, &f.variant, &f.configuration, &f.scheme)
                == (&cell.attack, &cell.variant, &cell.configuration, &cell.scheme)
    };
    let share = figures.iter().find(is_of_it)?.value;
    (share < 1.0)
        .then(|| format!("<small>the budget can try {} of the space, and no more is shown</small>", percent(share)))
}

fn survey_row(l: &AttackLine<'_, AttackSummary>, figures: &[AttackFigure], forms: usize) -> Vec<String> {
    let cell = |column: usize| l.cells[column].map_or_else(|| "–".to_owned(), |cell| rate_cell(&cell.success));
    let joint = l.cells[1].map_or_else(String::new, |cell| together(&cell.success, forms));
    let budget = l.cells.iter().flatten().next().map_or(0, |cell| cell.budget);
    let lift = l.cells.iter().flatten().find_map(|cell| cell.lift);
    let verdict = |column: usize| {
        let words = l.cells[column].and_then(attack_verdict).map_or_else(|| "–".to_owned(), verdict_cell);
        words + &l.cells[column].and_then(|cell| covered(cell, figures)).unwrap_or_default()
    };
    vec![
        escape(l.attack),
        form(l.variant, l.scheme),
        grouped(budget),
        cell(0),
        cell(1) + &joint,
        cell(2),
        cell(3),
        lift.map_or_else(
            || "–".to_owned(),
            |lift| if lift < 100.0 { format!("{lift:.1}") } else { grouped(lift.round() as u64) },
        ),
        verdict(1),
        verdict(3),
    ]
}

fn figure_row(l: &AttackLine<'_, AttackFigure>) -> Vec<String> {
    let cell = |column: usize| l.cells[column].map_or_else(|| "–".to_owned(), |f| figure_cell(l.measure, f));
    let source = l.cells.iter().flatten().map(|f| f.source.as_str()).find(|source| !source.is_empty());
    let source = source.map_or(String::new(), |source| format!("<small>expected: {}</small>", escape(source)));
    vec![
        escape(l.attack),
        form(l.variant, l.scheme),
        format!("{}{source}", escape(l.measure)),
        cell(0),
        cell(1),
        cell(2),
        cell(3),
    ]
}

fn figure_cell(measure: &str, figure: &AttackFigure) -> String {
    let interval = figure.lower.zip(figure.upper);
    let interval = interval.map(|(l, u)| format!("[{}, {}]<br>", number(measure, l), number(measure, u)));
    let expected = figure.expected.map_or(String::new(), |value| format!("expected {}<br>", number(measure, value)));
    let (count, interval) = (grouped(figure.count), interval.unwrap_or_default());
    format!("{}<small>{interval}{expected}of {count}</small>", number(measure, figure.value))
}

/// Prints a figure as what it measures is read: error rates and shares as percentages.
fn number(measure: &str, value: f64) -> String {
    const SHARES: [&str; 6] =
        ["FMR", "FNMR", "EER", "BPCER of the detector", "held-out subjects hit within three tries", SPACE_COVERED];
    match value {
        value if SHARES.contains(&measure) => percent(value),
        0.0 => "0".into(),
        value if value.abs() >= 100.0 => grouped(value.round() as u64),
        value if value.abs() >= 0.01 => format!("{value:.3}"),
        value => format!("{value:.1e}"),
    }
}
