//! Cryptography at rest: password hashes and sealed records.

pub mod password;
pub mod vault;
