//! Cryptography at rest: password hashes and sealed records.

pub mod password;
pub mod rotation;
pub mod vault;
