//! The limits on every operation: by account, bank account, source and network. They are consulted before the server does
//! anything that costs or tells something.

mod bucket;
#[cfg(test)]
mod clock;
mod familiar;
mod keeper;
mod kept;
mod line;
mod places;
mod seats;
mod source;
mod throttle;

pub(crate) use keeper::Keeper;
pub(crate) use places::{Place, Places};
pub(crate) use seats::Seats;
#[doc(hidden)]
pub use source::Source;
pub(crate) use throttle::HashTurn;
#[doc(hidden)]
pub use throttle::Throttle;
