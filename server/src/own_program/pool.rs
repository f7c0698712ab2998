//! The processes of a program: started when they are needed, asked one question at a time, killed when they are late.

use super::fault::Fault;
use super::settings::Settings;
use rustix::process::{Pid, Resource, Rlimit};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The longest answer. Units: bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// The failed starts in a row after which no more are tried.
const FAILED_STARTS_MAX: u32 = 20;

/// A pool of processes of one program.
pub(super) struct Pool {
    settings: Settings,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Process>,
    busy: usize,
    /// Processes in a row that ended or were late at their first question.
    failed: u32,
}

impl Pool {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Asks a question, a line, and returns the line that answers it. A process that fails is gone.
    ///
    /// # Errors
    ///
    /// [`Fault`] with what went wrong.
    pub(super) fn ask(&self, question: &str) -> Result<String, Fault> {
        let mut process = self.take()?;
        let asked = process.ask(question, self.settings.answer);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy -= 1;
        match &asked {
            Ok(_) => {
                state.failed = 0;
                state.idle.push(process);
            }
            Err(_) if process.answered == 0 => state.failed += 1,
            Err(_) => {}
        }
        drop(state);
        self.returned.notify_one();
        asked
    }

    fn take(&self) -> Result<Process, Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(process) = state.idle.pop() {
                state.busy += 1;
                return Ok(process);
            }
            if state.failed >= FAILED_STARTS_MAX {
                return Err(Fault::GivenUp(FAILED_STARTS_MAX));
            }
            if state.busy < self.settings.processes {
                // Counted before it is started, outside the lock: starting takes milliseconds.
                state.busy += 1;
                drop(state);
                let started = Process::start(&self.settings);
                if started.is_err() {
                    let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                    (state.busy, state.failed) = (state.busy - 1, state.failed + 1);
                }
                return started;
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One process of the program, which is killed when this is dropped. What it writes to standard error is not touched.
struct Process {
    child: Child,
    input: ChildStdin,
    answers: Receiver<std::io::Result<String>>,
    answered: u64,
}

impl Process {
    fn start(settings: &Settings) -> Result<Self, Fault> {
        let (program, arguments) = settings.command.split_first().ok_or(Fault::Ended)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Fault::NotStarted { program: program.clone(), error: error.to_string() })?;
        limit_memory(&child, settings.memory_bytes);
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (sender, answers) = sync_channel(1);
        let reading = move || {
            let mut output = BufReader::new(output.expect("it was piped"));
            loop {
                let mut line = String::new();
                let read = output.by_ref().take(ANSWER_BYTES_MAX).read_line(&mut line);
                let is_over = !matches!(read, Ok(read) if read > 0);
                if is_over || sender.send(Ok(line)).is_err() {
                    return;
                }
            }
        };
        let spawned = std::thread::Builder::new().name("own-program".into()).spawn(reading);
        spawned.map_err(|error| Fault::NotStarted { program: program.clone(), error: error.to_string() })?;
        Ok(Self { child, input: input.expect("it was piped"), answers, answered: 0 })
    }

    fn ask(&mut self, question: &str, limit: Duration) -> Result<String, Fault> {
        // One write: a program that reads lines is woken once.
        let line = format!("{question}\n");
        self.input.write_all(line.as_bytes()).and_then(|()| self.input.flush()).map_err(|_| Fault::Ended)?;
        match self.answers.recv_timeout(limit) {
            Ok(Ok(answer)) if answer.ends_with('\n') => {
                self.answered += 1;
                Ok(answer)
            }
            Ok(Ok(_)) => Err(Fault::TooLong(ANSWER_BYTES_MAX)),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.end()),
            Err(RecvTimeoutError::Timeout) => Err(Fault::Late(limit)),
        }
    }

    /// Waits for the process and returns its exit status as a fault.
    fn end(&mut self) -> Fault {
        match self.child.wait() {
            Ok(status) => Fault::EndedWith(status.to_string()),
            Err(_) => Fault::Ended,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The limit holds from the first moment that it can: what a program maps in its first microseconds is not its templates.
fn limit_memory(child: &Child, bytes: u64) {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    if let Err(error) = rustix::process::prlimit(Some(pid), Resource::As, limit) {
        tracing::warn!(%error, "the memory of the user's own program cannot be limited");
    }
}
