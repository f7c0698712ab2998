//! Latency histograms by operation, kept in one `latency.hdr`.
//!
//! The file is an HdrHistogram interval log, version 1.3, with one tagged entry an operation in the V2 encoding with
//! DEFLATE, so that HdrHistogram's own tools read it. The same latencies stand in `latency_blocks.parquet` by blocks of
//! time. Units: microseconds.

use crate::error::Error;
use crate::records::LatencyBlock;
use crate::records::tables::{self, Table};
use crate::statistics::evidence::blocks::TimeBlocks;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer, V2Serializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The latencies' file.
pub(crate) const FILE: &str = "latency.hdr";
/// Values are kept to three significant digits.
const SIGNIFICANT_DIGITS: u8 = 3;

/// What follows an operation's name where its latency counts from the instant at which an open loop meant to begin it, and
/// not from when it did: a server that stalls, and with it the handsets, is not flattered.
pub const INTENDED: &str = "@intended";

/// Latencies by operation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Packed", into = "Packed")]
pub struct LatencyRecorder {
    operations: BTreeMap<String, Histogram<u64>>,
    blocks: BTreeMap<String, TimeBlocks>,
}

/// The latencies of a run that has not ended, as a file keeps them: each histogram in the V2 encoding.
#[derive(Serialize, Deserialize)]
struct Packed {
    operations: Vec<(String, Vec<u8>)>,
    blocks: BTreeMap<String, TimeBlocks>,
}

impl From<LatencyRecorder> for Packed {
    fn from(recorder: LatencyRecorder) -> Self {
        let pack = |(name, histogram): (String, Histogram<u64>)| {
            let mut bytes = Vec::new();
            let packed = V2Serializer::new().serialize(&plain(&histogram), &mut bytes);
            packed.expect("a vector takes every byte");
            (name, bytes)
        };
        Self { operations: recorder.operations.into_iter().map(pack).collect(), blocks: recorder.blocks }
    }
}

impl TryFrom<Packed> for LatencyRecorder {
    type Error = String;

    fn try_from(packed: Packed) -> Result<Self, String> {
        let unpack = |(name, bytes): (String, Vec<u8>)| {
            let mut histogram: Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|e| format!("{name}: {e}"))?;
            histogram.auto(true);
            Ok::<_, String>((name, histogram))
        };
        let operations = packed.operations.into_iter().map(unpack).collect::<Result<_, _>>()?;
        Ok(Self { operations, blocks: packed.blocks })
    }
}

impl LatencyRecorder {
    /// Counts one latency of `operation`. Units: microseconds.
    pub fn record(&mut self, operation: &str, latency_us: u64) {
        self.histogram(operation).record(latency_us).expect("an auto-resizing histogram takes every value");
    }

    /// Counts one latency of `operation` that was known at an instant of the run's clock. Units: microseconds.
    pub fn record_at(&mut self, operation: &str, at_us: u64, latency_us: u64) {
        self.record(operation, latency_us);
        match self.blocks.get_mut(operation) {
            Some(blocks) => blocks.add(at_us, latency_us),
            None => self.blocks.entry(operation.to_owned()).or_default().add(at_us, latency_us),
        }
    }

    /// Adds all latencies of another recorder; merging is associative and commutative.
    pub fn merge(&mut self, other: &Self) {
        for (operation, histogram) in &other.operations {
            self.histogram(operation).add(histogram).expect("an auto-resizing histogram takes every value");
        }
        for (operation, blocks) in &other.blocks {
            self.blocks.entry(operation.clone()).or_default().merge(blocks);
        }
    }

    /// Iterates over the operations in the order of their names.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &Histogram<u64>)> {
        self.operations.iter().map(|(name, histogram)| (name.as_str(), histogram))
    }

    /// Returns one operation's histogram.
    pub fn operation(&self, name: &str) -> Option<&Histogram<u64>> {
        self.operations.get(name)
    }

    /// Returns one operation's latencies by blocks of time; `None` where their times were not recorded.
    pub fn blocks(&self, name: &str) -> Option<&TimeBlocks> {
        self.blocks.get(name)
    }

    /// Writes the interval log and the blocks of time into a run folder.
    pub(super) fn write_into(&self, folder: &Path) -> Result<(), Error> {
        self.write(&folder.join(FILE))?;
        let row = |operation: &String, width_us, (block, latency_us, count)| LatencyBlock {
            operation: operation.clone(),
            width_us,
            block,
            latency_us,
            count,
        };
        let rows = self.blocks.iter().flat_map(|(name, b)| b.iter().map(move |cell| row(name, b.width_us(), cell)));
        tables::write(folder, &rows.collect::<Vec<_>>())
    }

    /// Reads what [`write_into`](Self::write_into) wrote. A folder of an earlier version has no blocks.
    pub(super) fn read_from(folder: &Path) -> Result<Self, Error> {
        let mut recorder = Self::read(&folder.join(FILE))?;
        if !folder.join(LatencyBlock::NAME).with_extension("parquet").exists() {
            return Ok(recorder);
        }
        let rows: Vec<LatencyBlock> = tables::read(folder)?;
        for of_one in rows.chunk_by(|a, b| a.operation == b.operation) {
            let cells = of_one.iter().map(|row| (row.block, row.latency_us, row.count));
            recorder.blocks.insert(of_one[0].operation.clone(), TimeBlocks::from_counts(of_one[0].width_us, cells));
        }
        Ok(recorder)
    }

    /// Writes the interval log.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let damaged = |why: String| Error::Latency { path: path.to_owned(), why };
        let mut bytes = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment("biopay latencies in microseconds, one entry an operation; times on the run's clock")
            .begin_log_with(&mut bytes, &mut serializer)
            .map_err(|e| damaged(e.to_string()))?;
        for (operation, histogram) in &self.operations {
            let tag = Tag::new(operation).ok_or_else(|| damaged(format!("the name {operation:?} cannot be a tag")))?;
            let (from, lasting) = self.blocks.get(operation).map_or((Duration::ZERO, Duration::ZERO), interval);
            log.write_histogram(&plain(histogram), from, lasting, Some(tag)).map_err(|e| damaged(format!("{e:?}")))?;
        }
        std::fs::write(path, bytes).map_err(Error::file(path))
    }

    /// Reads an interval log that [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`Error::Latency`] when an entry has no tag or does not decode.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        let damaged = |why: String| Error::Latency { path: path.to_owned(), why };
        let mut recorder = Self::default();
        for entry in IntervalLogIterator::new(&bytes) {
            let LogEntry::Interval(interval) = entry.map_err(|e| damaged(format!("{e:?}")))? else { continue };
            let operation = interval.tag().ok_or_else(|| damaged("an entry has no tag".into()))?.as_str().to_owned();
            let encoded = BASE64.decode(interval.encoded_histogram()).map_err(|e| damaged(e.to_string()))?;
            let decoded: Histogram<u64> =
                Deserializer::new().deserialize(&mut encoded.as_slice()).map_err(|e| damaged(e.to_string()))?;
            recorder.histogram(&operation).add(decoded).map_err(|e| damaged(e.to_string()))?;
        }
        Ok(recorder)
    }

    fn histogram(&mut self, operation: &str) -> &mut Histogram<u64> {
        self.operations
            .entry(operation.to_owned())
            .or_insert_with(|| Histogram::new(SIGNIFICANT_DIGITS).expect("three significant digits are within 0 to 5"))
    }
}

/// Returns when the latencies of an operation were known: from the first block of time, for as long as the blocks last.
fn interval(blocks: &TimeBlocks) -> (Duration, Duration) {
    let (first, last) =
        blocks.iter().fold((u64::MAX, 0), |(first, last), (block, ..)| (first.min(block), last.max(block)));
    let at = |block: u64| Duration::from_micros(block.saturating_mul(blocks.width_us()));
    let from = at(first.min(last));
    (from, at(last + 1) - from)
}

/// Copies a histogram into one that is no larger than its values need: what it went through does not show in its
/// bytes, so that merged parts are written as the whole would be.
fn plain(histogram: &Histogram<u64>) -> Histogram<u64> {
    let bounded = Histogram::new_with_bounds(1, histogram.max().max(2), SIGNIFICANT_DIGITS);
    let mut plain = bounded.expect("the bounds are in order");
    plain.auto(true);
    plain.add(histogram).expect("an auto-resizing histogram takes every value");
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_round_trips() {
        let mut recorder = LatencyRecorder::default();
        (1..=1000).for_each(|i| recorder.record("charge", i * 37));
        recorder.record("login", 15_000);
        let file = tempfile::NamedTempFile::new().unwrap();
        recorder.write(file.path()).unwrap();
        let read = LatencyRecorder::read(file.path()).unwrap();
        assert!(read.operations().eq(recorder.operations()));
        assert!((14_990..=15_010).contains(&read.operation("login").unwrap().max()));
    }

    #[test]
    fn blocks_of_time_round_trip_and_a_folder_without_them_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = LatencyRecorder::default();
        (1..=1000).for_each(|i| recorder.record_at("charge", i * 5_000, i * 37));
        recorder.record_at("login", 3, 15_000);
        recorder.write_into(folder.path()).unwrap();
        let read = LatencyRecorder::read_from(folder.path()).unwrap();
        assert_eq!(read.blocks, recorder.blocks);
        std::fs::remove_file(folder.path().join("latency_blocks.parquet")).unwrap();
        let read = LatencyRecorder::read_from(folder.path()).unwrap();
        assert!(read.blocks.is_empty() && read.operation("charge").unwrap().len() == 1000);
    }

    #[test]
    fn merging_adds_counts() {
        let (mut a, mut b) = (LatencyRecorder::default(), LatencyRecorder::default());
        a.record("charge", 10);
        b.record("charge", 1_000_000_000);
        b.record("login", 5);
        a.merge(&b);
        assert_eq!(a.operation("charge").unwrap().len(), 2);
        assert_eq!(a.operation("login").unwrap().len(), 1);
    }

    #[test]
    fn a_damaged_log_is_a_named_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"Tag=charge,0,0,0,HISTnotbase64!\n").unwrap();
        assert!(matches!(LatencyRecorder::read(file.path()), Err(Error::Latency { .. })));
    }
}
