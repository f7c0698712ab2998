//! The run folder: written beside its place and moved there in one step, read back with its schema checked.

use crate::error::Error;
use crate::latency::LatencyRecorder;
use crate::manifest::{Manifest, SCHEMAS_READ};
use crate::records::{Attack, AttackFigure, Comparison, Network, ServerFigure, Transaction};
use crate::tables;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest.json";
const LATENCY: &str = "latency.hdr";

/// Holds everything that a run measured, in memory.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Off-line comparisons.
    pub comparisons: Vec<Comparison>,
    /// Registrations and payments.
    pub transactions: Vec<Transaction>,
    /// Attacks.
    pub attacks: Vec<Attack>,
    /// What attacks measured besides.
    pub attack_figures: Vec<AttackFigure>,
    /// Connections.
    pub network: Vec<Network>,
    /// What server and bank said of themselves.
    pub server: Vec<ServerFigure>,
    /// Latencies by operation.
    pub latency: LatencyRecorder,
}

impl Records {
    /// Sorts the rows, so that they do not depend on which of several handsets was first.
    pub fn sort(&mut self) {
        let by_handset = |t: &Transaction| (t.handset, t.intended_start_us, t.start_us);
        self.transactions.sort_by_key(by_handset);
        // Stable: attacks on one target stay in the order in which they were made.
        let key = |a: &Attack| (a.attack.clone(), a.variant.clone(), a.configuration.clone(), a.scheme.clone());
        self.attacks.sort_by_cached_key(|a| (key(a), a.target_subject, a.attacker_subject));
        self.network.sort_by_key(|n| n.handset);
        self.server.sort_by(|a, b| (&a.component, &a.name).cmp(&(&b.component, &b.name)));
    }
}

/// Writes a run folder.
///
/// Files go to a temporary sibling; [`finish`](Self::finish) moves it into place, so that a reader sees a whole run or
/// none. An earlier run in that place is replaced, anything else is refused.
pub struct RunWriter {
    target: PathBuf,
    staging: tempfile::TempDir,
}

impl RunWriter {
    /// Prepares to write to `target`.
    ///
    /// Errors: [`Error::Occupied`] when something other than a run is there.
    pub fn create(target: &Path) -> Result<Self, Error> {
        let is_empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        if target.exists() && !target.join(MANIFEST).exists() && !is_empty() {
            return Err(Error::Occupied(target.to_owned()));
        }
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
        let staging = tempfile::Builder::new().prefix(".run-").tempdir_in(parent).map_err(Error::file(parent))?;
        Ok(Self { target: target.to_owned(), staging })
    }

    /// Returns the folder that files of this run may be added to before it is finished.
    pub fn staging(&self) -> &Path {
        self.staging.path()
    }

    /// Writes the tables, the latencies and the manifest, and moves the folder into place.
    ///
    /// The manifest's digests are filled in here. Returns the run folder.
    pub fn finish(self, records: &Records, mut manifest: Manifest) -> Result<PathBuf, Error> {
        let folder = self.staging.path();
        tables::write(folder, &records.comparisons)?;
        tables::write(folder, &records.transactions)?;
        tables::write(folder, &records.attacks)?;
        tables::write(folder, &records.attack_figures)?;
        tables::write(folder, &records.network)?;
        tables::write(folder, &records.server)?;
        records.latency.write(&folder.join(LATENCY))?;
        manifest.artefacts = digests(folder)?;
        manifest.digest = digest_of(&manifest.artefacts);
        let path = folder.join(MANIFEST);
        let text =
            serde_json::to_vec_pretty(&manifest).map_err(|source| Error::Manifest { path: path.clone(), source })?;
        fs::write(&path, text).map_err(Error::file(&path))?;
        self.move_into_place()
    }

    fn move_into_place(self) -> Result<PathBuf, Error> {
        if self.target.exists() {
            fs::remove_dir_all(&self.target).map_err(Error::file(&self.target))?;
        }
        let staged = self.staging.keep();
        set_readable(&staged)?;
        fs::rename(&staged, &self.target).map_err(Error::file(&self.target))?;
        Ok(self.target)
    }
}

/// Opens the folder to other readers: temporary folders are private to their owner.
#[cfg(unix)]
fn set_readable(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(Error::file(folder))
}

#[cfg(not(unix))]
fn set_readable(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Reads a run folder.
#[derive(Debug)]
pub struct RunReader {
    folder: PathBuf,
    manifest: Manifest,
}

impl RunReader {
    /// Opens a run and checks its schema.
    ///
    /// Errors: [`Error::NotARun`] without a manifest, [`Error::Schema`] for one of another version.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Err(Error::NotARun(folder.to_owned()));
        }
        let text = fs::read(&path).map_err(Error::file(&path))?;
        let parse = |source| Error::Manifest { path: path.clone(), source };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(parse)?;
        let found = value["schema"].as_u64().and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        if !SCHEMAS_READ.contains(&found) {
            return Err(Error::Schema { path: folder.to_owned(), found, accepted: SCHEMAS_READ });
        }
        let manifest = serde_json::from_value(value).map_err(parse)?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads every table and the latencies.
    pub fn records(&self) -> Result<Records, Error> {
        Ok(Records { comparisons: tables::read(&self.folder)?, ..self.records_but_comparisons()? })
    }

    /// Reads every other table than that of comparisons, which may be too large to hold.
    pub fn records_but_comparisons(&self) -> Result<Records, Error> {
        let transactions = tables::read(&self.folder)?;
        Ok(Records { transactions, network: tables::read(&self.folder)?, ..self.records_but_long_tables()? })
    }

    /// Reads the tables that stay short however long a run is, and the latencies.
    pub(crate) fn records_but_long_tables(&self) -> Result<Records, Error> {
        Ok(Records {
            comparisons: Vec::new(),
            transactions: Vec::new(),
            attacks: tables::read(&self.folder)?,
            attack_figures: tables::read(&self.folder)?,
            network: Vec::new(),
            server: tables::read(&self.folder)?,
            latency: LatencyRecorder::read(&self.folder.join(LATENCY))?,
        })
    }
}

impl RunReader {
    /// Hands every comparison to `f`, a part of the table at a time.
    pub fn each_comparison(&self, mut f: impl FnMut(&Comparison)) -> Result<(), Error> {
        tables::read_in_parts(&self.folder, |part: Vec<Comparison>| part.iter().for_each(&mut f))
    }

    /// Finds the transactions of some handsets and intended starts. The table passes through a part at a time.
    pub fn transactions_of(&self, wanted: &BTreeSet<(u32, u64)>) -> Result<Vec<Transaction>, Error> {
        let mut found = Vec::new();
        if !wanted.is_empty() {
            let is_wanted = |t: &Transaction| wanted.contains(&(t.handset, t.intended_start_us));
            tables::read_in_parts(&self.folder, |part| found.extend(part.into_iter().filter(is_wanted)))?;
        }
        Ok(found)
    }

    /// Hands every connection to `f`, a part of the table at a time.
    pub fn each_connection(&self, mut f: impl FnMut(&Network)) -> Result<(), Error> {
        tables::read_in_parts(&self.folder, |part: Vec<Network>| part.iter().for_each(&mut f))
    }
}

/// Digests every file of the folder and of its subfolders, by path with forward slashes.
fn digests(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut out = BTreeMap::new();
    let mut pending = vec![(folder.to_owned(), String::new())];
    while let Some((current, prefix)) = pending.pop() {
        for entry in fs::read_dir(&current).map_err(Error::file(&current))? {
            let entry = entry.map_err(Error::file(&current))?;
            let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
            if path.is_dir() {
                pending.push((path, format!("{name}/")));
            } else {
                let bytes = fs::read(&path).map_err(Error::file(&path))?;
                out.insert(name, hex(&Sha256::digest(bytes)));
            }
        }
    }
    Ok(out)
}

fn digest_of(artefacts: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (name, digest) in artefacts {
        hasher.update(format!("{name} {digest}\n"));
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_round_trips_and_replaces_an_earlier_one() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("run");
        for _ in 0..2 {
            RunWriter::create(&target).unwrap().finish(&Records::default(), Manifest::example()).unwrap();
        }
        let reader = RunReader::open(&target).unwrap();
        assert_eq!(reader.manifest().artefacts.len(), 7);
        assert!(reader.records().unwrap().transactions.is_empty());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "no staging folder stays behind");
    }

    #[test]
    fn a_folder_of_something_else_is_never_overwritten() {
        let target = tempfile::tempdir().unwrap();
        fs::write(target.path().join("thesis.tex"), "important").unwrap();
        assert!(matches!(RunWriter::create(target.path()), Err(Error::Occupied(_))));
    }

    #[test]
    fn another_schema_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST), r#"{"schema": 99}"#).unwrap();
        assert!(matches!(RunReader::open(folder.path()), Err(Error::Schema { found: 99, .. })));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(RunReader::open(empty.path()), Err(Error::NotARun(_))));
    }
}
