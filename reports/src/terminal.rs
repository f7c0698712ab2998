//! The summary as plain text for a terminal.

mod style;

pub use style::Style;

use crate::judgement::Document;
use crate::records::Defence;
use crate::run_folder::manifest::Completion;
use crate::statistics::distribution::Distribution;
use crate::summary::{AttackVerdict, Summary, attack_verdict};
use crate::summary::{attack, security};
use crate::text::{
    decidability, duration, grouped, latency_interval, metric_text, percent, rate_with_method, security_text,
    selected_text,
};
use std::fmt::Write;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HISTOGRAM_COLUMNS: usize = 48;
/// The phases of a run, in their order, as its manifest names them.
const PHASES: [&str; 4] = ["capturing", "playing", "attacking", "comparing"];

/// Writes the verdicts on the thresholds; nothing where there are none.
pub fn verdicts(document: &Document, style: Style) -> String {
    let mut out = String::new();
    let Some(overall) = document.verdict else { return out };
    line(&mut out, &format!("Verdict: {}", overall.words()));
    for j in &document.thresholds.0 {
        let observed = j.observed.as_ref().map_or_else(|| "–".to_owned(), metric_text);
        let note = if j.note.is_empty() { String::new() } else { format!(" ({})", j.note) };
        let mark = style.mark(j.verdict);
        line(&mut out, &format!("  {mark} {:<32} {}: {observed}{note}", j.threshold, j.figure));
    }
    line(&mut out, "");
    style.fit(&out)
}

/// Writes the summary, in lines as wide as the terminal.
pub fn summary(summary: &Summary, style: Style) -> String {
    let mut out = String::new();
    let m = &summary.manifest;
    let partial = if m.completion == Completion::Partial { "  (PARTIAL: interrupted)" } else { "" };
    line(
        &mut out,
        &format!(
            "{}: {} handsets in {}{}{partial}",
            m.scenario_name,
            grouped(u64::from(m.handsets)),
            duration(m.duration_us as f64),
            if m.is_virtual() { " of virtual time" } else { "" }
        ),
    );
    let took = |phase: &str| m.took_s.get(phase).map(|took_s| format!("{phase} {}", duration(took_s * 1e6)));
    let phases: Vec<String> = PHASES.into_iter().filter_map(took).collect();
    if !phases.is_empty() {
        line(&mut out, &format!("on this machine: {}", phases.join(", ")));
    }
    for reason in &m.invalid {
        line(&mut out, &format!("{}: {reason}", style.warning("INVALID")));
    }
    write_comparisons(&mut out, summary, style);
    write_transactions(&mut out, summary);
    write_performance(&mut out, summary);
    write_attacks(&mut out, summary, style);
    style.fit(&out)
}

fn write_comparisons(out: &mut String, summary: &Summary, style: Style) {
    line(out, "\nPer comparison (95 % interval, count)");
    for s in &summary.schemes {
        line(out, &format!("  {:<18} FMR  {}", s.scheme, rate_with_method(&s.fmr)));
        line(out, &format!("  {:<18} FNMR {}", "", rate_with_method(&s.fnmr)));
        if let Some(security) = security::of(&summary.server, &s.scheme, &s.fmr) {
            line(out, &format!("  {:<18} {}", "", security_text(&security)));
        }
        let Some((scores, eer)) = s.scores.as_ref().zip(s.eer) else { continue };
        line(out, &format!("  {:<18} EER  {}{}", "", selected_text(&eer), decidability(scores)));
        let Some((low, high)) = range(&scores.mated, &scores.non_mated).filter(|_| style.has_bars()) else { continue };
        line(out, &format!("  {:<18} non-mated {}", "", sparkline(&scores.non_mated, low, high)));
        line(
            out,
            &format!("  {:<18} mated     {}  score {low:.2} to {high:.2}", "", sparkline(&scores.mated, low, high)),
        );
    }
}

fn write_transactions(out: &mut String, summary: &Summary) {
    line(out, "\nPer transaction, up to three tries (95 % interval, count)");
    for j in &summary.journeys {
        let kind = if j.is_impostor() { "FAR" } else { "FRR" };
        line(out, &format!("  {:<18} {:<14} {kind} {}", j.scheme, j.journey, rate_with_method(&j.rate)));
    }
    line(out, &format!("  {:<18} {:<14} FTE {}", "all", "enrolment", rate_with_method(&summary.enrolment.fte)));
    line(out, "\nOutcomes");
    for o in &summary.outcomes {
        line(out, &format!("  {:<13} {:<28} {:>8}", o.kind, o.outcome, grouped(o.count)));
    }
}

/// One form of an attack, all schemes together.
struct Form {
    name: String,
    /// Successes and trials by configuration.
    counts: [(u64, u64); Defence::SURVEYED.len()],
    /// The verdicts on the hardened server and on the scenario's own.
    verdicts: [Option<AttackVerdict>; 2],
}

/// Writes the results of attacks: successes over trials in each configuration.
fn write_attacks(out: &mut String, summary: &Summary, style: Style) {
    let forms = forms(summary);
    if forms.is_empty() {
        return;
    }
    if !style.is_wide() {
        return write_attacks_narrow(out, forms);
    }
    line(
        out,
        "\nAttacks: let through, of all      patent-literal        hardened         control        scenario   verdict on hardened, on scenario",
    );
    for Form { name, counts, verdicts } in forms {
        let cell = |(count, total): (u64, u64)| if total == 0 { "–".into() } else { format!("{count}/{total}") };
        let cells = counts.map(|c| format!("{:>15}", cell(c))).join(" ");
        line(out, &format!("  {name}"));
        let verdicts = verdicts.map(|verdict| verdict.map_or("–", AttackVerdict::words)).join(", ");
        line(out, format!("  {:<28} {cells}   {verdicts}", "").trim_end());
    }
}

/// Writes the results of attacks below each other, each with the configurations in which it was made.
fn write_attacks_narrow(out: &mut String, forms: Vec<Form>) {
    line(out, "\nAttacks: let through, of all");
    for Form { name, counts, verdicts } in forms {
        line(out, &format!("  {name}"));
        for (defence, (count, total)) in Defence::SURVEYED.into_iter().zip(counts).filter(|(_, (_, total))| *total > 0)
        {
            let verdict = match defence {
                Defence::Hardened => verdicts[0],
                Defence::Scenario => verdicts[1],
                Defence::PatentLiteral | Defence::Control | Defence::AsConfigured => None,
            };
            let verdict = verdict.map_or("", AttackVerdict::words);
            line(out, format!("    {:<15} {:>9}  {verdict}", defence.name(), format!("{count}/{total}")).trim_end());
        }
    }
}

fn forms(summary: &Summary) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for l in attack::lines(&summary.attacks) {
        let name = if l.variant.is_empty() { l.attack.to_owned() } else { format!("{}: {}", l.attack, l.variant) };
        if forms.last().is_none_or(|last| last.name != name) {
            forms.push(Form { name, counts: Default::default(), verdicts: [None; 2] });
        }
        let Some(form) = forms.last_mut() else { continue };
        for (count, cell) in form.counts.iter_mut().zip(l.cells) {
            count.0 += cell.map_or(0, |c| c.success.count);
            count.1 += cell.map_or(0, |c| c.success.total);
        }
        for (worst, column) in form.verdicts.iter_mut().zip([1, 3]) {
            let verdicts = [*worst, l.cells[column].and_then(attack_verdict)];
            *worst = verdicts.into_iter().flatten().max_by_key(AttackVerdict::weight);
        }
    }
    forms
}

fn write_performance(out: &mut String, summary: &Summary) {
    let is_open_loop = summary.latencies.iter().any(|l| l.intended.is_some());
    let intended = if is_open_loop { "   p99 from intended start" } else { "" };
    let clock = if summary.manifest.is_virtual() { "Latency (virtual)" } else { "Latency" };
    line(out, &format!("\n{clock:<22}    count       p50       p90       p99       max{intended}"));
    let cell = |us: u64| format!("{:>9}", duration(us as f64));
    for l in summary.latencies.iter().filter(|l| l.is_whole()) {
        let cells = [l.p50_us, l.p90_us, l.p99_us, l.max_us].map(cell).join(" ");
        let intended = l.intended.map(|i| format!("   {}", cell(i.p99_us))).unwrap_or_default();
        line(out, &format!("  {:<20} {:>8} {cells}{intended}", l.operation, grouped(l.count)));
        let estimates = ["p50", "p99"].iter().filter_map(|word| l.estimate(word));
        let intervals: Vec<_> = estimates.filter(|estimate| estimate.is_bounded()).map(latency_interval).collect();
        if intervals.is_empty() {
            continue;
        }
        let method = l.estimate("p50").map_or("", |estimate| estimate.method.tag());
        line(out, &format!("  {:<20} {:>8} 95 %: {} ({method})", "", "", intervals.join(", ")));
    }
    write_network(out, summary);
    for t in &summary.throughput {
        if let Some(mean) = t.mean_per_s {
            let second = if summary.manifest.is_virtual() { "virtual second" } else { "second" };
            line(out, &format!("  {}s: {mean:.1} a {second}, peak {} in one", t.operation, t.peak_per_s));
        }
    }
}

fn write_network(out: &mut String, summary: &Summary) {
    if summary.network.is_empty() {
        return;
    }
    line(out, "\nNetwork       connections  round trip   lost    sent  received  p50 and p99 of");
    for p in &summary.network {
        let loss = p.loss.map_or("–".into(), percent);
        let operation = |(name, _, p50, p99): &(String, u64, u64, u64)| {
            format!("{name} {} {}", duration(*p50 as f64), duration(*p99 as f64))
        };
        let operations: Vec<_> = p.operations.iter().map(operation).collect();
        let (round_trip, kib) = (duration(p.round_trip_p50_us as f64), |bytes: f64| format!("{:.1} kB", bytes / 1e3));
        line(
            out,
            &format!(
                "  {:<11} {:>11} {round_trip:>11} {loss:>6} {:>7} {:>9}  {}",
                p.profile,
                grouped(p.connections),
                kib(p.sent_bytes),
                kib(p.received_bytes),
                operations.join(", ")
            ),
        );
    }
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// Returns the lowest and the highest finite score; `None` where there is none.
fn range(a: &Distribution, b: &Distribution) -> Option<(f32, f32)> {
    let finite = || a.finite().chain(b.finite()).map(|(score, _)| score);
    Some((finite().reduce(f32::min)?, finite().reduce(f32::max)?))
}

/// Draws a histogram one character high, the bars in square-root scale so that tails stay visible.
fn sparkline(scores: &Distribution, low: f32, high: f32) -> String {
    let mut counts = [0u64; HISTOGRAM_COLUMNS];
    for (score, count) in scores.finite() {
        let column = ((score - low) / (high - low).max(f32::MIN_POSITIVE) * HISTOGRAM_COLUMNS as f32) as usize;
        counts[column.min(HISTOGRAM_COLUMNS - 1)] += count;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: u64| {
        let height = (count as f64 / most as f64).sqrt() * (BARS.len() - 1) as f64;
        if count == 0 { ' ' } else { BARS[height.round() as usize] }
    };
    counts.into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_puts_its_peak_where_the_scores_are() {
        let line = sparkline(&Distribution::new([0.0, 0.0, 0.0, 1.0]), 0.0, 1.0);
        let bars: Vec<char> = line.chars().collect();
        assert_eq!((bars.len(), bars[0], bars[1]), (HISTOGRAM_COLUMNS, '█', ' '));
        assert!(bars[HISTOGRAM_COLUMNS - 1] != ' ');
    }
}
