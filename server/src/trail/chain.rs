//! The end of a trail, to which lines are added.

use super::event::{Event, TrailError};
use super::line::{CONTINUED, MAC, Mac, aside, head_of, head_path, hex, mac_of, number, put_aside, split};
use ring::hmac;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// The end of a file, to which lines are added.
pub(super) struct Chain {
    file: File,
    path: PathBuf,
    key: hmac::Key,
    lines: u64,
    last: Mac,
    /// The length of the file, and the length from which on it is put aside; 0 for never. Units: bytes.
    bytes: u64,
    rotate_bytes: u64,
}

impl Chain {
    pub(super) fn open(path: &Path, key: hmac::Key, rotate_bytes: u64) -> Result<Self, TrailError> {
        let wrong = |error| TrailError::File { path: path.into(), error };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(wrong)?;
        let (written, whole) = last_line(&file).map_err(wrong)?;
        // A crash in the middle of a line: it was never whole.
        if file.metadata().map_err(wrong)?.len() > whole {
            file.set_len(whole).map_err(wrong)?;
        }
        let mut chain =
            Self { file, path: path.into(), key, lines: 0, last: Mac::default(), bytes: whole, rotate_bytes };
        if let Some(line) = written {
            chain.go_on_after(path, &line)?;
        } else if let Some((_, before)) = put_aside(path).map_err(wrong)?.pop() {
            // A crash after a file was put aside.
            let (line, _) = File::open(&before).and_then(|file| last_line(&file)).map_err(wrong)?;
            chain.go_on_after(&before, &line.unwrap_or_default())?;
        }
        Ok(chain)
    }

    fn go_on_after(&mut self, path: &Path, line: &str) -> Result<(), TrailError> {
        let broken = || TrailError::Broken { path: path.into(), line: 0, why: "its last line is no line of a trail" };
        let (body, mac) = split(line).ok_or_else(broken)?;
        (self.lines, self.last) = (number(body).ok_or_else(broken)?, mac);
        Ok(())
    }

    pub(super) fn append(&mut self, events: &[Event]) -> std::io::Result<()> {
        if self.rotate_bytes > 0 && self.bytes >= self.rotate_bytes {
            self.put_aside()?;
        }
        let (mut text, mut lines, mut last) = (String::new(), self.lines, self.last);
        let continued = (self.bytes == 0 && lines > 0).then(|| Event {
            at_ms: events.first().map_or(0, |event| event.at_ms),
            event: CONTINUED,
            outcome: hex(&last),
            login: None,
            source: None,
            on: None,
        });
        for event in continued.iter().chain(events) {
            lines += 1;
            let body = serde_json::to_string(event)?;
            // Every event has fields, so that the brace is followed by one.
            let body = format!("{{\"n\":{lines},{}", &body[1..body.len() - 1]);
            last = mac_of(&self.key, &last, &body);
            text.push_str(&format!("{body}{MAC}{}\"}}\n", hex(&last)));
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        (self.lines, self.last, self.bytes) = (lines, last, self.bytes + text.len() as u64);
        self.write_head()
    }

    /// Puts the file aside and begins another one.
    fn put_aside(&mut self) -> std::io::Result<()> {
        std::fs::rename(&self.path, aside(&self.path, self.lines))?;
        self.file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }

    fn write_head(&self) -> std::io::Result<()> {
        let beside = self.path.with_extension("head.partial");
        std::fs::write(&beside, head_of(&self.key, self.lines, &self.last))?;
        std::fs::rename(beside, head_path(&self.path))
    }
}

/// Returns the last whole line of a file, and how many bytes its whole lines have.
fn last_line(file: &File) -> std::io::Result<(Option<String>, u64)> {
    let (mut last, mut whole) = (None, 0);
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
        whole += line.len() as u64;
        last = Some(std::mem::take(&mut line));
    }
    Ok((last, whole))
}
