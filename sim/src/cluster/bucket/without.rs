//! The client's substitute in a build without the feature `s3`: a type without values.

use super::Address;
use crate::Error;
use std::path::Path;

/// A place in an object store, which this build cannot open.
pub enum Bucket {}

impl Bucket {
    /// Returns an error that says how to build the program with the feature.
    ///
    /// # Errors
    ///
    /// Always [`Error::Usage`].
    pub fn open(address: &Address) -> Result<Self, Error> {
        let how = "build it with `cargo build --release -p biopay-sim --features s3`";
        Err(Error::Usage(format!("{address}: this program was built without its feature `s3`: {how}")))
    }

    /// Cannot be called, since this type has no value.
    pub fn holds_a_run(&self) -> Result<bool, Error> {
        match *self {}
    }

    /// Cannot be called, since this type has no value.
    pub fn upload(&self, _folder: &Path) -> Result<(), Error> {
        match *self {}
    }

    /// Cannot be called, since this type has no value.
    pub fn download(&self, _folder: &Path) -> Result<(), Error> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_names_the_feature() {
        let address = Address::parse("s3://runs/first").unwrap();
        let error = Bucket::open(&address).err().unwrap();
        assert!(error.to_string().contains("--features s3"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
