//! Scripts that run a scenario's shards under Slurm (an array of jobs in virtual time, ranks with a common start on the
//! wall clock), and their progress.

use crate::Error;
use crate::scenario::{ClockKind, Scenario};
use biopay_reports::RunReader;
use biopay_reports::manifest::Completion;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// A scenario to run under Slurm, with the options for Slurm.
pub struct SlurmRun<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The number of shards.
    pub shards: u32,
    /// The folder of the parts, the logs and the merged run.
    pub out: &'a str,
    /// The path of this program.
    pub program: &'a str,
    /// More options for sbatch.
    pub options: &'a str,
    /// On the wall clock: the time from the ranks' launch to their common start. Units: seconds.
    pub lead_s: u32,
}

impl SlurmRun<'_> {
    /// Writes the script that submits everything.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a wall-clock scenario that names no server, since each rank would have its own.
    pub fn script(&self) -> Result<String, Error> {
        let toml = toml::to_string(self.scenario).map_err(|e| Error::Usage(e.to_string()))?;
        let jobs = match self.scenario.clock {
            ClockKind::Virtual => self.array(),
            ClockKind::Wall if self.scenario.server.address.is_none() => {
                let message =
                    "ranks on the wall clock need a common server: set server.address, or use --set clock=virtual";
                return Err(Error::Usage(message.into()));
            }
            ClockKind::Wall => self.ranks(),
        };
        let (name, shards) = (&self.scenario.name, self.shards);
        let (out, program) = (quoted(self.out), quoted(self.program));
        Ok(format!(
            r#"#!/bin/sh
# Runs {name:?} in {shards} shards under Slurm and merges them. Written by biopay cluster slurm.
set -eu
OUT={out}
BIOPAY=${{BIOPAY:-{program}}}
mkdir -p "$OUT/parts" "$OUT/logs"
OUT=$(cd "$OUT" && pwd)
export OUT BIOPAY
cat >"$OUT/scenario.new" <<'END_OF_SCENARIO'
{toml}END_OF_SCENARIO
printf '%s\n' {shards} >>"$OUT/scenario.new"
if [ -e "$OUT/scenario.done" ] && ! cmp -s "$OUT/scenario.new" "$OUT/scenario.done"; then
    echo "$OUT contains parts of another scenario or number of shards: choose another --out, or remove it" >&2
    exit 2
fi
mv "$OUT/scenario.new" "$OUT/scenario.done"
sed '$d' "$OUT/scenario.done" >"$OUT/scenario.toml"
{jobs}"#
        ))
    }

    /// Writes one job for each shard, and a job that merges them. Only unfinished shards are submitted.
    fn array(&self) -> String {
        let Self { shards, options, .. } = self;
        let (last, job, merge) = (shards - 1, self.job(), self.merge());
        format!(
            r#"cat >"$OUT/shard.sh" <<'END_OF_SHARD'
#!/bin/sh
set -eu
exec "$BIOPAY" run "$OUT/scenario.toml" --shard "$SLURM_ARRAY_TASK_ID/{shards}" --out "$OUT/parts/$SLURM_ARRAY_TASK_ID" --overwrite
END_OF_SHARD
cat >"$OUT/merge.sh" <<'END_OF_MERGE'
#!/bin/sh
set -eu
{merge}
END_OF_MERGE
TODO=
for SHARD in $(seq 0 {last}); do
    grep -q '"completion": "complete"' "$OUT/parts/$SHARD/manifest.json" 2>/dev/null || TODO="$TODO,$SHARD"
done
TODO=${{TODO#,}}
AFTER=
if [ -n "$TODO" ]; then
    ARRAY=$(sbatch --parsable --job-name={job} --array="$TODO" --export=ALL --output="$OUT/logs/shard-%a.log" {options} "$OUT/shard.sh")
    ARRAY=${{ARRAY%%;*}}
    AFTER="--dependency=afterok:$ARRAY --kill-on-invalid-dep=yes"
    echo "shards $TODO: job array $ARRAY"
fi
MERGE=$(sbatch --parsable --job-name={job}-merge $AFTER --export=ALL --output="$OUT/logs/merge.log" {options} "$OUT/merge.sh")
MERGE=${{MERGE%%;*}}
echo "${{ARRAY:-}} $MERGE" >"$OUT/jobs"
echo "merge: job $MERGE; the merged run will be in $OUT/whole"
"#
        )
    }

    /// Writes one job whose ranks begin at one instant, and the merge at its end.
    fn ranks(&self) -> String {
        let Self { shards, options, lead_s, .. } = self;
        let (job, merge) = (self.job(), self.merge());
        format!(
            r#"cat >"$OUT/rank.sh" <<'END_OF_RANK'
#!/bin/sh
set -eu
exec "$BIOPAY" run "$OUT/scenario.toml" --set arrivals.begin-unix-s="$BEGIN" --shard "$SLURM_PROCID/{shards}" --out "$OUT/parts/$SLURM_PROCID" --overwrite
END_OF_RANK
cat >"$OUT/ranks.sh" <<'END_OF_RANKS'
#!/bin/sh
# Every rank makes its samples first; {lead_s} s from now all begin together.
set -eu
BEGIN=$(($(date +%s) + {lead_s}))
export BEGIN
srun --ntasks={shards} --output="$OUT/logs/rank-%t.log" sh "$OUT/rank.sh"
{merge}
END_OF_RANKS
RANKS=$(sbatch --parsable --job-name={job} --ntasks={shards} --export=ALL --output="$OUT/logs/merge.log" {options} "$OUT/ranks.sh")
RANKS=${{RANKS%%;*}}
echo "$RANKS" >"$OUT/jobs"
echo "{shards} ranks and their merge: job $RANKS; the merged run will be in $OUT/whole"
"#
        )
    }

    fn job(&self) -> String {
        quoted(&format!("biopay-{}", self.scenario.name))
    }

    /// Writes the merge; a single shard needs none.
    fn merge(&self) -> &'static str {
        match self.shards {
            1 => r#"rm -rf "$OUT/whole" && cp -R "$OUT/parts/0" "$OUT/whole""#,
            _ => r#"exec "$BIOPAY" merge "$OUT"/parts/* --out "$OUT/whole" --overwrite"#,
        }
    }
}

/// The progress of a submitted scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Shards that are finished.
    pub finished: u32,
    /// Shards in all.
    pub shards: u32,
    /// Whether the merged run exists and is newer than the submission.
    pub is_merged: bool,
    /// Jobs that Slurm still has, waiting or running.
    pub in_queue: usize,
}

impl Standing {
    /// Reads the folder of a submitted scenario, and asks Slurm for its jobs.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if nothing was submitted into the folder.
    pub fn read(out: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = out.join(name);
            std::fs::read_to_string(&path).map_err(|_| {
                Error::Usage(format!(
                    "{}: nothing was submitted into this folder with biopay cluster slurm",
                    path.display()
                ))
            })
        };
        let shards = read("scenario.done")?.lines().last().and_then(|line| line.parse().ok()).unwrap_or(0);
        let jobs: BTreeSet<String> = read("jobs")?.split_whitespace().map(str::to_owned).collect();
        let submitted = out.join("jobs").metadata().and_then(|m| m.modified()).map_err(Error::file(out))?;
        let merged = out.join("whole").join("manifest.json").metadata().and_then(|m| m.modified());
        Ok(Self {
            finished: (0..shards).filter(|shard| is_finished(&out.join("parts").join(shard.to_string()))).count()
                as u32,
            shards,
            is_merged: merged.is_ok_and(|merged| merged >= submitted),
            in_queue: in_queue(&jobs)?,
        })
    }

    /// Returns the progress as one line of text.
    pub fn line(&self) -> String {
        let Self { finished, shards, in_queue, .. } = self;
        let state = match (self.is_merged, in_queue) {
            (true, 0) => "merged".to_owned(),
            (false, 0) => {
                "NOT merged, and no job is left: see the logs, and submit the missing shards again".to_owned()
            }
            (_, jobs) => format!("{jobs} jobs waiting or running"),
        };
        format!("{finished} of {shards} shards finished; {state}")
    }

    /// Returns whether no job is left that could change the state.
    pub fn is_over(&self) -> bool {
        self.in_queue == 0
    }
}

fn is_finished(part: &Path) -> bool {
    RunReader::open(part).is_ok_and(|run| run.manifest().completion == Completion::Complete)
}

/// Counts the jobs that Slurm still lists; a job that it no longer lists has ended.
fn in_queue(jobs: &BTreeSet<String>) -> Result<usize, Error> {
    let mut count = 0;
    for job in jobs {
        let asked = Command::new("squeue").args(["--noheader", "--array", "--format=%i", "--jobs", job]).output();
        let answer = asked.map_err(Error::file("squeue"))?;
        count += String::from_utf8_lossy(&answer.stdout).lines().count();
    }
    Ok(count)
}

/// Quotes a word for the shell.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn ranks_on_the_wall_clock_need_a_server_and_begin_together() {
        let script = |settings: &[String]| {
            let scenario = Scenario::load("throughput", settings).unwrap();
            let plan = SlurmRun {
                scenario: &scenario,
                shards: 4,
                out: "o",
                program: "biopay",
                options: "-p long",
                lead_s: 90,
            };
            plan.script()
        };
        assert!(matches!(script(&[]), Err(Error::Usage(_))));
        let elsewhere = ["server.address=192.0.2.7:4433", "server.certificate=server.pem"].map(String::from);
        let script = script(&elsewhere).unwrap();
        assert!(script.contains("+ 90))") && script.contains("srun --ntasks=4") && script.contains(" -p long "));
        assert!(script.contains(r#"arrivals.begin-unix-s="$BEGIN""#) && !script.contains("--array"));
    }
}
