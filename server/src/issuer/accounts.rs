//! The accounts that a simulated bank opens with: a file of `account,pin,balance_minor` lines.

use biopay_protocol::{BankAccount, Secret};

/// The most accounts in one file.
pub const ACCOUNTS_MAX: usize = 10_000_000;

/// An account to open.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its number.
    pub number: BankAccount,
    /// Its PIN, 4 to 12 digits.
    pub pin: Secret,
    /// The money in it, in minor units.
    pub balance_minor: u64,
}

/// The error of a line that does not describe an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected `account,pin,balance_minor`, 12 to 19 digits, 4 to 12 digits, and a whole number")]
pub struct BadLine {
    /// The line's number, from 1.
    pub line: usize,
}

/// Reads account lines; empty lines and lines that begin with `#` are skipped.
///
/// # Errors
///
/// [`BadLine`] at the first line that is no account.
pub fn parse(text: &str) -> Result<Vec<NewAccount>, BadLine> {
    let lines = text.lines().enumerate().take(ACCOUNTS_MAX);
    let meant = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    meant.map(|(index, line)| parse_line(line).ok_or(BadLine { line: index + 1 })).collect()
}

fn parse_line(line: &str) -> Option<NewAccount> {
    let mut columns = line.split(',').map(str::trim);
    let number = BankAccount::new(columns.next()?).ok()?;
    let pin = columns.next()?;
    let balance_minor = columns.next()?.parse().ok().filter(|&balance| balance <= i64::MAX as u64)?;
    let digits = (4..=12).contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit());
    let complete = columns.next().is_none() && digits;
    complete.then_some(NewAccount { number, pin: Secret::new(pin).ok()?, balance_minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_bad_ones_named() {
        let accounts = parse("# seed\n400000000001,1234,500\n\n400000000002, 99999 ,0\n").unwrap();
        assert_eq!(accounts.len(), 2);
        assert_eq!((accounts[0].balance_minor, accounts[1].pin.expose()), (500, "99999"));
        for bad in ["400000000001,1234", "4000,1234,5", "400000000001,12,5", "400000000001,1234,-5"] {
            assert_eq!(parse(&format!("#\n{bad}")).unwrap_err(), BadLine { line: 2 });
        }
    }
}
