//! The columns of the table: one entry each, with its name in files, its heading and where its value comes from.

use super::cell::Cell;
use crate::evaluation::helper_only::HelperOnly;
use crate::evaluation::low_fmr::{AtFmr, EQUAL_FMR, TARGETS};
use crate::evaluation::scheme_row::SchemeRow;
use crate::evaluation::survey::Survey;
use biopay_reports::interval::Interval;
use biopay_reports::security::EffectiveSecurity;
use std::path::Path;

/// Where a column's values come from.
type Value = fn(&Survey, &SchemeRow) -> Cell;

/// Whether values come with an interval, which files for programs give columns of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    /// No interval.
    None,
    /// A 95 % interval.
    Interval,
}

/// One column.
pub(super) struct Column {
    /// The name in files for programs.
    pub(super) name: &'static str,
    /// What people read.
    pub(super) heading: &'static str,
    /// Whether values come with an interval.
    pub(super) bounds: Bounds,
    /// The value of a row.
    pub(super) value: Value,
}

const fn plain(name: &'static str, heading: &'static str, value: Value) -> Column {
    Column { name, heading, bounds: Bounds::None, value }
}

const fn with_interval(name: &'static str, heading: &'static str, value: Value) -> Column {
    Column { name, heading, bounds: Bounds::Interval, value }
}

/// Every column, in the order of the table.
pub(super) const COLUMNS: [Column; 20] = [
    plain("modality", "modality", |survey, _| Cell::word(survey.modality)),
    plain("samples", "samples", |survey, _| Cell::word(samples(survey))),
    plain("scheme", "scheme", |_, row| Cell::word(row.scheme)),
    with_interval("fmr_percent", "FMR %", |_, row| Cell::per_cent(&row.stolen_token.fmr, 3)),
    with_interval("fnmr_percent", "FNMR %", |_, row| Cell::per_cent(&row.stolen_token.fnmr, 1)),
    with_interval("fnmr_at_fmr_1e-3_percent", "FNMR % at FMR 0.1 %", |_, row| at_equal_fmr(row)),
    plain("key_bits", "key bits", |_, row| {
        row.key_bits.map_or_else(|| Cell::word("no key"), |bits| Cell::number(bits as f64, 0))
    }),
    with_interval("effective_bits", "effective bits", |_, row| effective_bits(row)),
    plain("d_sys_naive", "D_sys naive", |_, row| Cell::d_sys(row.unlinkability_naive.as_ref())),
    plain("d_sys_general", "D_sys general", |_, row| Cell::d_sys(row.unlinkability_unknown_token.as_ref())),
    plain("d_sys_full_disclosure", "D_sys full disclosure", |_, row| {
        // Without a token there is nothing more to disclose.
        Cell::d_sys(row.unlinkability_stolen_token.as_ref().or(row.unlinkability_unknown_token.as_ref()))
    }),
    plain("d_sys_null95", "D_sys of unlinkable data", |_, row| {
        row.unlinkability_unknown_token.as_ref().map_or(Cell::NotMeasured, |u| Cell::number(u.null_upper95, 3))
    }),
    with_interval("helper_only_bits", "helper-only search, bits", |_, row| match row.helper_only {
        HelperOnly::Nothing => Cell::word("tells nothing"),
        HelperOnly::WhoOpensIt { .. } => effective_bits(row),
    }),
    plain("payload_bytes", "payload bytes", |_, row| Cell::number(row.payload_bytes as f64, 0)),
    plain("symbol_version", "QR version", |_, row| {
        row.symbol.as_ref().map_or_else(|| Cell::word("too large"), |s| Cell::number(s.version.into(), 0))
    }),
    with_interval("read_from_screen_percent", "read from screen %", |_, row| {
        row.symbol.as_ref().map_or_else(|| Cell::word("too large"), |s| Cell::per_cent(&s.read_from_screen, 0))
    }),
    with_interval("read_from_print_percent", "read from print %", |_, row| {
        row.symbol.as_ref().map_or_else(|| Cell::word("too large"), |s| Cell::per_cent(&s.read_from_print, 0))
    }),
    plain("derivation_ms", "ms", |_, row| Cell::number(row.derivation_ms, 2)),
    plain("server_us", "server's CPU µs", |_, row| {
        row.verification_us.map_or(Cell::NotMeasured, |us| Cell::number(us, 1))
    }),
    plain("failures_to_enrol", "failures to enrol", |_, row| Cell::number(row.failures_to_enrol as f64, 0)),
];

/// Returns what to call the samples: synthetic, or the last part of their path.
fn samples(survey: &Survey) -> String {
    let name = || Path::new(&survey.source).file_name().map(|name| name.to_string_lossy().into_owned());
    if survey.is_synthetic { "synthetic".into() } else { name().unwrap_or_else(|| survey.source.clone()) }
}

/// Returns the FNMR at the equal FMR, or why there is none.
fn at_equal_fmr(row: &SchemeRow) -> Cell {
    let at = TARGETS.iter().position(|target| *target == EQUAL_FMR).and_then(|i| row.at_fmr.get(i));
    match at {
        Some(AtFmr::Reached { fnmr, .. }) => Cell::per_cent(fnmr, 1),
        Some(AtFmr::NotReached) => Cell::word("not reached"),
        Some(AtFmr::NotEnoughComparisons { .. }) | None => Cell::NotMeasured,
    }
}

/// Returns the effective bits with those of the FMR's interval: each the least of -log₂ FMR, key bits and the template's
/// degrees of freedom. Without a false accept there is only a lower bound.
fn effective_bits(row: &SchemeRow) -> Cell {
    let fmr = &row.stolen_token.fmr;
    let Some((value, Interval { lower, upper })) = fmr.value().zip(fmr.interval()) else { return Cell::NotMeasured };
    let bits = |rate: f64| EffectiveSecurity { false_accept_bits: 0.0 - rate.log2(), ..row.security }.bits();
    match fmr.count {
        0 => Cell::AtLeast { bound: bits(upper), decimals: 1 },
        _ => Cell::Number { value: bits(value), decimals: 1, interval: Some((bits(upper), bits(lower))) },
    }
}
