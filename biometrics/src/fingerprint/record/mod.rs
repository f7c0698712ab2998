//! Finger minutiae records, the exchange format of ISO/IEC 19794-2 and ANSI INCITS 378: read in three versions, written in
//! that of 2005.

mod ansi_378;
mod format;
mod iso_2005;
mod iso_2011;
mod model;
mod reader;

pub use iso_2005::VIEWS_MAX;
pub use model::{Record, View};
