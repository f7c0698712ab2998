//! Requests, responses, and refusals, each refusal with its own name.

mod life;
mod optional;
mod refusal;
mod request;
mod response;

pub use life::{Factors, Recovery, SessionId, SessionInfo};
pub use optional::{Optional, OptionalField};
pub use refusal::Refusal;
pub use request::Request;
pub use response::{AccountState, ChargeReceipt, Response};
