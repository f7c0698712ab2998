//! One run on many machines: its shards merged, its job scripts, and its folders in an object store.

pub mod bucket;
pub mod merge;
pub mod slurm;
