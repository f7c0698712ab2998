//! The simulated bank: accounts, a durable ledger, and an ISO 8583 host in front of it. A process of its own.

pub mod accounts;
mod audit;
pub mod faults;
pub mod host;
pub mod ledger;
pub mod listener;
mod refunds;
