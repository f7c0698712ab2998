//! Which format a record has.

use super::model::Record;
use super::reader::malformed;
use super::{ansi_378, iso_2005, iso_2011};
use crate::Error;

const MAGIC: &[u8; 4] = b"FMR\0";
const VERSION_2005: &[u8; 4] = b" 20\0";
const VERSION_2011: &[u8; 4] = b"030\0";

impl Record {
    /// Reads a record's bytes: ISO/IEC 19794-2 of 2005 or 2011, or ANSI INCITS 378-2004.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are not exactly one record of these formats.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(malformed("it ends early"))?;
        let (version, rest) = rest.split_first_chunk().ok_or(malformed("it ends early"))?;
        if magic != MAGIC {
            return Err(malformed("it does not begin with FMR"));
        }
        let length = rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize);
        let is_whole = length == Some(bytes.len());
        match version {
            VERSION_2005 if is_whole => iso_2005::read(bytes),
            VERSION_2005 if ansi_378::is_one(bytes) => ansi_378::read(bytes),
            VERSION_2011 if is_whole => iso_2011::read(bytes),
            VERSION_2005 | VERSION_2011 => Err(malformed("its stated length differs from its actual length")),
            _other => Err(malformed("its version is neither 20 nor 030")),
        }
    }
}
