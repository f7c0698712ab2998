//! The summary as plain text for a terminal.

use crate::judgement::Document;
use crate::judgement::threshold::Verdict;
use crate::records::Defence;
use crate::run_folder::manifest::Completion;
use crate::statistics::distribution::Distribution;
use crate::summary::attack;
use crate::summary::{AttackVerdict, Summary, attack_verdict};
use crate::text::{
    decidability, duration, grouped, latency_interval, metric_text, percent, rate_with_method, selected_text,
};
use std::fmt::Write;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HISTOGRAM_COLUMNS: usize = 48;

/// Writes the verdicts on the thresholds; nothing where there are none.
pub fn verdicts(document: &Document) -> String {
    let mut out = String::new();
    let Some(overall) = document.verdict else { return out };
    line(&mut out, &format!("Verdict: {}", overall.words()));
    for j in &document.thresholds.0 {
        let observed = j.observed.as_ref().map_or_else(|| "–".to_owned(), metric_text);
        let note = if j.note.is_empty() { String::new() } else { format!(" ({})", j.note) };
        let mark = match j.verdict {
            Verdict::Passed => '✓',
            Verdict::Failed => '✗',
            Verdict::NotEnoughEvidence => '?',
        };
        line(&mut out, &format!("  {mark} {:<32} {}: {observed}{note}", j.threshold, j.figure));
    }
    line(&mut out, "");
    out
}

/// Writes the summary. Nothing in it depends on the terminal's width or colours.
pub fn summary(summary: &Summary) -> String {
    let mut out = String::new();
    let m = &summary.manifest;
    let partial = if m.completion == Completion::Partial { "  (PARTIAL: interrupted)" } else { "" };
    line(
        &mut out,
        &format!(
            "{}: {} handsets in {}{partial}",
            m.scenario_name,
            grouped(u64::from(m.handsets)),
            duration(m.duration_us as f64)
        ),
    );
    for reason in &m.invalid {
        line(&mut out, &format!("INVALID: {reason}"));
    }
    write_comparisons(&mut out, summary);
    write_transactions(&mut out, summary);
    write_performance(&mut out, summary);
    write_attacks(&mut out, summary);
    out
}

fn write_comparisons(out: &mut String, summary: &Summary) {
    line(out, "\nPer comparison (95 % interval, count)");
    for s in &summary.schemes {
        line(out, &format!("  {:<18} FMR  {}", s.scheme, rate_with_method(&s.fmr)));
        line(out, &format!("  {:<18} FNMR {}", "", rate_with_method(&s.fnmr)));
        let Some((scores, eer)) = s.scores.as_ref().zip(s.eer) else { continue };
        line(out, &format!("  {:<18} EER  {}{}", "", selected_text(&eer), decidability(scores)));
        let Some((low, high)) = range(&scores.mated, &scores.non_mated) else { continue };
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
fn write_attacks(out: &mut String, summary: &Summary) {
    let forms = forms(summary);
    if forms.is_empty() {
        return;
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
    line(out, &format!("\nLatency                   count       p50       p90       p99       max{intended}"));
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
            line(out, &format!("  {}s: {mean:.1} a second, peak {} in one second", t.operation, t.peak_per_s));
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
