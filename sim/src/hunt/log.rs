//! The server's log of a hunted run: into the journal, and searched for secrets.

use super::findings::{Checker, Findings};
use super::journal::{Journal, Who};
use crate::virtual_time::Timeline;
use std::fmt::Write;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What listens to the log of one thread.
pub(super) struct Listener {
    pub(super) journal: Journal,
    pub(super) findings: Findings,
    pub(super) timeline: Arc<Timeline>,
    /// What must not be in any line.
    pub(super) secrets: Vec<String>,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("biopay_server")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Written(String::new());
        event.record(&mut line);
        if self.secrets.iter().any(|secret| line.0.contains(secret.as_str())) {
            let place = event.metadata().file().unwrap_or("a file").to_owned();
            let what = format!("a line of the log has a secret: {place}:{}", event.metadata().line().unwrap_or(0));
            self.findings.add(Checker::Secrets, self.timeline.elapsed(), what);
        }
        if *event.metadata().level() <= Level::INFO {
            let by_bank = event.metadata().target().starts_with("biopay_server::issuer");
            self.journal.note(if by_bank { Who::Bank } else { Who::Server }, format!("logs{}", line.0));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Written(String);

impl Visit for Written {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let name = field.name();
        let written =
            if name == "message" { write!(self.0, " {value:?}") } else { write!(self.0, " {name}={value:?}") };
        written.unwrap_or_default();
    }
}
