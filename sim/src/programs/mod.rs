//! Extractors and detectors of the user's own: programs that are asked about images, line by line.
//!
//! ```text
//! {"do":"hello","version":1,"as":"extractor"}                       ─►  {"version":1}
//! {"do":"extract","image":{"rows":480,"columns":388,…,"pixels":"…"}} ─►  {"data":"…"} and, or, {"minutiae":[…]}, {"real":[…],"margins":[…]}
//! {"do":"hello","version":1,"as":"detector"}                        ─►  {"version":1}
//! {"do":"inspect","image":{…}}                                      ─►  {"attack":false}
//! ```
//! Any answer may be `{"failed":"why"}`: a failure to acquire. Comparators are schemes (`biopay_server::own_scheme`).

mod detector;
mod extractor;
mod image;
mod plan;
mod start;

pub use detector::OwnDetector;
pub use extractor::{Extraction, OwnExtractor};
pub use plan::ProgramPlan;
