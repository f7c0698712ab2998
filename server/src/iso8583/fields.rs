//! The data elements that we use: their numbers, lengths and alphabets (ISO 8583:1987, table 3).

/// A data element, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Field {
    /// Primary account number.
    AccountNumber = 2,
    /// Processing code.
    ProcessingCode = 3,
    /// Transaction amount in minor units.
    Amount = 4,
    /// Transmission date and time, MMDDhhmmss.
    Transmitted = 7,
    /// System trace audit number: pairs a response with its request on one connection.
    Trace = 11,
    /// Acquiring institution.
    Acquirer = 32,
    /// Retrieval reference number: names a payment to both sides for ever.
    Reference = 37,
    /// Approval code.
    Approval = 38,
    /// Response code.
    ResponseCode = 39,
    /// Terminal.
    Terminal = 41,
    /// Merchant.
    Merchant = 43,
    /// Additional private data: a mandate token here.
    Private = 48,
    /// Currency.
    Currency = 49,
    /// Network management code.
    NetworkCode = 70,
    /// Original data elements, in a reversal.
    Original = 90,
    /// A PIN block of ISO 9564-1 format 4: 16 bytes, which data element 52 cannot hold.
    PinBlock = 110,
}

/// The length of a data element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always so many bytes.
    Fixed(usize),
    /// At most so many, after a length of `digits` digits.
    Variable {
        /// Digits of the length: 2 or 3.
        digits: usize,
        /// The longest content.
        max: usize,
    },
}

/// The characters that a data element may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// n: digits.
    Digits,
    /// an: letters and digits.
    Alphanumeric,
    /// ans: printable ASCII.
    Printable,
    /// b: anything.
    Binary,
}

impl Field {
    /// Every data element of the dialect, in order.
    pub const ALL: [Self; 16] = [
        Self::AccountNumber,
        Self::ProcessingCode,
        Self::Amount,
        Self::Transmitted,
        Self::Trace,
        Self::Acquirer,
        Self::Reference,
        Self::Approval,
        Self::ResponseCode,
        Self::Terminal,
        Self::Merchant,
        Self::Private,
        Self::Currency,
        Self::NetworkCode,
        Self::Original,
        Self::PinBlock,
    ];

    /// Finds a data element by its number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&field| field as u8 == number)
    }

    /// Returns its length.
    pub fn length(self) -> Length {
        match self {
            Self::AccountNumber => Length::Variable { digits: 2, max: 19 },
            Self::ProcessingCode | Self::Trace | Self::Approval => Length::Fixed(6),
            Self::Amount | Self::Reference => Length::Fixed(12),
            Self::Transmitted => Length::Fixed(10),
            Self::Acquirer => Length::Variable { digits: 2, max: 11 },
            Self::ResponseCode => Length::Fixed(2),
            Self::Terminal => Length::Fixed(8),
            Self::Merchant => Length::Fixed(40),
            Self::Private => Length::Variable { digits: 3, max: 999 },
            Self::Currency | Self::NetworkCode => Length::Fixed(3),
            Self::Original => Length::Fixed(42),
            Self::PinBlock => Length::Variable { digits: 3, max: 16 },
        }
    }

    /// Returns its alphabet.
    pub fn alphabet(self) -> Alphabet {
        match self {
            Self::AccountNumber
            | Self::ProcessingCode
            | Self::Amount
            | Self::Transmitted
            | Self::Trace
            | Self::Acquirer
            | Self::NetworkCode
            | Self::Original => Alphabet::Digits,
            Self::Reference | Self::Approval | Self::ResponseCode | Self::Currency => Alphabet::Alphanumeric,
            Self::Terminal | Self::Merchant | Self::Private => Alphabet::Printable,
            Self::PinBlock => Alphabet::Binary,
        }
    }

    /// Returns whether the content has the data element's length and alphabet.
    pub fn allows(self, content: &[u8]) -> bool {
        let fits = match self.length() {
            Length::Fixed(length) => content.len() == length,
            Length::Variable { max, .. } => content.len() <= max,
        };
        fits && match self.alphabet() {
            Alphabet::Digits => content.iter().all(u8::is_ascii_digit),
            Alphabet::Alphanumeric => content.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' '),
            Alphabet::Printable => content.iter().all(|byte| (0x20..0x7f).contains(byte)),
            Alphabet::Binary => true,
        }
    }
}
