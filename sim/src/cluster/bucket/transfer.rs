//! Upload and download of a run folder's files.

use super::Bucket;
use super::address::is_relative;
use super::client::MANIFEST;
use crate::Error;
use crate::progress::Stage;
use biopay_reports::RunReader;
use object_store::aws::AmazonS3;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt, WriteMultipart};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};
use tokio::task::JoinSet;

/// The files of a run folder that the manifest does not list.
const DERIVED: [&str; 3] = ["report.html", "summary.json", "junit.xml"];
/// The number of parallel file transfers.
const AT_ONCE: usize = 8;
/// The size of a block; larger files are transferred in blocks. Units: bytes. S3 takes parts of 5 MiB to 5 GiB, at most
/// 10,000 of them.
const BLOCK: usize = 8 << 20;
/// The number of parallel blocks of one file.
const BLOCKS_AT_ONCE: usize = 4;

/// The cause of a failed transfer: the store, or this machine's files.
enum Stopped {
    Store(object_store::Error),
    File(PathBuf, io::Error),
    Changed(String),
}

impl From<object_store::Error> for Stopped {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl Bucket {
    /// Uploads a run folder, its manifest last. The manifest of a run that is replaced is removed first, so that no
    /// half-replaced run looks complete.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for wrong credentials and buckets, [`Error::Store`] for other failures of the store; the errors
    /// of reading the folder.
    pub fn upload(&self, folder: &Path) -> Result<(), Error> {
        self.runtime.block_on(upload(self, folder))
    }

    /// Downloads a run's manifest and the files that it lists, and checks each file's digest.
    ///
    /// # Errors
    ///
    /// Those of [`upload`](Self::upload); [`Error::Store`] if there is no run, or an incomplete one.
    pub fn download(&self, folder: &Path) -> Result<(), Error> {
        self.runtime.block_on(download(self, folder))
    }

    fn stopped(&self, stopped: Stopped) -> Error {
        match stopped {
            Stopped::Store(error) => self.explain(&error),
            Stopped::File(path, source) => Error::File { path, source },
            Stopped::Changed(name) => {
                self.refuse(format!("{name} differs from the manifest: is another run being written there?"))
            }
        }
    }
}

async fn upload(bucket: &Bucket, folder: &Path) -> Result<(), Error> {
    let names = names_in(folder)?;
    let files: Vec<String> = names.iter().filter(|name| *name != MANIFEST).cloned().collect();
    let earlier = bucket.manifest().await?;
    if earlier.is_some() {
        delete(bucket, MANIFEST).await?;
    }
    let stage = Stage::new("uploading files", names.len() as u64);
    let (store, from) = (bucket.store.clone(), folder.to_owned());
    each(bucket, files, &stage, |name, key| put(store.clone(), key, from.join(name))).await?;
    for name in earlier.map(|manifest| files_of(&manifest)).unwrap_or_default().difference(&names) {
        delete(bucket, name).await?;
    }
    // Last: until it is there, a reader finds no run.
    put(bucket.store.clone(), bucket.key(MANIFEST), folder.join(MANIFEST)).await.map_err(|s| bucket.stopped(s))?;
    stage.add(1);
    stage.finish();
    Ok(())
}

async fn download(bucket: &Bucket, folder: &Path) -> Result<(), Error> {
    let manifest = bucket.manifest().await?.ok_or_else(|| {
        bucket.refuse("there is no run, or one that is still being uploaded: its manifest.json comes last")
    })?;
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    fs::write(folder.join(MANIFEST), manifest).map_err(Error::file(folder))?;
    let artefacts = RunReader::open(folder)?.manifest().artefacts.clone();
    if let Some(name) = artefacts.keys().find(|name| !is_relative(name)) {
        return Err(bucket.refuse(format!("its manifest names {name:?}, which is not a file of a run folder")));
    }
    let stage = Stage::new("downloading files", artefacts.len() as u64);
    let (store, to) = (bucket.store.clone(), folder.to_owned());
    let names = artefacts.keys().cloned().collect();
    let fetch = |name: String, key| {
        let digest = artefacts.get(&name).cloned().unwrap_or_default();
        get(store.clone(), key, to.join(&name), name, digest)
    };
    each(bucket, names, &stage, fetch).await?;
    stage.finish();
    Ok(())
}

/// Transfers files, several in parallel, and stops at the first failure.
async fn each<F, T>(bucket: &Bucket, names: Vec<String>, stage: &Stage, transfer: F) -> Result<(), Error>
where
    F: Fn(String, Key) -> T,
    T: Future<Output = Result<(), Stopped>> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    let mut names = names.into_iter();
    loop {
        while under_way.len() < AT_ONCE {
            let Some(name) = names.next() else { break };
            let key = bucket.key(&name);
            under_way.spawn(transfer(name, key));
        }
        let Some(done) = under_way.join_next().await else { return Ok(()) };
        done.map_err(|e| bucket.refuse(e.to_string()))?.map_err(|s| bucket.stopped(s))?;
        stage.add(1);
    }
}

/// Uploads a file completely or not at all.
async fn put(store: AmazonS3, key: Key, path: PathBuf) -> Result<(), Stopped> {
    let unread = |error| Stopped::File(path.clone(), error);
    let mut file = fs::File::open(&path).map_err(unread)?;
    let mut block = read_block(&mut file).map_err(unread)?;
    if block.len() < BLOCK {
        store.put(&key, block.into()).await?;
        return Ok(());
    }
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&key).await?, BLOCK);
    while !block.is_empty() {
        // A store that fails is an error here; the parts that it has are taken back, or its own rules remove them.
        if let Err(error) = upload.wait_for_capacity(BLOCKS_AT_ONCE).await {
            drop(upload.abort().await);
            return Err(error.into());
        }
        upload.write(&block);
        block = read_block(&mut file).map_err(unread)?;
    }
    upload.finish().await?;
    Ok(())
}

/// Downloads a file, block by block, and checks its digest.
async fn get(store: AmazonS3, key: Key, path: PathBuf, name: String, digest: String) -> Result<(), Stopped> {
    let unwritten = |error| Stopped::File(path.clone(), error);
    fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(unwritten)?;
    let mut file = fs::File::create(&path).map_err(unwritten)?;
    let mut hasher = Sha256::new();
    let size = store.head(&key).await?.size;
    let mut at = 0;
    while at < size {
        let end = size.min(at + BLOCK as u64);
        let block = store.get_range(&key, at..end).await?;
        hasher.update(&block);
        file.write_all(&block).map_err(unwritten)?;
        at = end;
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == digest { Ok(()) } else { Err(Stopped::Changed(name)) }
}

fn read_block(file: &mut fs::File) -> io::Result<Vec<u8>> {
    let mut block = Vec::new();
    file.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok(block)
}

async fn delete(bucket: &Bucket, name: &str) -> Result<(), Error> {
    match bucket.store.delete(&bucket.key(name)).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(bucket.explain(&error)),
    }
}

/// Lists the files of a run that is replaced, as far as its manifest can be read. No other object is ever removed.
fn files_of(manifest: &[u8]) -> BTreeSet<String> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    let artefacts = manifest["artefacts"].as_object().into_iter().flat_map(|all| all.keys().cloned());
    artefacts.chain(DERIVED.map(String::from)).filter(|name| is_relative(name)).collect()
}

/// Lists the files of a folder and of its subfolders, with forward slashes.
fn names_in(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    let mut pending = vec![(folder.to_owned(), String::new())];
    while let Some((current, prefix)) = pending.pop() {
        for entry in fs::read_dir(&current).map_err(Error::file(&current))? {
            let entry = entry.map_err(Error::file(&current))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                pending.push((entry.path(), format!("{name}/")));
            } else {
                names.insert(name);
            }
        }
    }
    Ok(names)
}
