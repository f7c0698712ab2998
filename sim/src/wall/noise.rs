//! What else the machine does during a run: load, and time that the hypervisor gives to others.

use biopay_reports::manifest::Noise;

/// The load before a run, in processes for each core, from which its figures are doubtful.
const BUSY: f64 = 0.5;
/// The share of stolen time from which figures are doubtful.
const STOLEN: f64 = 0.02;

/// The state of the machine before a run.
pub struct Quiet {
    load: f64,
    ticks: Ticks,
}

impl Quiet {
    /// Reads the machine's load.
    pub fn read() -> Self {
        Self { load: load(), ticks: Ticks::read() }
    }

    /// Returns what the machine has done since; `None` where the system does not tell.
    pub fn since(&self) -> Option<Noise> {
        let now = Ticks::read();
        let all = now.all.checked_sub(self.ticks.all).filter(|all| *all > 0)?;
        let stolen = now.stolen.saturating_sub(self.ticks.stolen);
        let rounded = |x: f64| (x * 1e4).round() / 1e4;
        Some(Noise {
            load_before: rounded(self.load),
            load_after: rounded(load()),
            steal_share: rounded(stolen as f64 / all as f64),
        })
    }
}

/// Returns why a load in processes, or stolen time, makes figures of the wall clock doubtful.
pub fn warnings(noise: &Noise, cores: usize) -> Vec<String> {
    let mut out = Vec::new();
    if noise.load_before > BUSY * cores as f64 {
        out.push(format!(
            "The machine was busy before the run (load {:.1} on {cores} cores): its times are those of a busy machine.",
            noise.load_before
        ));
    }
    if noise.steal_share > STOLEN {
        out.push(format!(
            "The hypervisor gave {:.1} % of the processor to others during the run: repeat it, or take another machine.",
            noise.steal_share * 100.0
        ));
    }
    out
}

/// Returns the load average of the last minute; 0 where the system does not tell.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// The cores' time by the kernel's count, in ticks.
#[derive(Default)]
struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    fn read() -> Self {
        Self::of(&std::fs::read_to_string("/proc/stat").unwrap_or_default()).unwrap_or_default()
    }

    /// Reads the line `cpu user nice system idle iowait irq softirq steal ...` (proc(5)).
    fn of(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|number| number.parse().ok()).collect();
        Some(Self { all: ticks.iter().sum(), stolen: *ticks.get(7)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_number() {
        let ticks = Ticks::of("cpu  10 1 5 80 2 0 1 7 3 0\ncpu0 1 1 1 1\n").unwrap();
        assert_eq!((ticks.all, ticks.stolen), (106, 7));
        assert!(Ticks::of("cpu 1 2 3").is_none());
    }

    #[test]
    fn a_busy_machine_is_named() {
        let noise = |load_before, steal_share| Noise { load_before, load_after: 0.0, steal_share };
        assert!(warnings(&noise(0.9, 0.01), 2).is_empty());
        assert_eq!(warnings(&noise(1.1, 0.03), 2).len(), 2);
    }
}
