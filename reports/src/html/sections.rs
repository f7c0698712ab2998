//! The report's sections, each from the summary alone.

use super::frame::{Plot, figure, table};
use crate::plot::{self, DetSeries};
use crate::records::{Component, Journey, Operation};
use crate::run_folder::manifest::Completion;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::evidence::selection::Selected;
use crate::summary::{JourneySummary, SchemeSummary, Summary};
use crate::summary::{security, symbol};
use crate::text::escape;
use crate::text::{
    bracket, decidability, duration, grouped, percent, rate, rate_cell, security_cell, selected_cell, together,
    worst_case,
};

/// Writes the line under the title, and a warning where the run is partial.
pub(crate) fn lead(summary: &Summary) -> String {
    let m = &summary.manifest;
    let mut out = format!(
        r#"<p class="lead">{} handsets, {} clock, seed {}, {}{} measured on {} ({} cores).</p>"#,
        grouped(u64::from(m.handsets)),
        escape(&m.clock),
        m.seed,
        duration(m.duration_us as f64),
        if m.is_virtual() { " of virtual time" } else { "" },
        escape(&m.machine.processor),
        m.machine.cores,
    );
    if m.completion == Completion::Partial {
        out.push_str(r#"<p class="partial"><b>Partial run.</b> It was interrupted; the figures cover what had finished by then.</p>"#);
    }
    for reason in &m.invalid {
        out.push_str(&format!(r#"<p class="partial"><b>Invalid run.</b> {}</p>"#, escape(reason)));
    }
    out
}

/// Writes the tiles: the figures that a reader came for.
pub(crate) fn at_a_glance(summary: &Summary) -> String {
    let mut tiles = String::new();
    for s in &summary.schemes {
        tiles.push_str(&rate_tile(&s.fmr, &format!("FMR, {}", s.scheme)));
        tiles.push_str(&rate_tile(&s.fnmr, &format!("FNMR, {}", s.scheme)));
    }
    for j in summary.journeys.iter().filter(|j| j.is_impostor()) {
        tiles.push_str(&rate_tile(&j.rate, &format!("FAR over three tries, {}", j.scheme)));
    }
    for t in &summary.throughput {
        if let Some(mean) = t.mean_per_s {
            let caption = format!("{}s a second ({} in all, peak {}/s)", t.operation, grouped(t.count), t.peak_per_s);
            tiles.push_str(&tile(&format!("{mean:.1}"), &caption));
        }
    }
    if let Some(charge) = summary.latency(Operation::Charge) {
        let caption =
            format!("charge latency p99 (p50 {}, {} charges)", duration(charge.p50_us as f64), grouped(charge.count));
        tiles.push_str(&tile(&duration(charge.p99_us as f64), &caption));
    }
    format!(
        r#"<div class="tiles">{tiles}</div><p class="note">Brackets are 95 % intervals that allow for the comparisons of one subject being alike, where the run's design permits; else Clopper-Pearson's.</p>"#
    )
}

fn rate_tile(r: &Rate, caption: &str) -> String {
    let value = r.value().map_or("no trials".into(), percent);
    let interval = r.interval().map(bracket).unwrap_or_default();
    tile(&value, &format!("{caption}<br>{interval}, {}/{}", grouped(r.count), grouped(r.total)))
}

fn tile(value: &str, caption: &str) -> String {
    format!(r#"<div class="tile"><b>{value}</b><span>{caption}</span></div>"#)
}

/// Writes the schemes side by side, the DET, and each scheme's scores.
pub(crate) fn comparison(summary: &Summary) -> String {
    if summary.schemes.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = summary.schemes.iter().map(|s| scheme_row(s, summary)).collect();
    let head = [
        "scheme",
        "FMR at the operating point",
        "FNMR at the operating point",
        "EER",
        "FMR100",
        "FMR1000",
        "effective bits",
        "FTA",
        "failed to derive or acquire",
    ];
    let series: Vec<_> = summary.schemes.iter().map(DetSeries::of).collect();
    let mut plots = figure(
        &plot::det(&series),
        "Detection error trade-off on normal-deviate axes. A band is spanned by both rates' 95 % intervals at each threshold; a dot is a scheme's operating point with its own intervals. A scheme that compares for equality has no line.",
        Plot::Of { kind: "det", scheme: "" },
    );
    for s in &summary.schemes {
        if let Some(scores) = &s.scores {
            let counts = format!(
                "{} mated and {} non-mated comparisons",
                grouped(scores.mated.total()),
                grouped(scores.non_mated.total())
            );
            plots.push_str(&figure(
                &plot::score_histogram(scores, summary.threshold(&s.scheme)),
                &format!("Scores of {}: {counts}{}.", escape(&s.scheme), decidability(scores)),
                Plot::Of { kind: "histogram", scheme: &s.scheme },
            ));
            plots.push_str(&figure(
                &plot::error_rates(scores),
                &format!("Error rates of {} at every threshold.", escape(&s.scheme)),
                Plot::Of { kind: "rates", scheme: &s.scheme },
            ));
        }
    }
    format!(
        r#"<p>Per <em>comparison</em>, made off line over all subjects of this run. FMR100 is the lowest FNMR at an FMR of at most 1 in 100, FMR1000 at 1 in 1,000; EER by the interval rule of FVC2000. Effective bits are the least of -log<sub>2</sub> of the FMR's upper bound, the key's length, and the degrees of freedom of the bits that are committed.</p>{}<div class="plots">{plots}</div>"#,
        table(&head, &rows)
    )
}

fn scheme_row(s: &SchemeSummary, summary: &Summary) -> Vec<String> {
    let schemes = summary.schemes.len();
    let optional = |v: Option<Selected>| v.map_or("not enough comparisons".into(), |v| selected_cell(&v));
    let note = worst_case(&s.fmr).map(|note| format!("<small>{note}</small>")).unwrap_or_default();
    vec![
        escape(&s.scheme),
        rate_cell(&s.fmr) + &together(&s.fmr, schemes) + &note,
        rate_cell(&s.fnmr) + &together(&s.fnmr, schemes),
        s.eer.map_or("–".into(), |v| selected_cell(&v)),
        optional(s.fmr100),
        optional(s.fmr1000),
        security::of(&summary.server, &s.scheme, &s.fmr).map_or("–".into(), |bounds| security_cell(&bounds)),
        rate_cell(&s.fta),
        grouped(s.failures),
    ]
}

/// Writes FAR and FRR per journey, and every outcome.
pub(crate) fn payments(summary: &Summary) -> String {
    if summary.journeys.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = summary.journeys.iter().map(journey_row).collect();
    let head = [
        "scheme, journey",
        "rate",
        "value, 95 % interval, count",
        "charged",
        "presentations",
        "failures to acquire",
        "failures to derive",
    ];
    let outcomes: Vec<_> =
        summary.outcomes.iter().map(|o| vec![escape(&o.outcome), escape(&o.kind), grouped(o.count)]).collect();
    format!(
        "<p>Per <em>transaction</em> with up to three tries against the real server, measured, not computed from FMR. Failure to enrol: {}.</p>{}<h3>How transactions ended</h3>{}",
        rate(&summary.enrolment.fte),
        table(&head, &rows),
        table(&["outcome", "kind", "count"], &outcomes)
    )
}

fn journey_row(j: &JourneySummary) -> Vec<String> {
    let kind = if j.is_impostor() { "FAR" } else { "FRR" };
    vec![
        format!("{}, {}", escape(&j.scheme), escape(&j.journey)),
        kind.into(),
        rate_cell(&j.rate),
        grouped(j.charged),
        grouped(j.presentations),
        grouped(j.failures_to_acquire),
        grouped(j.failures_to_derive),
    ]
}

/// Writes the patent's steps with how often each was taken.
pub(crate) fn patent(summary: &Summary) -> String {
    let count = |operation| summary.latency(operation).map_or(0, |l| l.count);
    let journeys =
        |journey: Journey| summary.journeys.iter().filter(|j| j.journey == journey).map(|j| j.rate.total).sum::<u64>();
    let rows = [
        ("S1, ¶20-21", "the sensor captures a sample", count(Operation::Extract)),
        ("S2, ¶20", "a QR code is derived from the sample", count(Operation::Derive)),
        (
            "S3, ¶22-24",
            "registration of QR, name, password, account and PIN",
            count(Operation::Register) + count(Operation::BindAccount),
        ),
        ("S4, ¶25-27", "login with name and password", count(Operation::Login)),
        ("S5, ¶28, 30-32", "a QR is presented", count(Operation::PresentQr)),
        ("¶20, claims 2, 8", "payments with the stored QR", journeys(Journey::Stored)),
        ("¶29, claim 3", "payments with a new capture", journeys(Journey::Recapture)),
        ("claims 4, 7, ¶37-41", "payments from a second device", journeys(Journey::SecondDevice)),
        ("¶32-35, 37", "verification codes typed in", count(Operation::SubmitCode)),
        ("S6, ¶36", "debits at the bank", count(Operation::Charge)),
    ];
    let rows: Vec<_> = rows.iter().map(|(step, what, n)| vec![(*step).into(), (*what).into(), grouped(*n)]).collect();
    table(&["step of CN103310335A", "what happens", "times"], &rows)
}

/// Writes what server and bank reported.
pub(crate) fn server(summary: &Summary) -> String {
    let row = |(component, name, value): &(String, String, f64)| {
        let value = if value.fract() == 0.0 { grouped(*value as u64) } else { format!("{value:.3}") };
        vec![escape(name), escape(component), value]
    };
    let elsewhere = [Component::Symbol, Component::Security];
    let own = summary.server.iter().filter(|(component, ..)| !elsewhere.iter().any(|other| component == other));
    let rows: Vec<_> = own.map(row).collect();
    if rows.is_empty() { String::new() } else { table(&["figure", "component", "value"], &rows) }
}

/// Writes what each scheme's payload costs as a symbol.
pub(crate) fn symbols(summary: &Summary) -> String {
    let row = |s: &symbol::SymbolRow| {
        let version = format!("{}<small>{} × {} modules</small>", s.version, modules(s.version), modules(s.version));
        let reads = [&s.from_screen, &s.from_paper].map(|rate| match rate.total {
            0 => "not looked at".to_owned(),
            _some => rate_cell(rate),
        });
        let [screen, paper] = reads;
        vec![escape(&s.scheme), grouped(s.payload_bytes), version, screen, paper]
    };
    let rows: Vec<_> = symbol::rows(&summary.server).iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = ["scheme", "payload, bytes", "symbol version", "read from a screen", "read from paper"];
    format!("{}<p class=\"note\">{LOOKS}</p>", table(&head, &rows))
}

const LOOKS: &str = "Looks of a camera with blur, noise, perspective and glare, at the default quality, each payload size by \
    itself. <code>schemes.symbol-looks</code> of a scenario sets their number, and <code>biopay dataset symbol</code> \
    takes any.";

/// Modules a side of a symbol (ISO/IEC 18004:2015, 6.3.1).
fn modules(version: u8) -> u32 {
    17 + 4 * u32::from(version)
}

/// Writes the manifest: how to repeat the run.
pub(crate) fn run(summary: &Summary) -> String {
    let m = &summary.manifest;
    let notes: String = m.notes.iter().map(|n| format!("<li>{}</li>", escape(n))).collect();
    let scenario = serde_json::to_string_pretty(&m.scenario).unwrap_or_default();
    format!(
        "<p>{}, schema {}. Repeat it with:</p><pre tabindex=\"0\" role=\"group\" aria-label=\"Command\">{}</pre><ul>{notes}</ul><h3>Scenario, every default filled in</h3><pre tabindex=\"0\" role=\"group\" aria-label=\"Scenario\">{}</pre><p class=\"note\">Run digest {}</p>",
        escape(&m.program),
        m.schema,
        escape(&m.command),
        escape(&scenario),
        escape(&m.digest),
    )
}
