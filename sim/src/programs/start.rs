//! The start of a program, and its first answer.

use super::plan::ProgramPlan;
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
pub(super) fn start(plan: &ProgramPlan, key: &str, role: &'static str) -> Result<OwnProgram, Error> {
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
