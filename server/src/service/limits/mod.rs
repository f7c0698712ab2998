//! The limits on every operation: by account, bank account, source and network. They are consulted before the server does
//! anything that costs or tells something.

mod bucket;
#[cfg(test)]
mod clock;
mod places;
mod source;
mod throttle;

pub(crate) use places::{Place, Places};
pub(crate) use source::Source;
pub(crate) use throttle::Throttle;
