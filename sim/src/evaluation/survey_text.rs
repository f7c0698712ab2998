//! The table of schemes, for a terminal.

use super::helper_only::HelperOnly;
use super::low_fmr::TARGETS;
use super::scheme_row::SchemeRow;
use super::survey::Survey;
use biopay_reports::html::rate_text;
use biopay_reports::interval::Rate;
use biopay_reports::unlinkability::Unlinkability;
use std::fmt::Write;

/// Writes one modality's table. Widths fit 225 columns.
pub fn to_text(survey: &Survey) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: {}, {} samples of {} subjects, {} enrolled from each",
        survey.modality, survey.source, survey.samples.images, survey.samples.subjects, survey.enrolled_from
    );
    for (reason, count) in &survey.samples.failures_to_acquire {
        let _ = writeln!(out, "  failure to acquire: {count} ({reason})");
    }
    out += &survey.samples.intake.to_text();
    if let Some(eer) = survey.unprotected.eer {
        let _ = writeln!(out, "  unprotected template, every pair by cosine: EER {:.2} %", 100.0 * eer);
    }
    let _ = writeln!(
        out,
        "\n  {:<17} {:<44} {:<44} {:>7}  {:>5} {:>5}  {:>13} {:>13}  {:>5} {:>3} {:>14} {:>14} {:>8}  {:<12}",
        "scheme",
        "FMR (token stolen)",
        "FNMR",
        "EER %",
        "key b",
        "eff b",
        "D_sys unknown",
        "D_sys stolen",
        "bytes",
        "QR",
        "screen",
        "print",
        "ms",
        "helper"
    );
    survey.schemes.iter().for_each(|row| write_row(&mut out, row));
    out += "\n  FMR and FNMR at the scheme's own operating point, count and 95 % interval clustered by subject. eff b: the\n";
    out += "  least of key bits, -log2 of the FMR's upper bound and the template's degrees of freedom. D_sys: linkability\n";
    out +=
        "  0 to 1, in brackets the 95th percentile that unlinkable data of this size shows. QR: symbol version, and\n";
    out +=
        "  looks of a camera that read it from a screen and from print, with the 95 % interval in per cent. ms: one\n";
    out += "  derivation and verification. The D_sys of digest and sample-then-lock compares records bit by bit, a floor: an\n";
    out += "  attacker who opens them by trying every value learns more.\n";
    out += "  helper: whether the helper data alone tell who opens them, so that whoever has them can search without a server.\n";
    for (scheme, why) in &survey.left_out {
        let _ = writeln!(out, "  {scheme} is left out: {why}.");
    }
    write_low_fmr(&mut out, survey);
    write_weaknesses(&mut out, survey);
    out
}

/// Writes each scheme's FNMR at ever lower false match rates.
fn write_low_fmr(out: &mut String, survey: &Survey) {
    let _ = write!(out, "\n  {:<17}", "FNMR (stolen)");
    TARGETS.iter().for_each(|(_, target)| _ = write!(out, " {:<44}", format!("at FMR <= {target:e}")));
    out.push('\n');
    for row in &survey.schemes {
        let _ = write!(out, "  {:<17}", row.scheme);
        row.at_fmr.iter().for_each(|at| _ = write!(out, " {:<44}", at.to_text()));
        out.push('\n');
    }
}

/// Writes each scheme's weaknesses.
fn write_weaknesses(out: &mut String, survey: &Survey) {
    out.push_str("\n  fails at\n");
    for row in &survey.schemes {
        let list = if row.fails_at.is_empty() { "nothing measured here".into() } else { row.fails_at.join("; ") };
        let _ = writeln!(out, "  {:<17} {list}", row.scheme);
    }
}

fn write_row(out: &mut String, row: &SchemeRow) {
    let symbol = row.symbol.as_ref();
    let _ = writeln!(
        out,
        "  {:<17} {:<44} {:<44} {:>7}  {:>5} {:>5.1}  {:>13} {:>13}  {:>5} {:>3} {:>14} {:>14} {:>8.3}  {:<12}",
        row.scheme,
        rate_text(&row.stolen_token.fmr),
        rate_text(&row.stolen_token.fnmr),
        row.eer.map_or_else(|| "-".into(), |eer| format!("{:.2}", 100.0 * eer)),
        row.key_bits.map_or_else(|| "-".into(), |bits| bits.to_string()),
        row.security.bits(),
        linkability(row.unlinkability_unknown_token),
        linkability(row.unlinkability_stolen_token),
        row.payload_bytes,
        symbol.map_or_else(|| "-".into(), |s| s.version.to_string()),
        symbol.map_or_else(|| "-".into(), |s| reads(&s.read_from_screen)),
        symbol.map_or_else(|| "-".into(), |s| reads(&s.read_from_print)),
        row.derivation_ms,
        helper(row.helper_only)
    );
    if let Some(tuned) = &row.tuned {
        let _ = writeln!(out, "  {:<17} tuned: {tuned}", "");
    }
    if let Some(own) = &row.own_token {
        let _ = writeln!(out, "  {:<17} {:<44}", "  own token", rate_text(&own.fmr));
    }
    if row.failures_to_enrol > 0 {
        let _ = writeln!(out, "  {:<17} {} failures to enrol", "", row.failures_to_enrol);
    }
}

/// Writes count, total and the 95 % interval in per cent.
fn reads(rate: &Rate) -> String {
    let per_cent = |x: f64| (100.0 * x).round();
    let interval = rate.interval().map(|i| format!(" ({}-{})", per_cent(i.lower), per_cent(i.upper)));
    format!("{}/{}{}", rate.count, rate.total, interval.unwrap_or_default())
}

fn helper(told: HelperOnly) -> String {
    match told {
        HelperOnly::Nothing => "tells nothing".into(),
        HelperOnly::WhoOpensIt { right, wrong } => format!("tells {right}/{}", right + wrong),
    }
}

fn linkability(measured: Option<Unlinkability>) -> String {
    measured.map_or_else(|| "-".into(), |u| format!("{:.3} ({:.3})", u.d_sys, u.null_upper95))
}
