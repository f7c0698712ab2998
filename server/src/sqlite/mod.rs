//! SQLite as we use it: durable on return, one writer with group commit, numbered migrations.

mod open;
mod redo;
mod writer;

pub use open::{Location, Migration, Schema, checkpoint, copy_whole, open};
pub use redo::{Redo, replay};
pub use writer::Writer;
