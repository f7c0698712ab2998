//! The trail: who did what, when, from where, and how it ended (PCI DSS 4.0.1, 10.2.1 and 10.2.2), one line of JSON an
//! event, each chained to the one before, so that a line that is altered, removed or moved is found (10.3).
//!
//! ```text
//! {"n":2,…,"mac":HMAC-SHA-256(key, the mac before ‖ the line up to its mac)}
//! ```
//! Beside the file stands its head, the number and the mac of the last line under a mac of its own: without it nobody
//! would miss the last lines. Whoever can put back an older file together with its older head is found only by lines that
//! were sent elsewhere. No line holds a secret.

use ring::hmac;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How many events may wait; beyond that they are counted, and the count is written.
const QUEUE_EVENTS_MAX: usize = 65_536;
/// How many events share a write.
const BATCH_EVENTS_MAX: usize = 1_024;
/// What stands before a line's mac.
const MAC: &str = ",\"mac\":\"";
type Mac = [u8; 32];

/// What happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What was asked for.
    pub event: &'static str,
    /// How it ended.
    pub outcome: String,
    /// Whose account, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// On what: a payment, a number of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// The trail of one server; switched off, it takes nothing.
#[derive(Clone, Default)]
pub struct Trail(Option<Arc<Running>>);

struct Running {
    queue: Mutex<Option<SyncSender<Event>>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// The reason why a trail cannot be written or is not whole.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A line is altered, missing or out of place.
    #[error("line {line}: {why}")]
    Broken {
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Trail {
    /// Opens a file, or goes on at its end.
    ///
    /// # Errors
    ///
    /// [`TrailError::File`] when it cannot be read or written, [`TrailError::Broken`] when its last line is none.
    pub fn open(path: &Path, key: &[u8]) -> Result<Self, TrailError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let (queue, events) = sync_channel(QUEUE_EVENTS_MAX);
        let lost = Arc::<AtomicU64>::default();
        let mut chain = Chain::open(path, key)?;
        let counted = lost.clone();
        let writer = std::thread::Builder::new().name("trail".into());
        let writer = writer.spawn(move || write_all(&mut chain, &events, &counted));
        let writer = writer.map_err(|error| TrailError::File { path: path.into(), error })?;
        let (queue, writer) = (Mutex::new(Some(queue)), Mutex::new(Some(writer)));
        Ok(Self(Some(Arc::new(Running { queue, lost, writer }))))
    }

    /// Returns whether anything is written.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Notes an event; nobody waits for it.
    pub fn note(&self, event: Event) {
        let Some(running) = &self.0 else { return };
        let queue = running.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_none_or(|queue| queue.try_send(event).is_err()) {
            running.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what waits, and ends.
    pub fn close(&self) {
        let Some(running) = &self.0 else { return };
        drop(running.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = running.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the trail's writer failed");
        }
    }
}

fn write_all(chain: &mut Chain, events: &Receiver<Event>, lost: &AtomicU64) {
    while let Ok(first) = events.recv() {
        let mut batch = vec![first];
        batch.extend(events.try_iter().take(BATCH_EVENTS_MAX));
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let at_ms = batch[0].at_ms;
            let outcome = missing.to_string();
            batch.push(Event { at_ms, event: "events-lost", outcome, login: None, source: None, on: None });
        }
        if let Err(error) = chain.append(&batch) {
            tracing::error!(%error, events = batch.len(), "the trail cannot be written");
            lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
    }
}

/// The end of a file, to which lines are added.
struct Chain {
    file: File,
    path: PathBuf,
    key: hmac::Key,
    lines: u64,
    last: Mac,
}

impl Chain {
    fn open(path: &Path, key: hmac::Key) -> Result<Self, TrailError> {
        let wrong = |error| TrailError::File { path: path.into(), error };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(wrong)?;
        let (mut lines, mut last, mut whole) = (0, None, 0);
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line).map_err(wrong)? > 0 && line.ends_with('\n') {
            (lines, whole) = (lines + 1, whole + line.len() as u64);
            last = Some(std::mem::take(&mut line));
        }
        // A crash in the middle of a line: it was never whole.
        if !line.is_empty() {
            file.set_len(whole).map_err(wrong)?;
        }
        let broken = TrailError::Broken { line: lines, why: "it is no line of a trail" };
        let last = match last {
            Some(line) => split(&line).map(|(_, mac)| mac).ok_or(broken)?,
            None => Mac::default(),
        };
        Ok(Self { file, path: path.into(), key, lines, last })
    }

    fn append(&mut self, events: &[Event]) -> std::io::Result<()> {
        let (mut text, mut lines, mut last) = (String::new(), self.lines, self.last);
        for event in events {
            lines += 1;
            let body = serde_json::to_string(event)?;
            // Every event has fields, so that the brace is followed by one.
            let body = format!("{{\"n\":{lines},{}", &body[1..body.len() - 1]);
            last = mac_of(&self.key, &last, &body);
            text.push_str(&format!("{body}{MAC}{}\"}}\n", hex(&last)));
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        (self.lines, self.last) = (lines, last);
        self.write_head()
    }

    fn write_head(&self) -> std::io::Result<()> {
        let beside = self.path.with_extension("head.partial");
        std::fs::write(&beside, head_of(&self.key, self.lines, &self.last))?;
        std::fs::rename(beside, head_path(&self.path))
    }
}

/// Checks a whole trail; returns how many lines it has.
///
/// # Errors
///
/// [`TrailError::Broken`] with the first line that is altered, missing or out of place; [`TrailError::File`] when the file cannot be
/// read.
pub fn verify(path: &Path, key: &[u8]) -> Result<u64, TrailError> {
    let wrong = |error| TrailError::File { path: path.into(), error };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let (mut lines, mut last) = (0, Mac::default());
    for line in BufReader::new(File::open(path).map_err(wrong)?).lines() {
        let line = line.map_err(wrong)?;
        lines += 1;
        let broken = |why| TrailError::Broken { line: lines, why };
        let (body, mac) = split(&line).ok_or_else(|| broken("it is no line of a trail"))?;
        if !body.starts_with(&format!("{{\"n\":{lines},")) {
            return Err(broken("a line before it is missing, or it is not in its place"));
        }
        last = mac_of(&key, &last, body);
        if last != mac {
            return Err(broken("it is altered, or a line before it is"));
        }
    }
    let head = std::fs::read_to_string(head_path(path)).unwrap_or_default();
    if head != head_of(&key, lines, &last) {
        return Err(TrailError::Broken { line: lines, why: "lines after it are missing: the head says another end" });
    }
    Ok(lines)
}

fn head_path(path: &Path) -> PathBuf {
    path.with_extension("head")
}

fn head_of(key: &hmac::Key, lines: u64, last: &Mac) -> String {
    let text = format!("{lines} {}", hex(last));
    let mac = hmac::sign(key, format!("head {text}").as_bytes());
    format!("{text} {}\n", hex(mac.as_ref()))
}

fn mac_of(key: &hmac::Key, before: &Mac, body: &str) -> Mac {
    let mut context = hmac::Context::with_key(key);
    context.update(before);
    context.update(body.as_bytes());
    context.sign().as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

/// Takes a line apart: what its mac covers, and the mac.
fn split(line: &str) -> Option<(&str, Mac)> {
    let (body, mac) = line.trim_end().rsplit_once(MAC)?;
    let digits = mac.strip_suffix("\"}").filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let mut read = Mac::default();
    for (byte, pair) in read.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some((body, read))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64) -> Event {
        let login = Some(format!("user \"{n}\",\"mac\":\""));
        Event { at_ms: n, event: "login", outcome: "logged-in".into(), login, source: None, on: None }
    }

    fn written(path: &Path, events: std::ops::Range<u64>) {
        let trail = Trail::open(path, b"key").unwrap();
        events.for_each(|n| trail.note(event(n)));
        trail.close();
    }

    fn broken(path: &Path) -> Option<u64> {
        match verify(path, b"key") {
            Ok(_) => None,
            Err(TrailError::Broken { line, .. }) => Some(line),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_trail_goes_on_where_it_ended_and_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.jsonl");
        written(&path, 0..5);
        written(&path, 5..8);
        assert_eq!(verify(&path, b"key").unwrap(), 8);
        assert_eq!(broken(&path), None);
        assert!(verify(&path, b"another key").is_err());
        // A crash in the middle of a line.
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"n\":9,\"at")).unwrap();
        written(&path, 8..9);
        assert_eq!(verify(&path, b"key").unwrap(), 9);
    }

    #[test]
    fn a_line_that_is_altered_removed_or_moved_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.jsonl");
        written(&path, 0..6);
        let lines: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        let check = |lines: Vec<String>, expected: u64, what: &str| {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            std::fs::write(&path, text).unwrap();
            assert_eq!(broken(&path), Some(expected), "{what}");
        };
        let mut altered = lines.clone();
        altered[2] = altered[2].replace("logged-in", "wrong-credentials");
        check(altered, 3, "altered");
        for gone in 0..lines.len() {
            let mut removed = lines.clone();
            removed.remove(gone);
            check(removed, if gone == 5 { 5 } else { gone as u64 + 1 }, "removed");
        }
        let mut moved = lines.clone();
        moved.swap(1, 4);
        check(moved, 2, "moved");
        // Renumbered after the removal: the chain still finds it.
        let mut renumbered = lines.clone();
        renumbered.remove(3);
        for (n, line) in renumbered.iter_mut().enumerate() {
            *line = line.replacen(&format!("\"n\":{}", n + 2), &format!("\"n\":{}", n + 1), usize::from(n >= 3));
        }
        check(renumbered, 4, "renumbered");
        check([lines.clone(), vec![lines[5].clone()]].concat(), 7, "repeated");
        check(Vec::new(), 0, "all gone");
    }
}
