//! Frames: a length, then one message in postcard.
//!
//! ```text
//! ┌─────────────────┬──────────────────────────┐
//! │ length, u32 BE  │ message, `length` bytes  │
//! └─────────────────┴──────────────────────────┘
//! ```
//! A message is its number, its required fields in order, and its optional fields, each with its number and its length.
//! A reader checks the length against its limit before it reserves anything, and skips optional fields that it does not
//! know.

use crate::message::Optional;
use crate::{Error, Request, Response, TraceContext};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of the length prefix.
pub const PREFIX_BYTES: usize = 4;
/// The longest request: a registration with the most helper data has 36 kB.
pub const REQUEST_BYTES_MAX: usize = 40_960;
/// The longest response: helper data or metrics.
pub const RESPONSE_BYTES_MAX: usize = 65_536;

/// A message that travels in a frame of its own.
pub trait Message: Serialize + DeserializeOwned + Optional {
    /// The most bytes its frame may have, without the prefix.
    const BYTES_MAX: usize;
}

impl Message for Request {
    const BYTES_MAX: usize = REQUEST_BYTES_MAX;
}

impl Message for Response {
    const BYTES_MAX: usize = RESPONSE_BYTES_MAX;
}

/// Writes a message as a frame.
///
/// # Errors
///
/// [`Error::FrameTooLong`] when the message is longer than its kind may be.
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, Error> {
    finish::<M>(write_fields(message)?)
}

/// Writes a request with the trace that it belongs to.
///
/// # Errors
///
/// [`Error::FrameTooLong`] when the request is longer than it may be.
pub fn encode_traced(request: &Request, trace: TraceContext) -> Result<Vec<u8>, Error> {
    let field = (TraceContext::FIELD, trace.to_bytes().to_vec());
    finish::<Request>(postcard::to_extend(&field, write_fields(request)?).map_err(|_| Error::Malformed)?)
}

/// Writes required and optional fields behind the room for the length.
fn write_fields<M: Message>(message: &M) -> Result<Vec<u8>, Error> {
    let mut frame = postcard::to_extend(message, vec![0; PREFIX_BYTES]).map_err(|_| Error::Malformed)?;
    for (number, field) in message.optional() {
        let Some(value) = field.to_bytes() else { continue };
        frame = postcard::to_extend(&(number, value), frame).map_err(|_| Error::Malformed)?;
    }
    Ok(frame)
}

fn finish<M: Message>(mut frame: Vec<u8>) -> Result<Vec<u8>, Error> {
    let length = frame.len() - PREFIX_BYTES;
    check_length::<M>(length)?;
    frame[..PREFIX_BYTES].copy_from_slice(&(length as u32).to_be_bytes());
    Ok(frame)
}

/// Reads the length prefix: how many bytes follow.
///
/// # Errors
///
/// [`Error::FrameTooLong`] when it is more than this kind of message may have.
pub fn decode_prefix<M: Message>(prefix: [u8; PREFIX_BYTES]) -> Result<usize, Error> {
    let length = u32::from_be_bytes(prefix) as usize;
    check_length::<M>(length)?;
    Ok(length)
}

/// Reads the message that follows the prefix.
///
/// # Errors
///
/// [`Error::Malformed`] when it is not such a message, or what follows its required fields are not optional ones by
/// rising number.
pub fn decode_body<M: Message>(body: &[u8]) -> Result<M, Error> {
    read_fields(body, |_, _| {})
}

/// Reads a request that follows the prefix, and the trace that it belongs to, where it names a valid one.
///
/// # Errors
///
/// Those of [`decode_body`].
pub fn decode_traced_body(body: &[u8]) -> Result<(Request, Option<TraceContext>), Error> {
    let mut trace = None;
    let request = read_fields(body, |number, value| {
        if number == TraceContext::FIELD {
            trace = TraceContext::from_bytes(value);
        }
    })?;
    Ok((request, trace))
}

/// Reads a message, and hands over the optional fields that it does not have.
fn read_fields<M: Message>(body: &[u8], mut unknown: impl FnMut(u32, &[u8])) -> Result<M, Error> {
    check_length::<M>(body.len())?;
    let (mut message, mut rest) = postcard::take_from_bytes::<M>(body).map_err(|_| Error::Malformed)?;
    let mut last = 0;
    while !rest.is_empty() {
        let ((number, value), after) = postcard::take_from_bytes::<(u32, &[u8])>(rest).map_err(|_| Error::Malformed)?;
        if number <= last {
            return Err(Error::Malformed);
        }
        if let Some((_, field)) = message.optional_mut().into_iter().find(|(known, _)| *known == number) {
            field.set(value)?;
        } else {
            unknown(number, value);
        }
        (last, rest) = (number, after);
    }
    Ok(message)
}

/// Reads a whole frame.
///
/// # Errors
///
/// Those of [`decode_prefix`] and [`decode_body`]; [`Error::FrameLength`] when the prefix does not fit the bytes.
pub fn decode<M: Message>(frame: &[u8]) -> Result<M, Error> {
    let (prefix, body) = frame.split_first_chunk::<PREFIX_BYTES>().ok_or(Error::FrameLength)?;
    if decode_prefix::<M>(*prefix)? != body.len() {
        return Err(Error::FrameLength);
    }
    decode_body(body)
}

fn check_length<M: Message>(announced: usize) -> Result<(), Error> {
    if announced > M::BYTES_MAX {
        return Err(Error::FrameTooLong { announced, allowed: M::BYTES_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelBinding, DeviceKeys, HelperBytes, LoginName, PayloadBytes, Secret};

    fn login() -> Request {
        let (login, password) = (LoginName::new("ada").unwrap(), Secret::new("pw").unwrap());
        Request::Login { login, password, channel: ChannelBinding([3; 32]) }
    }

    #[test]
    fn a_frame_round_trips() {
        let frame = encode(&login()).unwrap();
        assert_eq!(decode::<Request>(&frame), Ok(login()));
    }

    #[test]
    fn the_longest_registration_fits() {
        let request = Request::Register {
            login: LoginName::new("x".repeat(64)).unwrap(),
            password: Secret::new("x".repeat(Secret::BYTES_MAX)).unwrap(),
            enrolment: PayloadBytes::new(vec![0xff; PayloadBytes::BYTES_MAX]).unwrap(),
            helper: Some(HelperBytes::new(vec![0xff; HelperBytes::BYTES_MAX]).unwrap()),
            bank_account: crate::BankAccount::new("1".repeat(19)).unwrap(),
            pin: Secret::new("x".repeat(Secret::BYTES_MAX)).unwrap(),
            devices: DeviceKeys::new(vec![crate::DeviceKey([0xff; 32]); 8]).unwrap(),
        };
        assert_eq!(decode::<Request>(&encode(&request).unwrap()), Ok(request));
    }

    #[test]
    fn an_older_reader_skips_what_a_newer_writer_adds() {
        let body = |message: &Request| encode(message).unwrap()[PREFIX_BYTES..].to_vec();
        let newer = |fields: &[u8]| decode_body::<Request>(&[body(&login()).as_slice(), fields].concat());
        assert_eq!(newer(&[9, 2, 1, 1, 200, 1, 0]), Ok(login()));
        // A field twice, one out of order, number 0, and a length beyond the end.
        for wrong in [&[9, 0, 9, 0][..], &[9, 0, 8, 0], &[0, 0], &[9, 2, 1]] {
            assert_eq!(newer(wrong), Err(Error::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn a_request_may_name_its_trace() {
        let trace = TraceContext { trace_id: [1; 16], parent_id: [2; 8], flags: TraceContext::SAMPLED };
        let body = encode_traced(&login(), trace).unwrap()[PREFIX_BYTES..].to_vec();
        assert_eq!(decode_traced_body(&body), Ok((login(), Some(trace))));
        assert_eq!(decode_body::<Request>(&body), Ok(login()));
        let untraced = encode(&login()).unwrap()[PREFIX_BYTES..].to_vec();
        assert_eq!(decode_traced_body(&untraced), Ok((login(), None)));
        // What is no trace is no reason to refuse the request.
        assert_eq!(decode_traced_body(&[untraced.as_slice(), &[100, 1, 7]].concat()), Ok((login(), None)));
    }

    #[test]
    fn optional_fields_are_absent_or_whole() {
        let replace =
            |helper| Request::ReplaceQr { enrolment: PayloadBytes::new([1]).unwrap(), helper, signature: None };
        let body = |message: &Request| encode(message).unwrap()[PREFIX_BYTES..].to_vec();
        assert_eq!(body(&replace(None)), [5, 1, 1]);
        assert_eq!(body(&replace(Some(HelperBytes::new([7]).unwrap()))), [5, 1, 1, 1, 2, 1, 7]);
        // A helper without its own length, and one with a byte too many.
        for wrong in [&[5, 1, 1, 1, 1, 7][..], &[5, 1, 1, 1, 3, 1, 7, 7]] {
            assert_eq!(decode_body::<Request>(wrong), Err(Error::Malformed));
        }
    }

    #[test]
    fn a_long_length_is_refused_before_anything_is_reserved() {
        let announced = u32::MAX as usize;
        let refused = Error::FrameTooLong { announced, allowed: REQUEST_BYTES_MAX };
        assert_eq!(decode_prefix::<Request>([0xff; 4]), Err(refused));
    }

    #[test]
    fn every_cut_and_every_addition_is_refused() {
        let frame = encode(&login()).unwrap();
        for cut in 0..frame.len() {
            assert!(decode::<Request>(&frame[..cut]).is_err(), "cut at {cut}");
        }
        let mut longer = frame.clone();
        longer.push(0);
        assert_eq!(decode::<Request>(&longer), Err(Error::FrameLength));
        assert_eq!(decode_body::<Request>(&longer[PREFIX_BYTES..]), Err(Error::Malformed));
    }
}
