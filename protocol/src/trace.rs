//! The trace that a request belongs to, so that a client's spans and the server's are one trace (W3C Trace Context).

use crate::Error;
use std::fmt::{self, Display};
use std::str::FromStr;

/// A trace and the span in it that caused a request.
///
/// Source: W3C Trace Context, Recommendation of 2021, section 3.2: what its header `traceparent` holds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; never all zeros.
    pub trace_id: [u8; 16],
    /// The span that caused the request; never all zeros.
    pub parent_id: [u8; 8],
    /// Bit 0: the client records this trace.
    pub flags: u8,
}

impl TraceContext {
    /// The number of the optional field that every request may have.
    pub const FIELD: u32 = 100;
    /// The length of the field's value: trace, parent, flags.
    pub const BYTES: usize = 25;
    /// The flag of a trace that is recorded.
    pub const SAMPLED: u8 = 1;

    /// Writes the field's value.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [self.flags; Self::BYTES];
        bytes[..16].copy_from_slice(&self.trace_id);
        bytes[16..24].copy_from_slice(&self.parent_id);
        bytes
    }

    /// Reads the field's value; `None` for one that is no trace, which a receiver ignores (section 3.2.2.3).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&trace_id, rest) = bytes.split_first_chunk()?;
        let (&parent_id, rest) = rest.split_first_chunk()?;
        let &[flags] = rest else { return None };
        (trace_id != [0; 16] && parent_id != [0; 8]).then_some(Self { trace_id, parent_id, flags })
    }
}

/// The header `traceparent`.
impl Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.parent_id));
        write!(formatter, "00-{trace:032x}-{parent:016x}-{:02x}", self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let why =
            "a traceparent is 00-TRACE-PARENT-FLAGS, with 32, 16 and 2 lower-case hexadecimal digits, not all zero";
        let wrong = Error::Value { what: "traceparent", why };
        let parts: Vec<&str> = text.split('-').collect();
        let &["00", trace, parent, flags] = parts.as_slice() else { return Err(wrong) };
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if (trace.len(), parent.len(), flags.len()) != (32, 16, 2)
            || !text.bytes().all(|byte| byte == b'-' || is_hex(byte))
        {
            return Err(wrong);
        }
        let number = |part| u128::from_str_radix(part, 16).map_err(|_| wrong.clone());
        let trace_id = number(trace)?.to_be_bytes();
        let (parent_id, flags) = ((number(parent)? as u64).to_be_bytes(), number(flags)? as u8);
        Self::from_bytes(&Self { trace_id, parent_id, flags }.to_bytes()).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of W3C Trace Context, section 3.2.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_header_of_the_standard_round_trips() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!((context.to_string().as_str(), context.flags), (EXAMPLE, TraceContext::SAMPLED));
        assert_eq!(TraceContext::from_bytes(&context.to_bytes()), Some(context));
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for wrong in [zeros.as_str(), &EXAMPLE[1..], &EXAMPLE.to_uppercase(), "", &EXAMPLE.replace("4b", "-b")] {
            assert!(wrong.parse::<TraceContext>().is_err(), "{wrong}");
        }
        let bytes = EXAMPLE.parse::<TraceContext>().unwrap().to_bytes();
        assert_eq!(TraceContext::from_bytes(&bytes[1..]), None);
        assert_eq!(TraceContext::from_bytes(&[0; TraceContext::BYTES]), None);
    }
}
