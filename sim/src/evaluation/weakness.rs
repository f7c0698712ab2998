//! The weaknesses of a scheme, derived from its measured row.

use super::scheme_row::SchemeRow;
use biopay_reports::unlinkability::Unlinkability;

/// The false non-match rate above which a scheme is listed as weak: three in a hundred is the most that is asked of a
/// derived key, where FIDO's biometric certification allows false rejects of 7 %.
const FNMR_NAMED: f64 = 0.03;
/// The key length below which a scheme is listed as weak: one machine tries all shorter keys off line in a day or less.
/// (NIST SP 800-57 part 1, revision 5, table 2, trusts no key below 112 bits.)
const KEY_BITS_NAMED: usize = 64;
/// The share of successful looks below which a symbol is listed as weak.
const READ_NAMED: f64 = 0.5;

/// Lists the weaknesses that a row shows, the worst first; empty if there are none.
pub fn weaknesses(row: &SchemeRow) -> Vec<String> {
    let mut out = Vec::new();
    let fnmr = row.stolen_token.fnmr.value().filter(|&fnmr| fnmr > FNMR_NAMED);
    out.extend(fnmr.map(|fnmr| format!("rejects {:.0} % of its subjects' own captures", 100.0 * fnmr)));
    let short = row.key_bits.filter(|&bits| bits < KEY_BITS_NAMED);
    out.extend(short.map(|bits| format!("a key of {bits} bits can be searched off line")));
    if !row.is_revocable {
        out.push("cannot be revoked".into());
    }
    let linked = row.unlinkability_unknown_token.filter(stands_out);
    out.extend(linked.map(|u| format!("records can be linked (D_sys {:.2})", u.d_sys)));
    let stolen = row.unlinkability_stolen_token.filter(stands_out);
    out.extend(stolen.map(|u| format!("records can be linked with stolen tokens (D_sys {:.2})", u.d_sys)));
    if row.key_bits.is_none() {
        out.push("no key: with the token, payload and record reveal the template".into());
    } else if row.stolen_token.fmr.count > 0 {
        // Without a false accept a low figure would tell of few comparisons, and not of the scheme.
        out.push(format!("false accepts leave {:.0} bits of the key", row.security.bits()));
    }
    match &row.symbol {
        None => out.push("the payload is too large for a QR symbol".into()),
        Some(symbol) => {
            let read = symbol.read_from_screen.value().filter(|&read| read < READ_NAMED);
            out.extend(read.map(|read| format!("its symbol is read in {:.0} % of looks at a screen", 100.0 * read)));
        }
    }
    out
}

/// Returns whether records are linkable beyond what unlinkable data of this size shows.
fn stands_out(measured: &Unlinkability) -> bool {
    measured.d_sys > 1.5 * measured.null_upper95
}
