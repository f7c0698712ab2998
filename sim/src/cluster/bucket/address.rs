//! The place of a run folder: on this machine, or under a prefix of a bucket.

use crate::Error;
use std::fmt;
use std::path::{Path, PathBuf};

const SCHEME: &str = "s3://";
/// The length of a bucket's name. Source: Amazon S3 User Guide, "General purpose bucket naming rules".
const BUCKET_LENGTHS: std::ops::RangeInclusive<usize> = 3..=63;

/// The place of a run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Here(PathBuf),
    /// A prefix in an object store.
    Bucket(Address),
}

impl Place {
    /// Parses an argument of the command line: `s3://bucket/prefix`, or else a path.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a malformed `s3://` address. The message does not repeat the address, which may hold a
    /// secret by mistake.
    pub fn parse(text: &Path) -> Result<Self, Error> {
        match text.to_str().filter(|text| text.starts_with(SCHEME)) {
            Some(address) => Ok(Self::Bucket(Address::parse(address)?)),
            None => Ok(Self::Here(text.to_owned())),
        }
    }

    /// Parses a path where an object store cannot be used.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with `why` for an `s3://`.
    pub fn here(text: &Path, why: &str) -> Result<PathBuf, Error> {
        match Self::parse(text)? {
            Self::Here(path) => Ok(path),
            Self::Bucket(address) => Err(Error::Usage(format!("{address}: {why}"))),
        }
    }
}

/// The address of a run folder in an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    bucket: String,
    prefix: String,
}

impl Address {
    /// Parses `s3://bucket/prefix`. The prefix has one or more parts between slashes.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`], which does not repeat the address.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::Usage(format!("an address in an object store: {why}")));
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        if rest.contains(['@', ':', '?', '#']) {
            return refuse(
                "write s3://bucket/prefix without key, port or query; credentials come from AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, the server from AWS_ENDPOINT_URL",
            );
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return refuse("a bucket's name has 3 to 63 of a to z, 0 to 9, dot and hyphen: s3://bucket/prefix");
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return refuse("name a prefix for the run's files after the bucket: s3://bucket/prefix");
        }
        if !is_relative(prefix) || prefix.chars().any(char::is_control) {
            return refuse("the prefix has an empty part, `.`, `..`, a backslash or a control character");
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the prefix, without a slash at either end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the key of a file of the run folder. `name` has forward slashes.
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

fn is_bucket(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    BUCKET_LENGTHS.contains(&name.len()) && name.chars().all(is_allowed) && !name.starts_with(['.', '-'])
}

/// Returns whether a name with forward slashes stays below its folder.
pub(super) fn is_relative(name: &str) -> bool {
    !name.contains('\\') && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_a_prefix() {
        let address = Address::parse("s3://biopay-runs/ten-thousand/part-0/").unwrap();
        assert_eq!((address.bucket(), address.prefix()), ("biopay-runs", "ten-thousand/part-0"));
        assert_eq!(address.to_string(), "s3://biopay-runs/ten-thousand/part-0");
        assert_eq!(address.key("samples/0.png"), "ten-thousand/part-0/samples/0.png");
    }

    #[test]
    fn a_path_is_a_path() {
        for path in ["runs/first", "/tmp/s3/first", "s3:first", "S3://bucket/first"] {
            assert_eq!(Place::parse(Path::new(path)).unwrap(), Place::Here(path.into()));
        }
        assert_eq!(Place::here(Path::new("a/b"), "no").unwrap(), Path::new("a/b"));
        assert!(Place::here(Path::new("s3://bucket/first"), "only here").is_err());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let wrong =
            ["s3://", "s3://bucket", "s3://bucket/", "s3:///prefix", "s3://ab/c", "s3://Bucket/c", "s3://-ab/c"];
        let parts = ["s3://bucket//c", "s3://bucket/a//c", "s3://bucket/../c", "s3://bucket/a\\b", "s3://bucket/a\nb"];
        for text in wrong.iter().chain(&parts) {
            let error = Place::parse(Path::new(text)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}");
        }
    }

    /// A secret key may hold a slash, so that it may stand in any part.
    #[test]
    fn a_secret_in_an_address_is_neither_taken_nor_repeated() {
        let wrong =
            ["s3://KEY:hunter2@bucket/c", "s3://KEY:hun/hunter2@bucket/c", "s3://bucket/c?X-Amz-Signature=hunter2"];
        for text in wrong {
            let error = Place::parse(Path::new(text)).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("AWS_ACCESS_KEY_ID"), "{error}");
        }
    }
}
