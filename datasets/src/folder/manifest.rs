//! The manifest beside a generated folder: what made it, and what must be in it.

use super::write::write_file;
use crate::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The manifest's file name.
pub const MANIFEST_NAME: &str = "manifest.json";

/// The contents of a folder, and how to make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The generator's name.
    pub generator: String,
    /// The generator's version: the same version and parameters give the same bytes.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// All other parameters, the device's included.
    pub parameters: serde_json::Value,
    /// The files, in the order of subjects and impressions.
    pub files: Vec<ManifestFile>,
}

/// A file's name and the digest of its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// The name inside the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl ManifestFile {
    /// Describes a file's content.
    pub fn of(name: String, content: &[u8]) -> Self {
        let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name, bytes: content.len() as u64, sha256 }
    }
}

impl Manifest {
    /// Reads the manifest of a folder; `None` when it is missing or cannot be understood.
    pub fn read(dir: &Path) -> Option<Self> {
        let bytes = std::fs::read(dir.join(MANIFEST_NAME)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes the manifest into a folder.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`].
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(MANIFEST_NAME);
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|source| Error::Json { path: path.clone(), source })?;
        bytes.push(b'\n');
        write_file(&path, &bytes)
    }

    /// Returns whether another manifest would describe the same content, whatever files are listed.
    pub fn same_recipe(&self, other: &Self) -> bool {
        self.generator == other.generator
            && self.version == other.version
            && self.seed == other.seed
            && self.parameters == other.parameters
    }

    /// Returns whether every listed file is in the folder with its full length.
    pub fn is_complete(&self, dir: &Path) -> bool {
        let present = |file: &ManifestFile| {
            std::fs::metadata(dir.join(&file.name)).is_ok_and(|found| found.is_file() && found.len() == file.bytes)
        };
        self.files.iter().all(present)
    }
}
