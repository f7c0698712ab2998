//! Whether a run shows anything at all: nothing that happened is never success.

use biopay_reports::records::{Transaction, TransactionKind, TransactionOutcome};
use std::collections::BTreeMap;

/// Returns the reason why a complete run shows nothing; `None` if at least one account was opened.
///
/// Runs in which nobody meant to register show what they show.
pub(super) fn missing(transactions: &[Transaction]) -> Option<String> {
    let registrations = transactions.iter().filter(|t| t.kind == TransactionKind::Registration);
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for registration in registrations {
        *outcomes.entry(&registration.outcome).or_default() += 1;
    }
    let total: u64 = outcomes.values().sum();
    if total == 0 || outcomes.contains_key(TransactionOutcome::Registered.name()) {
        return None;
    }
    if let Some(reused) = outcomes.get(TransactionOutcome::Reused.name()) {
        return strangers(transactions, *reused);
    }
    let (most, count) = outcomes.iter().max_by_key(|(_, count)| **count)?;
    let reached = total - outcomes.get(TransactionOutcome::ConnectionLost.name()).unwrap_or(&0);
    if reached == 0 {
        return Some(format!(
            "no handset reached the server: all {total} registrations ended as {most}; see that the server runs and that its address and certificate are right"
        ));
    }
    let hint = match *most {
        LOGIN_TAKEN => {
            ": the server has the people of this seed already; use --reuse-accounts, another --seed or an empty store"
        }
        _ => "",
    };
    Some(format!("no account was opened: of {total} registrations {count} ended as {most}{hint}"))
}

/// Returns why a run that used accounts again shows nothing: nobody could log in to them.
fn strangers(transactions: &[Transaction], reused: u64) -> Option<String> {
    let mut payments = transactions.iter().filter(|t| t.kind == TransactionKind::Payment).peekable();
    payments.peek()?;
    payments.all(|t| t.login_end_us.is_none()).then(|| {
        format!(
            "none of the {reused} accounts that are used again let its owner in: they are not those of this seed and \
             scenario; use the seed of the run that opened them, or an empty store"
        )
    })
}

/// The server's name for the refusal of a login that somebody has.
const LOGIN_TAKEN: &str = "login-taken";

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(outcome: &str) -> Transaction {
        Transaction {
            kind: TransactionKind::Registration.name().into(),
            outcome: outcome.into(),
            ..Transaction::default()
        }
    }

    fn of(outcomes: &[&str]) -> Option<String> {
        missing(&outcomes.iter().map(|outcome| registration(outcome)).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_without_an_account_says_why_and_one_account_is_evidence() {
        assert!(of(&["connection-lost", "connection-lost"]).unwrap().contains("no handset reached the server"));
        assert!(of(&["login-taken", "login-taken", "connection-lost"]).unwrap().contains("another --seed"));
        assert!(of(&["device-required"]).unwrap().contains("device-required"));
        assert_eq!(of(&["connection-lost", "registered"]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn accounts_that_let_nobody_in_are_no_evidence() {
        let payment = |login_end_us| Transaction {
            kind: TransactionKind::Payment.name().into(),
            login_end_us,
            ..Transaction::default()
        };
        assert!(missing(&[registration("reused"), payment(None)]).unwrap().contains("not those of this seed"));
        assert_eq!(missing(&[registration("reused"), payment(None), payment(Some(7))]), None);
    }

    #[test]
    fn the_refusal_is_spelt_as_the_server_spells_it() {
        assert_eq!(biopay_protocol::Refusal::LoginTaken.name(), LOGIN_TAKEN);
    }
}
