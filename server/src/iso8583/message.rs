//! One message: its type, its bitmap, its data elements.

use super::fields::{Field, Length};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The longest message that we write or read.
pub const MESSAGE_BYTES_MAX: usize = 2_048;
const MTI_BYTES: usize = 4;
const BITMAP_BYTES: usize = 8;

/// The message type indicator: four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mti(pub u16);

impl Mti {
    /// Authorization request: verifies an account and its PIN, without money.
    pub const VERIFY: Self = Self(100);
    /// Financial request: takes money.
    pub const CHARGE: Self = Self(200);
    /// Financial response.
    pub const CHARGE_RESPONSE: Self = Self(210);
    /// The same financial request once more.
    pub const CHARGE_REPEAT: Self = Self(201);
    /// Reversal request.
    pub const REVERSAL: Self = Self(400);
    /// Reversal advice: tells the bank that a charge is void, whatever became of it.
    pub const REVERSAL_ADVICE: Self = Self(420);
    /// Reversal advice response.
    pub const REVERSAL_RESPONSE: Self = Self(430);
    /// The same reversal advice once more.
    pub const REVERSAL_ADVICE_REPEAT: Self = Self(421);
    /// Network management request.
    pub const NETWORK: Self = Self(800);

    /// Returns the type of the response to a request of this type: a repeat is answered like the first.
    pub fn response(self) -> Self {
        Self(self.0 - self.0 % 10 + 10)
    }

    /// Returns whether it is a response.
    pub fn is_response(self) -> bool {
        self.0 / 10 % 2 == 1
    }
}

/// The reason why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message is longer than [`MESSAGE_BYTES_MAX`].
    #[error("the message is longer than {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// It ends inside the type, a bitmap or a data element.
    #[error("the message ends early")]
    Truncated,
    /// The type is not four digits.
    #[error("the message type is not four digits")]
    MessageType,
    /// The bitmap announces a data element that the dialect does not have.
    #[error("data element {0} is not in the dialect")]
    UnknownField(u8),
    /// A data element has the wrong length or alphabet.
    #[error("data element {0} has a wrong length or alphabet")]
    Content(u8),
    /// Bytes are left over.
    #[error("bytes follow the last data element")]
    Trailing,
}

/// One message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    mti: Mti,
    fields: BTreeMap<Field, Vec<u8>>,
}

impl Message {
    /// Begins a message without data elements.
    pub fn new(mti: Mti) -> Self {
        assert!(mti.0 <= 9_999, "a message type has four digits");
        Self { mti, fields: BTreeMap::new() }
    }

    /// Returns the message's type.
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Adds a data element; panics when the content is not allowed there, so check what comes from outside.
    pub fn with(mut self, field: Field, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        assert!(field.allows(content), "data element {} does not allow its content", field as u8);
        self.fields.insert(field, content.to_vec());
        self
    }

    /// Adds a number with leading zeros; panics when it has more digits than the data element.
    pub fn with_number(self, field: Field, number: u64) -> Self {
        let Length::Fixed(digits) = field.length() else { panic!("only fixed data elements hold padded numbers") };
        self.with(field, format!("{number:0digits$}"))
    }

    /// Returns a data element's content.
    pub fn field(&self, field: Field) -> Option<&[u8]> {
        self.fields.get(&field).map(Vec::as_slice)
    }

    /// Returns a data element's content as text, without padding at its end.
    pub fn text(&self, field: Field) -> Option<&str> {
        std::str::from_utf8(self.field(field)?).ok().map(|text| text.trim_end_matches(' '))
    }

    /// Returns a data element's content as a number.
    pub fn number(&self, field: Field) -> Option<u64> {
        self.text(field)?.parse().ok()
    }

    /// Writes the message's bytes, without the length before it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = format!("{:04}", self.mti.0).into_bytes();
        let bitmap = self.bitmap();
        let shown = if bitmap[0] & 0x80 == 0 { BITMAP_BYTES } else { 2 * BITMAP_BYTES };
        bytes.extend_from_slice(&bitmap[..shown]);
        for (field, content) in &self.fields {
            if let Length::Variable { digits, .. } = field.length() {
                bytes.extend_from_slice(format!("{:0digits$}", content.len()).as_bytes());
            }
            bytes.extend_from_slice(content);
        }
        bytes
    }

    fn bitmap(&self) -> [u8; 2 * BITMAP_BYTES] {
        let mut bitmap = [0; 2 * BITMAP_BYTES];
        for &field in self.fields.keys() {
            let bit = usize::from(field as u8 - 1);
            bitmap[bit / 8] |= 0x80 >> (bit % 8);
            if bit >= 64 {
                bitmap[0] |= 0x80;
            }
        }
        bitmap
    }

    /// Reads a message's bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], for anything that [`Self::encode`] would not have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut rest = bytes;
        let mti = decode_mti(take(&mut rest, MTI_BYTES)?)?;
        let numbers = decode_bitmaps(&mut rest)?;
        let mut fields = BTreeMap::new();
        for number in numbers {
            let field = Field::from_number(number).ok_or(DecodeError::UnknownField(number))?;
            let content = decode_content(field, &mut rest)?;
            fields.insert(field, content.to_vec());
        }
        if rest.is_empty() { Ok(Self { mti, fields }) } else { Err(DecodeError::Trailing) }
    }
}

/// Shows the type and which data elements are there, never what they say.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut numbers = String::new();
        for &field in self.fields.keys() {
            write!(numbers, " {}", field as u8)?;
        }
        write!(f, "{:04} [{}]", self.mti.0, numbers.trim_start())
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
    *rest = left;
    Ok(taken)
}

fn decode_number(digits: &[u8]) -> Option<usize> {
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn decode_mti(bytes: &[u8]) -> Result<Mti, DecodeError> {
    let number = decode_number(bytes).ok_or(DecodeError::MessageType)?;
    u16::try_from(number).map(Mti).map_err(|_| DecodeError::MessageType)
}

/// Reads one or two bitmaps: the numbers of the data elements, in order.
fn decode_bitmaps(rest: &mut &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut bitmap = take(rest, BITMAP_BYTES)?.to_vec();
    if bitmap[0] & 0x80 != 0 {
        let second = take(rest, BITMAP_BYTES)?;
        // A second bitmap that announces nothing has more than one spelling of the same message.
        if second.iter().all(|&byte| byte == 0) {
            return Err(DecodeError::UnknownField(1));
        }
        bitmap.extend_from_slice(second);
    }
    let is_set = |bit: &usize| bitmap[bit / 8] & (0x80 >> (bit % 8)) != 0;
    Ok((1..bitmap.len() * 8).filter(is_set).map(|bit| bit as u8 + 1).collect())
}

fn decode_content<'a>(field: Field, rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let wrong = DecodeError::Content(field as u8);
    let length = match field.length() {
        Length::Fixed(length) => length,
        Length::Variable { digits, .. } => decode_number(take(rest, digits)?).ok_or(wrong)?,
    };
    let content = take(rest, length)?;
    if field.allows(content) { Ok(content) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn charge() -> Message {
        Message::new(Mti::CHARGE)
            .with(Field::AccountNumber, "4000001234567890")
            .with(Field::ProcessingCode, "000000")
            .with_number(Field::Amount, 1_999)
            .with_number(Field::Trace, 42)
            .with(Field::Reference, "ABCDEF123456")
            .with(Field::Currency, "EUR")
            .with(Field::PinBlock, [0xaa; 16])
    }

    #[test]
    fn the_bytes_are_those_of_the_standard() {
        let message = Message::new(Mti::NETWORK).with_number(Field::Trace, 1).with(Field::NetworkCode, "301");
        let mut expected = b"0800".to_vec();
        expected.extend_from_slice(&[0x80, 0x20, 0, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(b"000001301");
        assert_eq!(message.encode(), expected);
    }

    #[test]
    fn a_message_round_trips_and_every_cut_is_refused() {
        let bytes = charge().encode();
        assert_eq!(Message::decode(&bytes), Ok(charge()));
        for cut in 0..bytes.len() {
            assert!(Message::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(Message::decode(&[bytes, vec![b'0']].concat()), Err(DecodeError::Trailing));
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", charge()), "0200 [2 3 4 11 37 49 110]");
    }

    proptest! {
        #[test]
        fn rubbish_never_panics_and_what_decodes_encodes_back(
            bytes in proptest::collection::vec(any::<u8>(), 0..300), spliced in any::<bool>(),
        ) {
            let bytes = if spliced { [b"0200".as_slice(), &bytes].concat() } else { bytes };
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }

        #[test]
        fn a_damaged_message_is_refused_or_read_as_written(at in 0usize..200, with in any::<u8>()) {
            let mut bytes = charge().encode();
            let at = at % bytes.len();
            bytes[at] = with;
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }
    }
}
