//! The resources that processes have used, from Linux's proc file system; nothing on other systems.

use std::time::Duration;

/// The clock ticks per second of the proc file system, as on nearly every Linux (`getconf CLK_TCK`).
const TICKS_PER_S: f64 = 100.0;

/// The resources that a process has used since its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// User and system time of all its threads, to 10 ms.
    pub cpu: Duration,
    /// The peak of resident memory. Units: bytes.
    pub peak_bytes: u64,
}

impl Usage {
    /// Reads the resources that a process has used; `None` where the system does not report them.
    pub fn of(process: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The second field is the program's name in brackets, which may hold anything (proc(5)).
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = |number: usize| fields.split_whitespace().nth(number)?.parse::<f64>().ok();
        let cpu = Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_S);
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(Self { cpu, peak_bytes: kib * 1_024 })
    }

    /// Reads the resources that this process has used.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_shows() {
        let before = Usage::own().unwrap();
        let mut sum = 0_u64;
        while Usage::own().unwrap().cpu < before.cpu + Duration::from_millis(30) {
            sum = (0..1_000_000).fold(sum, |sum, i| std::hint::black_box(sum ^ i));
        }
        assert!(before.peak_bytes > 100_000, "{before:?}");
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
