//! Whether a trail is whole.

use super::event::TrailError;
use super::line::{Mac, head_of, head_path, mac_before, mac_of, number, put_aside, split};
use ring::hmac;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A trail that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The number of its first line: above 1 where older files were taken away.
    pub first: u64,
    /// The number of its last line; less than the first where it has none.
    pub last: u64,
    /// How many files it is in.
    pub files: usize,
}

/// Checks a whole trail: the files that were put aside, then the one that is written to.
///
/// # Errors
///
/// [`TrailError::Broken`] with the first line that is altered, missing or out of place; [`TrailError::File`] when a file
/// cannot be read.
pub fn verify(path: &Path, key: &[u8]) -> Result<Verified, TrailError> {
    let wrong = |error| TrailError::File { path: path.into(), error };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut files: Vec<PathBuf> = put_aside(path).map_err(wrong)?.into_iter().map(|(_, file)| file).collect();
    // A crash may have come between putting one aside and the first line of the next.
    if files.is_empty() || path.exists() {
        files.push(path.into());
    }
    let mut reading = Reading { key, first: None, lines: 0, last: Mac::default() };
    for file in &files {
        reading.read(file)?;
    }
    let Reading { key, first, lines, last } = reading;
    let head = std::fs::read_to_string(head_path(path)).unwrap_or_default();
    if head != head_of(&key, lines, &last) {
        let why = "lines after it are missing: the head says another end";
        return Err(TrailError::Broken { path: path.into(), line: lines, why });
    }
    Ok(Verified { first: first.unwrap_or(1), last: lines, files: files.len() })
}

/// How far a trail was read.
struct Reading {
    key: hmac::Key,
    first: Option<u64>,
    lines: u64,
    last: Mac,
}

impl Reading {
    fn read(&mut self, path: &Path) -> Result<(), TrailError> {
        let wrong = |error| TrailError::File { path: path.into(), error };
        for line in BufReader::new(File::open(path).map_err(wrong)?).lines() {
            let line = line.map_err(wrong)?;
            self.check(&line).map_err(|why| TrailError::Broken { path: path.into(), line: self.lines, why })?;
        }
        Ok(())
    }

    fn check(&mut self, line: &str) -> Result<(), &'static str> {
        self.lines += 1;
        let (body, mac) = split(line).ok_or("it is no line of a trail")?;
        let number = number(body).ok_or("it has no number")?;
        if self.first.is_none() {
            // The first file that is there may go on where another one ended.
            self.first = Some(number);
            if let Some(before) = mac_before(line) {
                (self.lines, self.last) = (number, before);
            }
        }
        if number != self.lines {
            return Err("a line before it is missing, or it is not in its place");
        }
        let computed = mac_of(&self.key, &self.last, body);
        self.last = mac;
        if computed == mac { Ok(()) } else { Err("it is altered, or a line before it is") }
    }
}
