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

pub use detector::OwnDetector;
pub use extractor::{Extraction, OwnExtractor};
pub use plan::ProgramPlan;

use crate::Error;
use biopay_server::own_program::{OwnProgram, Settings};
use serde::{Deserialize, Serialize};

/// The version of these messages.
const VERSION: u32 = 1;

/// The first question.
#[derive(Serialize)]
#[serde(tag = "do", rename = "hello")]
struct Hello {
    version: u32,
    r#as: &'static str,
}

/// Its answer.
#[derive(Deserialize)]
struct About {
    version: u32,
}

/// Starts a program that a scenario names under `key`, and asks whether it speaks these messages.
fn start(plan: &ProgramPlan, key: &str, role: &'static str) -> Result<OwnProgram, Error> {
    let wrong = |why: String| Error::Usage(format!("{key}.command = {:?}: {why}", plan.command.join(" ")));
    let settings = Settings::new(key, &plan.command, plan.answer_s, plan.memory_mib, plan.processes);
    let program = OwnProgram::new(settings.map_err(Error::Usage)?);
    let hello = Hello { version: VERSION, r#as: role };
    let about: About = program.converse("hello", &hello).map_err(|said| wrong(said.to_string()))?;
    match about.version {
        VERSION => Ok(program),
        other => Err(wrong(format!("it speaks version {other} of the messages: answer with version {VERSION}"))),
    }
}
