//! How a program is run, and within which limits.

use std::time::Duration;

/// The most processes of one program.
const PROCESSES_MAX: usize = 64;

/// How a program is run.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) command: Vec<String>,
    pub(super) answer: Duration,
    pub(super) memory_bytes: u64,
    pub(super) processes: usize,
}

impl Settings {
    /// Checks what a user set under `key`: the longest answer in seconds, MiB of address space, and a number of processes, 0
    /// for one on each processor.
    ///
    /// # Errors
    ///
    /// A text that says what is allowed.
    pub fn new(
        key: &str,
        command: &[String],
        answer_s: f64,
        memory_mib: u64,
        processes: usize,
    ) -> Result<Self, String> {
        if !(answer_s > 0.0 && answer_s <= 3_600.0) {
            return Err(format!("{key}.answer-s is {answer_s}: use more than 0 and at most 3,600 seconds"));
        }
        if !(16..=1 << 20).contains(&memory_mib) {
            return Err(format!("{key}.memory-mib is {memory_mib}: use 16 to 1,048,576"));
        }
        if processes > PROCESSES_MAX {
            return Err(format!("{key}.processes is {processes}: use 0 to {PROCESSES_MAX}"));
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from).min(PROCESSES_MAX);
        Ok(Self {
            command: command.to_vec(),
            answer: Duration::from_secs_f64(answer_s),
            memory_bytes: memory_mib << 20,
            processes: if processes == 0 { processors } else { processes },
        })
    }
}
