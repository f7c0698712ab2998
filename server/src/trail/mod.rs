//! The trail: who did what, when, from where, and how it ended (PCI DSS 4.0.1, 10.2.1 and 10.2.2), one line of JSON an
//! event, each chained to the one before, so that a line that is altered, removed or moved is found (10.3).
//!
//! ```text
//! {"n":2,…,"mac":HMAC-SHA-256(key, the mac before ‖ the line up to its mac)}
//! ```
//! A file that has grown long is put aside as `trail.LAST-LINE.jsonl`, and the chain goes on in a new one, whose first line
//! holds the mac before it: the oldest files can be taken away, and the rest is still checked. Beside the file stands its
//! head, the number and the mac of the last line under a mac of its own: without it nobody would miss the last lines. Whoever can put back an older file together with its older head is found only by lines that
//! were sent elsewhere. No line holds a secret.

mod chain;
mod event;
mod line;
mod verify;

use chain::Chain;
use ring::hmac;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use event::{Event, TrailError};
pub use verify::{Verified, verify};

/// How many events may wait; beyond that they are counted, and the count is written.
const QUEUE_EVENTS_MAX: usize = 65_536;
/// How many events share a write.
const BATCH_EVENTS_MAX: usize = 1_024;

/// The trail of one server; switched off, it takes nothing.
#[derive(Clone, Default)]
pub struct Trail(Option<Arc<Running>>);

struct Running {
    queue: Mutex<Option<SyncSender<Event>>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Trail {
    /// Opens a file, or goes on at its end; puts it aside when it is longer than `rotate_bytes`, 0 for never.
    ///
    /// # Errors
    ///
    /// [`TrailError::File`] when it cannot be read or written, [`TrailError::Broken`] when its last line is none.
    pub fn open(path: &Path, key: &[u8], rotate_bytes: u64) -> Result<Self, TrailError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let (queue, events) = sync_channel(QUEUE_EVENTS_MAX);
        let lost = Arc::<AtomicU64>::default();
        let mut chain = Chain::open(path, key, rotate_bytes)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64) -> Event {
        let login = Some(format!("user \"{n}\",\"mac\":\""));
        Event { at_ms: n, event: "login", outcome: "logged-in".into(), login, source: None, on: None }
    }

    fn written(path: &Path, rotate_bytes: u64, events: std::ops::Range<u64>) {
        let trail = Trail::open(path, b"key", rotate_bytes).unwrap();
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
        written(&path, 0, 0..5);
        written(&path, 0, 5..8);
        assert_eq!(verify(&path, b"key").unwrap().last, 8);
        assert_eq!(broken(&path), None);
        assert!(verify(&path, b"another key").is_err());
        // A crash in the middle of a line.
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"n\":9,\"at")).unwrap();
        written(&path, 0, 8..9);
        assert_eq!(verify(&path, b"key").unwrap().last, 9);
    }

    #[test]
    fn a_line_that_is_altered_removed_or_moved_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.jsonl");
        written(&path, 0, 0..6);
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
    #[test]
    fn a_long_file_is_put_aside_and_the_chain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.jsonl");
        // A line has about 200 bytes; each opening ends a batch, so that some batch begins after the limit.
        for n in 0..8 {
            written(&path, 300, n * 2..n * 2 + 2);
        }
        let whole = verify(&path, b"key").unwrap();
        assert!(whole.files > 3 && whole.first == 1, "{whole:?}");
        assert_eq!(whole.last, 16 + whole.files as u64 - 1, "each file but the first begins with where it goes on");
        let aside = line::put_aside(&path).unwrap();
        // The oldest is taken away, as its operator may: the rest is whole, and says where it begins.
        let oldest = std::fs::read(&aside[0].1).unwrap();
        std::fs::remove_file(&aside[0].1).unwrap();
        let rest = verify(&path, b"key").unwrap();
        assert_eq!((rest.first, rest.last, rest.files), (aside[0].0 + 1, whole.last, whole.files - 1));
        assert!(verify(&path, b"another key").is_err());
        // One from the middle is missing.
        std::fs::write(&aside[0].1, oldest).unwrap();
        std::fs::remove_file(&aside[1].1).unwrap();
        assert!(verify(&path, b"key").is_err());
    }

    #[test]
    fn a_crash_between_putting_aside_and_going_on_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail.jsonl");
        written(&path, 0, 0..3);
        std::fs::rename(&path, folder.path().join(format!("trail.{:012}.jsonl", 3))).unwrap();
        assert_eq!(verify(&path, b"key").unwrap().last, 3);
        written(&path, 0, 3..5);
        let whole = verify(&path, b"key").unwrap();
        assert_eq!((whole.first, whole.last, whole.files), (1, 6, 2));
    }
}
