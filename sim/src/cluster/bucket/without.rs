//! What stands for the client in a build without the feature `s3`: a type that has no value.

use super::Address;
use crate::Error;
use std::path::Path;

/// Is a place in an object store, which this build cannot open.
pub enum Bucket {}

impl Bucket {
    /// Refuses, and says how to build a program that does not.
    ///
    /// Errors: always [`Error::Usage`].
    pub fn open(address: &Address) -> Result<Self, Error> {
        let how = "build it with `cargo build --release -p biopay-sim --features s3`";
        Err(Error::Usage(format!("{address}: this program was built without its feature `s3`: {how}")))
    }

    /// Does not exist, as no bucket does.
    pub fn holds_a_run(&self) -> Result<bool, Error> {
        match *self {}
    }

    /// Does not exist, as no bucket does.
    pub fn upload(&self, _folder: &Path) -> Result<(), Error> {
        match *self {}
    }

    /// Does not exist, as no bucket does.
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
