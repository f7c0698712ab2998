//! Optional fields: they follow a message's required ones, each with its number and its length, so that a reader skips
//! those that it does not know.

use crate::Error;
use crate::proof::DeviceKeys;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A message whose last fields are optional, each under a number that stays its own.
pub trait Optional {
    /// Returns the optional fields, by rising number.
    fn optional(&self) -> Vec<(u32, &dyn OptionalField)>;

    /// Returns the optional fields, to be set.
    fn optional_mut(&mut self) -> Vec<(u32, &mut dyn OptionalField)>;
}

/// A field that may be absent.
pub trait OptionalField {
    /// Returns its value's bytes; `None` when it is absent.
    fn to_bytes(&self) -> Option<Vec<u8>>;

    /// Reads its value.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when the bytes are no such value, or bytes are left over.
    fn set(&mut self, bytes: &[u8]) -> Result<(), Error>;
}

impl<T: Serialize + DeserializeOwned> OptionalField for Option<T> {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        self.as_ref().and_then(|value| postcard::to_stdvec(value).ok())
    }

    fn set(&mut self, bytes: &[u8]) -> Result<(), Error> {
        *self = Some(read(bytes)?);
        Ok(())
    }
}

/// No devices are an absent field.
impl OptionalField for DeviceKeys {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.as_slice().is_empty() { None } else { postcard::to_stdvec(self).ok() }
    }

    fn set(&mut self, bytes: &[u8]) -> Result<(), Error> {
        *self = read(bytes)?;
        Ok(())
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|_| Error::Malformed)?;
    if rest.is_empty() { Ok(value) } else { Err(Error::Malformed) }
}

/// Numbers the optional fields of an enum of messages: each variant that has some, and those without.
macro_rules! optional_fields {
    ($message:ident { $($variant:ident { $($field:ident),+ } => [$($number:literal: $value:expr),+],)+ }
        without $($plain:ident),+
    ) => {
        impl super::optional::Optional for $message {
            fn optional(&self) -> Vec<(u32, &dyn super::optional::OptionalField)> {
                match self {
                    $(Self::$variant { $($field,)+ .. } => vec![$(($number, &$value)),+],)+
                    $(Self::$plain { .. })|+ => Vec::new(),
                }
            }

            fn optional_mut(&mut self) -> Vec<(u32, &mut dyn super::optional::OptionalField)> {
                match self {
                    $(Self::$variant { $($field,)+ .. } => vec![$(($number, &mut $value)),+],)+
                    $(Self::$plain { .. })|+ => Vec::new(),
                }
            }
        }
    };
}
pub(super) use optional_fields;
