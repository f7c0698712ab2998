//! Cryptography at rest: password hashes and sealed records.

pub mod blocklist;
pub mod check_value;
pub mod credential;
pub mod opaque;
pub mod password;
pub mod vault;
