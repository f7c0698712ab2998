//! A disk: its files, who has them open, their locks, and what goes wrong.

use super::fault::{Armed, DiskFault, PowerCut};
use super::file::{File, Region};
use crate::hunt::journal::{Journal, Who};
use biopay_datasets::stream::stream;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places of the locks on shared memory (SQLITE_SHM_NLOCK).
const SHARED_LOCKS: usize = 8;

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The process is dead: nothing that it does has an effect any more.
    Dead,
    /// Somebody else holds a lock.
    Busy,
    /// There is no such file.
    Missing,
    /// No room is left.
    Full,
    /// The disk failed.
    Failed,
}

/// How much of a file a connection has locked, as SQLite counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

/// A disk that several processes of one machine may use.
#[derive(Clone)]
pub(in crate::hunt) struct Disk(Arc<Mutex<State>>);

struct State {
    files: BTreeMap<String, File>,
    opened: BTreeMap<u64, Opened>,
    handles: u64,
    processes: BTreeMap<u32, Arc<AtomicBool>>,
    armed: Vec<Armed>,
    is_full: bool,
    /// The process that dies after so many more changes.
    doomed: Option<(u32, u32)>,
    rng: ChaCha8Rng,
    owner: &'static str,
    journal: Journal,
}

/// A file as one connection has it.
struct Opened {
    process: u32,
    name: String,
    level: Level,
    shared: BTreeSet<usize>,
    exclusive: BTreeSet<usize>,
}

impl Disk {
    /// Creates an empty disk.
    pub(in crate::hunt) fn new(seed: u64, owner: &'static str, journal: Journal) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: BTreeMap::new(),
            opened: BTreeMap::new(),
            handles: 0,
            processes: BTreeMap::new(),
            armed: Vec::new(),
            is_full: false,
            doomed: None,
            rng: stream(seed, &format!("hunt/disk/{owner}"), 0),
            owner,
            journal,
        })))
    }

    /// Lets a process use the disk as long as it is alive.
    pub(in crate::hunt) fn admit(&self, process: u32, alive: Arc<AtomicBool>) {
        self.state().processes.insert(process, alive);
    }

    /// Arms a fault, which comes when `skip` operations of its kind have passed.
    pub(in crate::hunt) fn arm(&self, fault: DiskFault, skip: u32) {
        self.state().armed.push(Armed { fault, skip });
    }

    /// Disarms every fault that has not come.
    pub(in crate::hunt) fn heal(&self) {
        let mut state = self.state();
        state.armed.clear();
        state.is_full = false;
        state.doomed = None;
    }

    /// Fills the disk, or frees it.
    pub(in crate::hunt) fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Lets a process die at its change of this number from now: the change is not made.
    pub(in crate::hunt) fn doom(&self, process: u32, changes: u32) {
        self.state().doomed = Some((process, changes));
    }

    /// Ends a process: its locks are gone, and nothing that it still does has an effect.
    pub(in crate::hunt) fn bury(&self, process: u32, power: PowerCut) {
        let mut state = self.state();
        if let Some(alive) = state.processes.get(&process) {
            alive.store(false, Ordering::Relaxed);
        }
        state.opened.retain(|_, opened| opened.process != process);
        let used: BTreeSet<String> = state.opened.values().map(|opened| opened.name.clone()).collect();
        for (name, file) in &mut state.files {
            if !used.contains(name) {
                file.regions.clear();
            }
        }
        if power == PowerCut::Lost {
            state.lose_power();
        }
    }

    pub(super) fn open(&self, process: u32, name: &str, creates: bool) -> Result<u64, Refused> {
        let mut state = self.state();
        state.require_alive(process)?;
        if !state.files.contains_key(name) {
            if !creates {
                return Err(Refused::Missing);
            }
            state.change(process)?;
            if state.is_full {
                return Err(Refused::Full);
            }
            state.files.insert(name.to_owned(), File::default());
        }
        state.handles += 1;
        let handle = state.handles;
        let (shared, exclusive) = Default::default();
        state.opened.insert(handle, Opened { process, name: name.to_owned(), level: Level::None, shared, exclusive });
        Ok(handle)
    }

    pub(super) fn close(&self, handle: u64) {
        let mut state = self.state();
        let Some(opened) = state.opened.remove(&handle) else { return };
        if !state.opened.values().any(|other| other.name == opened.name)
            && let Some(file) = state.files.get_mut(&opened.name)
        {
            file.regions.clear();
        }
    }

    pub(super) fn exists(&self, process: u32, name: &str) -> Result<bool, Refused> {
        let state = self.state();
        state.require_alive(process)?;
        Ok(state.files.contains_key(name))
    }

    pub(super) fn delete(&self, process: u32, name: &str) -> Result<(), Refused> {
        let mut state = self.state();
        state.require_alive(process)?;
        state.change(process)?;
        state.files.remove(name).map(drop).ok_or(Refused::Missing)
    }

    pub(super) fn read(&self, handle: u64, at: usize, buffer: &mut [u8]) -> Result<usize, Refused> {
        let mut state = self.state();
        if state.comes(DiskFault::Read) {
            state.note("a read fails");
            return Err(Refused::Failed);
        }
        Ok(state.file(handle)?.read(at, buffer))
    }

    pub(super) fn write(&self, handle: u64, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        let mut state = self.state();
        let (process, name) = state.opened(handle)?;
        state.change(process)?;
        if state.comes(DiskFault::Write) {
            state.note(format!("a write to {name} fails"));
            return Err(Refused::Failed);
        }
        if state.is_full && at + bytes.len() > state.file(handle)?.len() {
            return Err(Refused::Full);
        }
        let mut at = at;
        if state.comes(DiskFault::Misdirect) {
            state.note(format!("a write to {name} at {at} lands elsewhere"));
            at += 4_096;
        }
        state.file(handle)?.write(at, bytes);
        Ok(())
    }

    pub(super) fn truncate(&self, handle: u64, len: usize) -> Result<(), Refused> {
        let mut state = self.state();
        let (process, _) = state.opened(handle)?;
        state.change(process)?;
        state.file(handle)?.truncate(len);
        Ok(())
    }

    pub(super) fn sync(&self, handle: u64) -> Result<(), Refused> {
        let mut state = self.state();
        let (process, name) = state.opened(handle)?;
        state.change(process)?;
        if state.comes(DiskFault::Sync) {
            state.file(handle)?.forget_dirty();
            state.note(format!("a sync of {name} fails"));
            return Err(Refused::Failed);
        }
        if state.comes(DiskFault::Lie) {
            state.note(format!("a sync of {name} does nothing and says that it did"));
            return Ok(());
        }
        let sectors = state.file(handle)?.sync();
        if sectors > 0 {
            state.note(format!("{name}: {sectors} sectors are durable"));
        }
        Ok(())
    }

    pub(super) fn len(&self, handle: u64) -> Result<usize, Refused> {
        self.state().file(handle).map(|file| file.len())
    }

    pub(super) fn lock(&self, handle: u64, level: Level) -> Result<(), Refused> {
        let mut state = self.state();
        let (_, name) = state.opened(handle)?;
        let others = state.opened.iter().filter(|(other, opened)| **other != handle && opened.name == name);
        let highest = others.map(|(_, opened)| opened.level).max().unwrap_or_default();
        let held = state.opened[&handle].level;
        let (granted, outcome) = match level {
            _ if level <= held => (held, Ok(())),
            Level::None | Level::Shared if highest < Level::Pending => (Level::Shared, Ok(())),
            Level::Reserved | Level::Pending if highest < Level::Reserved => (level, Ok(())),
            Level::Exclusive if highest == Level::None => (Level::Exclusive, Ok(())),
            Level::Exclusive if highest == Level::Shared => (Level::Pending, Err(Refused::Busy)),
            Level::None | Level::Shared | Level::Reserved | Level::Pending | Level::Exclusive => {
                (held, Err(Refused::Busy))
            }
        };
        state.opened.get_mut(&handle).ok_or(Refused::Dead)?.level = granted;
        outcome
    }

    pub(super) fn unlock(&self, handle: u64, level: Level) {
        if let Some(opened) = self.state().opened.get_mut(&handle) {
            opened.level = opened.level.min(level);
        }
    }

    /// Returns whether anybody is about to write the file.
    pub(super) fn is_reserved(&self, handle: u64) -> Result<bool, Refused> {
        let state = self.state();
        let (_, name) = state.opened(handle)?;
        Ok(state.opened.values().any(|opened| opened.name == name && opened.level >= Level::Reserved))
    }

    /// Returns a region of the memory that connections to the file share.
    pub(super) fn region(
        &self,
        handle: u64,
        index: usize,
        bytes: usize,
        creates: bool,
    ) -> Result<Option<Region>, Refused> {
        let mut state = self.state();
        let file = state.file(handle)?;
        while creates && file.regions.len() <= index {
            file.regions.push((0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect());
        }
        Ok(file.regions.get(index).cloned())
    }

    /// Locks places of the shared memory for reading or, alone, for writing.
    pub(super) fn lock_shared(&self, handle: u64, places: std::ops::Range<usize>, alone: bool) -> Result<(), Refused> {
        debug_assert!(places.end <= SHARED_LOCKS, "SQLite has eight places");
        let mut state = self.state();
        let (_, name) = state.opened(handle)?;
        let mut others = state.opened.iter().filter(|(other, opened)| **other != handle && opened.name == name);
        let is_taken = others.any(|(_, other)| {
            places.clone().any(|place| other.exclusive.contains(&place) || alone && other.shared.contains(&place))
        });
        if is_taken {
            return Err(Refused::Busy);
        }
        let opened = state.opened.get_mut(&handle).ok_or(Refused::Dead)?;
        if alone {
            opened.exclusive.extend(places)
        } else {
            opened.shared.extend(places)
        }
        Ok(())
    }

    pub(super) fn unlock_shared(&self, handle: u64, places: std::ops::Range<usize>) {
        if let Some(opened) = self.state().opened.get_mut(&handle) {
            for place in places {
                opened.shared.remove(&place);
                opened.exclusive.remove(&place);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&self, what: impl Into<String>) {
        self.journal.note(Who::Disk(self.owner), what);
    }

    fn require_alive(&self, process: u32) -> Result<(), Refused> {
        let is_alive = self.processes.get(&process).is_some_and(|alive| alive.load(Ordering::Relaxed));
        if is_alive { Ok(()) } else { Err(Refused::Dead) }
    }

    /// Counts a change of the disk by a process, which may be the one at which it dies.
    fn change(&mut self, process: u32) -> Result<(), Refused> {
        if let Some((doomed, left)) = &mut self.doomed
            && *doomed == process
        {
            if *left == 0 {
                self.doomed = None;
                if let Some(alive) = self.processes.get(&process) {
                    alive.store(false, Ordering::Relaxed);
                }
                self.note("the process dies before a change of its disk");
                return Err(Refused::Dead);
            }
            *left -= 1;
        }
        Ok(())
    }

    /// Returns whether an armed fault of this kind comes now.
    fn comes(&mut self, fault: DiskFault) -> bool {
        let Some(at) = self.armed.iter().position(|armed| armed.fault == fault) else { return false };
        if self.armed[at].skip == 0 {
            self.armed.remove(at);
            return true;
        }
        self.armed[at].skip -= 1;
        false
    }

    fn opened(&self, handle: u64) -> Result<(u32, String), Refused> {
        let opened = self.opened.get(&handle).ok_or(Refused::Dead)?;
        self.require_alive(opened.process)?;
        Ok((opened.process, opened.name.clone()))
    }

    fn file(&mut self, handle: u64) -> Result<&mut File, Refused> {
        let (_, name) = self.opened(handle)?;
        self.files.get_mut(&name).ok_or(Refused::Missing)
    }

    fn lose_power(&mut self) {
        let mut lost = 0;
        let rng = &mut self.rng;
        self.files.retain(|_, file| {
            let (is_there, sectors) = file.lose_power(rng);
            lost += sectors;
            is_there
        });
        self.note(format!("the power is cut: {lost} sectors are lost"));
    }
}
