//! One scheme's row in the survey.

use super::figures::PointRates;
use super::helper_only::HelperOnly;
use super::low_fmr::AtFmr;
use super::symbol_cost::SymbolCost;
use biopay_biometrics::scheme::ComparisonKind;
use biopay_reports::security::EffectiveSecurity;
use biopay_reports::unlinkability::Unlinkability;
use serde::Serialize;

/// The results of one scheme.
#[derive(Clone, Debug, Serialize)]
pub struct SchemeRow {
    /// The scheme's name.
    pub scheme: &'static str,
    /// The parameters chosen for the target FMR; `None` if the defaults were kept.
    pub tuned: Option<String>,
    /// How payloads are compared.
    pub comparison: ComparisonKind,
    /// FMR and FNMR where the impostor has the subject's token.
    pub stolen_token: PointRates,
    /// FMR and FNMR where the impostor has only a token of their own; `None` for a scheme without tokens.
    pub own_token: Option<PointRates>,
    /// FMR and FNMR at lower and lower false match rates ([`TARGETS`](super::low_fmr::TARGETS)), as far as the
    /// comparisons are enough.
    pub at_fmr: Vec<AtFmr>,
    /// Equal error rate under a stolen token; `None` where the scheme gives no score.
    pub eer: Option<f64>,
    /// The length of the key; `None` for schemes without one. Units: bits.
    pub key_bits: Option<usize>,
    /// The least of key bits, -log₂ of the false accept rate of a try, and the template's degrees of freedom.
    pub security: EffectiveSecurity,
    /// Linkability of two enrolments to an attacker who only presents the payloads of one to the other; `None` with too few
    /// subjects.
    pub unlinkability_naive: Option<Unlinkability>,
    /// Linkability of two enrolments whose tokens the attacker does not know; `None` with too few subjects.
    pub unlinkability_unknown_token: Option<Unlinkability>,
    /// Linkability of two enrolments whose tokens the attacker knows.
    pub unlinkability_stolen_token: Option<Unlinkability>,
    /// Whether a subject's new enrolment refuses the payload of its old one.
    pub is_revocable: bool,
    /// What the helper data alone tell. Where they tell who opens them, the false-accept attack needs no server, and costs as
    /// many tries as the effective bits say.
    pub helper_only: HelperOnly,
    /// Mean size of a payload as it travels. Units: bytes.
    pub payload_bytes: usize,
    /// The payload's cost as a QR symbol; `None` if it is too large for a symbol.
    pub symbol: Option<SymbolCost>,
    /// The time of one derivation and verification on one core. Units: milliseconds on the wall clock.
    pub derivation_ms: f64,
    /// The server's time for one verification on one core; `None` if no payload was derived. Units: microseconds on the wall
    /// clock.
    pub verification_us: Option<f64>,
    /// References that could not be enrolled.
    pub failures_to_enrol: u64,
    /// The scheme's weaknesses, the worst first.
    pub fails_at: Vec<String>,
}
