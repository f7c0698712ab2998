//! An attack: what is said of it, and how it is made. Each is one constant, beside the function that makes it.

use super::definition::Description;
use super::findings::Findings;
use super::offline_system::OfflineSystem;
use super::setup::Setup;
use super::system::AttackedSystem;
use crate::Error;
use std::pin::Pin;

/// One attack.
pub(in crate::attack) struct Attack {
    /// What is said of it.
    pub description: Description,
    /// How it is made.
    pub act: Act,
}

/// How an attack is made.
pub(in crate::attack) enum Act {
    /// Against a running server.
    Online(for<'a> fn(&'a AttackedSystem<'a>) -> Acting<'a>),
    /// On schemes and sensors, without a server.
    Offline(fn(&OfflineSystem<'_>) -> Result<Findings, Error>),
    /// On a part of the server by itself, without people.
    Alone(fn(&Setup) -> Result<Findings, Error>),
}

/// An attack under way.
pub(in crate::attack) type Acting<'a> = Pin<Box<dyn Future<Output = Result<Findings, Error>> + 'a>>;
