//! Each false accept as a case that opens: samples, symbols, scores, and the session down to the ledger entry.

use super::frame::table;
use crate::records::Transaction;
use crate::run_folder::cases::{Case, PICTURES, Pictures};
use crate::summary::Summary;
use crate::text::escape;
use crate::text::{duration, grouped};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The most cases that a report shows.
pub(crate) const CASES_MAX: usize = 24;

/// Writes the cases; nothing where nobody was falsely accepted.
pub(crate) fn section(summary: &Summary, transactions: &[Transaction], cases: &[(Case, Pictures)]) -> String {
    if summary.false_accepts == 0 {
        return String::new();
    }
    let bodies: String = cases.iter().map(|(case, pictures)| one(summary, transactions, case, pictures)).collect();
    format!(
        r#"<p>{} times the server took an impostor's QR for the enrolled one. {} of them can be opened here; the rest are rows of <code>transactions</code>.</p>{bodies}"#,
        grouped(summary.false_accepts),
        cases.len()
    )
}

fn one(summary: &Summary, transactions: &[Transaction], case: &Case, pictures: &[Option<Vec<u8>>]) -> String {
    let transaction = transactions
        .iter()
        .find(|t| t.handset == case.handset && t.intended_start_us == case.intended_start_us && t.qr_accepted);
    let score = case.tries.last().and_then(|t| t.score).map_or(String::new(), |score| format!(", score {score:.3}"));
    let shown: String =
        PICTURES.iter().zip(pictures).filter_map(|((_, what), png)| picture(what, png.as_deref()?)).collect();
    format!(
        r#"<details class="case"><summary>Subject {} was taken for subject {} ({}{score}, try {})</summary><div class="samples">{shown}</div>{}{}</details>"#,
        case.presenter_subject,
        case.account_subject,
        escape(&case.scheme),
        case.tries.len(),
        tries(summary, case),
        transaction.map_or(String::new(), events),
    )
}

fn picture(what: &str, png: &[u8]) -> Option<String> {
    let data = BASE64_STANDARD.encode(png);
    Some(format!(
        r#"<figure><img alt="{what}" src="data:image/png;base64,{data}"><figcaption>{what}</figcaption></figure>"#
    ))
}

fn tries(summary: &Summary, case: &Case) -> String {
    let limit = summary.threshold(&case.scheme).map_or("–".to_owned(), |t| format!("{t:.3}"));
    let rows: Vec<_> = case
        .tries
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let score = t.score.map_or("–".to_owned(), |score| format!("{score:.4}"));
            let verdict = t.failure.as_deref().unwrap_or(if t.accepted { "accepted" } else { "rejected" });
            vec![(i + 1).to_string(), score, limit.clone(), escape(verdict)]
        })
        .collect();
    table(&["try", "score", "threshold", "verdict"], &rows)
}

/// Writes what the session went through, from the intended start to the bank's posting.
fn events(t: &Transaction) -> String {
    let at = |us: u64| duration(us.saturating_sub(t.intended_start_us) as f64);
    let mut rows = vec![
        vec!["0 µs".to_owned(), format!("payment is due, at {} of the run", duration(t.intended_start_us as f64))],
        vec![at(t.start_us), format!("handset {} starts", t.handset)],
    ];
    if let Some(login) = t.login_end_us {
        rows.push(vec![at(login), format!("logged in with the name and password of subject {}", t.account_subject)]);
    }
    let made = format!(
        "presents {} QRs; {} captures and {} derivations failed",
        t.tries, t.failures_to_acquire, t.failures_to_derive
    );
    rows.push(vec!["–".to_owned(), made]);
    rows.push(vec!["–".to_owned(), "the server finds a presented QR consistent with the enrolled one".to_owned()]);
    rows.push(vec![at(t.end_us), format!("ends as {}", escape(&t.outcome))]);
    let amount = format!("{} minor units", grouped(t.amount_minor.unsigned_abs()));
    rows.push(match &t.bank_reference {
        Some(reference) => vec![
            at(t.end_us),
            format!(
                "ledger: {amount} debited from the account of subject {}, posting {}",
                t.account_subject,
                escape(reference)
            ),
        ],
        None => vec!["–".to_owned(), format!("ledger: nothing posted of {amount}")],
    });
    table(&["after", "event"], &rows)
}
