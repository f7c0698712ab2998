//! Why a bank declines, and the response codes that it declines with.

/// The reason why a bank declined a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decline {
    /// The bank does not know the account.
    NoSuchAccount,
    /// The account has too little money.
    InsufficientFunds,
    /// The PIN or the mandate is wrong.
    WrongPin,
    /// The PIN was wrong too often, and the bank has blocked it.
    PinBlocked,
    /// Any other reason, by the bank's response code.
    Other(String),
}

impl Decline {
    /// Reads a response code (ISO 8583:1987, data element 39).
    pub fn from_code(code: &str) -> Self {
        match code {
            "14" => Self::NoSuchAccount,
            "51" => Self::InsufficientFunds,
            "55" => Self::WrongPin,
            "75" => Self::PinBlocked,
            code => Self::Other(code.to_owned()),
        }
    }

    /// Returns whether the bank does not know the account or refuses its PIN: what somebody learns who guesses.
    pub fn is_about_the_payer(&self) -> bool {
        match self {
            Self::NoSuchAccount | Self::WrongPin | Self::PinBlocked => true,
            Self::InsufficientFunds | Self::Other(_) => false,
        }
    }

    /// Returns the response code, which the store keeps for reconciliation with the bank.
    pub fn code(&self) -> &str {
        match self {
            Self::NoSuchAccount => "14",
            Self::InsufficientFunds => "51",
            Self::WrongPin => "55",
            Self::PinBlocked => "75",
            Self::Other(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for code in (0..100).map(|code| format!("{code:02}")) {
            assert_eq!(Decline::from_code(&code).code(), code);
        }
    }
}
