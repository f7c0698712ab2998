//! A run folder is read back with its schema checked.

use super::contents::Records;
use super::latency::LatencyRecorder;
use super::manifest::{Manifest, SCHEMAS_READ};
use super::{digest, manifest};
use crate::error::Error;
use crate::records::{Comparison, Network, Transaction, tables};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A run folder whose manifest has been read.
#[derive(Debug)]
pub struct RunReader {
    folder: PathBuf,
    manifest: Manifest,
}

impl RunReader {
    /// Opens a run, and checks its schema and the digest of every artefact.
    ///
    /// # Errors
    /// [`Error::NotARun`] without a manifest, [`Error::Schema`] for one of another version, [`Error::Altered`] for an
    /// artefact that is not the run's.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(manifest::FILE);
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
        let manifest: Manifest = serde_json::from_value(value).map_err(parse)?;
        digest::check(folder, &manifest.artefacts)?;
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
            latency: LatencyRecorder::read_from(&self.folder)?,
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
