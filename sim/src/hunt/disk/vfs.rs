//! SQLite's door to the simulated disks: a file system (VFS) by name. A path is `/DISK/PROCESS/NAME`.
//!
//! The one unsafe file of the simulator. Why it is sound:
//! - SQLite hands every method the `sqlite3_file` that [`open`] filled in, of `szOsFile` bytes, and calls nothing on it
//!   after `xClose` (sqlite.org/c3ref/io_methods.html). [`Handle`] is `repr(C)` and begins with `sqlite3_file`, so the
//!   pointer is one to a `Handle`. Where an open fails, `pMethods` is null, and no method is called.
//! - The boxed [`Open`] is made in `xOpen` and freed in `xClose`, once. SQLite serialises the calls on one file.
//! - Buffers are valid for the length that SQLite names with them, for the length of the call.
//! - Regions of shared memory are slices of atomics: what they lie in may be written through a shared reference. SQLite
//!   uses them until `xShmUnmap` or `xClose`; `Open::regions` keeps them as long, whatever becomes of the disk.
//! - The VFS and its methods are never freed.

#![allow(unsafe_code, reason = "SQLite's file systems are C; the argument stands at the top")]

use super::file::Region;
use super::files::{Disk, Level, Refused};
use rusqlite::ffi;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, Once, PoisonError};

/// The name of the file system.
pub(in crate::hunt) const VFS: &str = "biopay-hunt";
const C_NAME: &CStr = c"biopay-hunt";
/// The longest path. Units: bytes.
const PATH_MAX: c_int = 256;
/// Noon of the Julian day of 2026-01-01, in milliseconds: nothing of ours asks SQLite for the time.
const JULIAN_MS: i64 = 212_634_028_800_000;

static DISKS: Mutex<BTreeMap<u64, Disk>> = Mutex::new(BTreeMap::new());
static REGISTERED: Once = Once::new();

/// A disk that SQLite can reach, until this is dropped.
pub(in crate::hunt) struct Mounted {
    number: u64,
}

/// Lets SQLite reach a disk.
///
/// # Panics
///
/// If SQLite has no memory left.
pub(in crate::hunt) fn mount(disk: Disk) -> Mounted {
    REGISTERED.call_once(|| {
        // SAFETY: the structure is whole and leaked, so that it lives as long as the process.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs())), 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes another file system as long as it has memory");
    });
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    let number = disks.keys().next_back().map_or(0, |last| last + 1);
    disks.insert(number, disk);
    Mounted { number }
}

impl Mounted {
    /// Returns the path of a file as one process names it.
    pub(in crate::hunt) fn path(&self, process: u32, name: &str) -> String {
        format!("/{}/{process}/{name}", self.number)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        DISKS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// A file as SQLite keeps it.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

struct Open {
    disk: Disk,
    handle: u64,
    regions: Vec<Region>,
}

/// A file's place: its disk, the process that names it, and its name.
fn place(path: *const c_char) -> Option<(Disk, u32, String)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: SQLite ends its paths with a zero, and keeps them for the length of the call.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (disk, process, name) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let disk = DISKS.lock().unwrap_or_else(PoisonError::into_inner).get(&disk)?.clone();
    Some((disk, process, name.to_owned()))
}

/// Returns what SQLite shall hear; a failed or dead disk is the error of the operation.
fn code(outcome: Result<(), Refused>, failed: c_int) -> c_int {
    match outcome {
        Ok(()) => ffi::SQLITE_OK,
        Err(Refused::Busy) => ffi::SQLITE_BUSY,
        Err(Refused::Full) => ffi::SQLITE_FULL,
        Err(Refused::Dead | Refused::Missing | Refused::Failed) => failed,
    }
}

fn vfs() -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<Handle>() as c_int,
        mxPathname: PATH_MAX,
        pNext: ptr::null_mut(),
        zName: C_NAME.as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: None,
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Returns what an open file points to.
fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: `file` was filled in by `open` and is not closed, and nobody else uses it during the call.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for `szOsFile` bytes.
    unsafe { (*file).pMethods = ptr::null() };
    let Some((disk, process, name)) = place(path) else { return ffi::SQLITE_CANTOPEN };
    match disk.open(process, &name, flags & ffi::SQLITE_OPEN_CREATE != 0) {
        Ok(handle) => {
            let open = Box::into_raw(Box::new(Open { disk, handle, regions: Vec::new() }));
            // SAFETY: as above; `out_flags` is null or valid.
            unsafe {
                file.cast::<Handle>().write(Handle { base: ffi::sqlite3_file { pMethods: &METHODS }, open });
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
            }
            ffi::SQLITE_OK
        }
        Err(refused) => code(Err(refused), ffi::SQLITE_CANTOPEN),
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, path: *const c_char, _: c_int) -> c_int {
    let Some((disk, process, name)) = place(path) else { return ffi::SQLITE_IOERR_DELETE };
    match disk.delete(process, &name) {
        Err(Refused::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
        outcome => code(outcome, ffi::SQLITE_IOERR_DELETE),
    }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, path: *const c_char, _: c_int, found: *mut c_int) -> c_int {
    let Some((disk, process, name)) = place(path) else { return ffi::SQLITE_IOERR_ACCESS };
    let exists = disk.exists(process, &name);
    // SAFETY: SQLite gives room for the answer.
    unsafe { *found = c_int::from(exists == Ok(true)) };
    code(exists.map(drop), ffi::SQLITE_IOERR_ACCESS)
}

unsafe extern "C" fn full_path(_: *mut ffi::sqlite3_vfs, path: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: the path ends with a zero; `out` has `room` bytes, and no more are written.
    unsafe {
        let bytes = CStr::from_ptr(path).to_bytes_with_nul();
        if bytes.len() > room as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr().cast::<c_char>(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

/// SQLite draws temporary names and the salts of its log from its own generator; no content of ours depends on them.
unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    // SAFETY: `out` has `count` bytes.
    unsafe { ptr::write_bytes(out, 7, count as usize) };
    count
}

/// Everybody is on one thread: nobody gives a lock back while somebody waits for it.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives room for the answer.
    unsafe { *out = JULIAN_MS };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` made it with `Box::into_raw`, and a file is closed once.
    let open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    open.disk.close(open.handle);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, out: *mut c_void, count: c_int, at: i64) -> c_int {
    // SAFETY: `out` has `count` bytes.
    let buffer = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), count as usize) };
    let open = opened(file);
    match open.disk.read(open.handle, at as usize, buffer) {
        Ok(read) if read == buffer.len() => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(refused) => code(Err(refused), ffi::SQLITE_IOERR_READ),
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, count: c_int, at: i64) -> c_int {
    // SAFETY: `from` has `count` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), count as usize) };
    let open = opened(file);
    code(open.disk.write(open.handle, at as usize, bytes), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let open = opened(file);
    code(open.disk.truncate(open.handle, size as usize), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    let open = opened(file);
    code(open.disk.sync(open.handle), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    let open = opened(file);
    let len = open.disk.len(open.handle);
    // SAFETY: SQLite gives room for the answer.
    unsafe { *size = len.unwrap_or(0) as i64 };
    code(len.map(drop), ffi::SQLITE_IOERR_FSTAT)
}

fn level(number: c_int) -> Level {
    match number {
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        ffi::SQLITE_LOCK_EXCLUSIVE => Level::Exclusive,
        _ => Level::None,
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, number: c_int) -> c_int {
    let open = opened(file);
    code(open.disk.lock(open.handle, level(number)), ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, number: c_int) -> c_int {
    let open = opened(file);
    open.disk.unlock(open.handle, level(number));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, found: *mut c_int) -> c_int {
    let open = opened(file);
    let is_reserved = open.disk.is_reserved(open.handle);
    // SAFETY: SQLite gives room for the answer.
    unsafe { *found = c_int::from(is_reserved == Ok(true)) };
    code(is_reserved.map(drop), ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4_096
}

/// As SQLite says of Linux's file systems.
unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    index: c_int,
    bytes: c_int,
    creates: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let open = opened(file);
    let region = open.disk.region(open.handle, index as usize, bytes as usize, creates != 0);
    let start = match &region {
        Ok(Some(region)) => region.as_ptr().cast_mut().cast::<c_void>(),
        Ok(None) | Err(_) => ptr::null_mut(),
    };
    // SAFETY: SQLite gives room for the answer.
    unsafe { *out = start };
    region.map_or_else(
        |refused| code(Err(refused), ffi::SQLITE_IOERR_SHMMAP),
        |region| {
            open.regions.extend(region);
            ffi::SQLITE_OK
        },
    )
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, from: c_int, count: c_int, flags: c_int) -> c_int {
    let (open, places) = (opened(file), from as usize..(from + count) as usize);
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        open.disk.unlock_shared(open.handle, places);
        return ffi::SQLITE_OK;
    }
    let alone = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    code(open.disk.lock_shared(open.handle, places, alone), ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    opened(file).regions.clear();
    ffi::SQLITE_OK
}
