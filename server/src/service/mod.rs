//! What the server decides: a request and a session in, a response out. It knows nothing of QUIC.
//!
//! ```text
//! requests ──┬─► accounts, opaque ──► record          (who logs in, what is bound)
//!            ├─► life, devices ──► sessions, record  (what changes afterwards)
//!            └─► pages ──► code ──► charge ──► answer  (what is paid)
//!                                     ▲
//!                                  resolver            (what became of open payments)
//! ```

mod accounts;
mod answer;
mod charge;
mod code;
mod devices;
mod health;
mod life;
pub(crate) mod limits;
mod noting;
mod opaque;
mod page;
mod pages;
mod record;
mod refund;
mod requests;
mod resolver;
mod rotation;
mod session;
mod sessions;
mod state;

pub use rotation::{Rotation, rotate};
pub use session::Session;
pub use state::{Parts, Service};
