//! Every figure of a run under one name.

pub mod metric;
