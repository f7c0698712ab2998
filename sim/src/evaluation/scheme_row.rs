//! The row of one scheme in the survey.

use super::figures::PointRates;
use super::low_fmr::AtFmr;
use super::symbol_cost::SymbolCost;
use biopay_biometrics::scheme::ComparisonKind;
use biopay_reports::security::EffectiveSecurity;
use biopay_reports::unlinkability::Unlinkability;
use serde::Serialize;

/// Holds what one scheme reached.
#[derive(Clone, Debug, Serialize)]
pub struct SchemeRow {
    /// The scheme's name.
    pub scheme: &'static str,
    /// What was chosen for the target FMR; `None` where nothing was, or nothing reached it and the defaults stand.
    pub tuned: Option<String>,
    /// How payloads are compared.
    pub comparison: ComparisonKind,
    /// FMR and FNMR where the impostor has the subject's token, and none of his own is needed.
    pub stolen_token: PointRates,
    /// The same where he has only his own; `None` for a scheme without tokens.
    pub own_token: Option<PointRates>,
    /// The same at ever lower false match rates ([`TARGETS`](super::low_fmr::TARGETS)), as far as the comparisons can tell.
    pub at_fmr: Vec<AtFmr>,
    /// Equal error rate under a stolen token; `None` where the scheme gives no score.
    pub eer: Option<f64>,
    /// Bits of the key, where there is one.
    pub key_bits: Option<usize>,
    /// The least of key bits, -log₂ of the false accept rate of a try, and the template's degrees of freedom.
    pub security: EffectiveSecurity,
    /// Linkability of two enrolments whose tokens the attacker does not have; `None` with too few subjects.
    pub unlinkability_unknown_token: Option<Unlinkability>,
    /// The same where he has both tokens.
    pub unlinkability_stolen_token: Option<Unlinkability>,
    /// Whether a subject's new enrolment refuses the payload of its old one.
    pub is_revocable: bool,
    /// Mean size of a payload as it travels. Units: bytes.
    pub payload_bytes: usize,
    /// What it costs as a QR symbol; `None` where no symbol holds it.
    pub symbol: Option<SymbolCost>,
    /// One derivation on one core. Units: milliseconds of wall clock time.
    pub derivation_ms: f64,
    /// References that could not be enrolled.
    pub failures_to_enrol: u64,
    /// What of all this is weak, the worst first.
    pub fails_at: Vec<String>,
}
