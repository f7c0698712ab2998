//! An attack: its description and the function that makes it. Each attack is one constant, beside that function.

use super::definition::Description;
use super::findings::Findings;
use super::offline_system::OfflineSystem;
use super::setup::Setup;
use super::system::AttackedSystem;
use crate::Error;
use std::pin::Pin;

/// One attack.
pub(in crate::attack) struct Attack {
    /// The description: knowledge, budget, requirement, control.
    pub description: Description,
    /// The function that makes the attack.
    pub act: Act,
}

/// The function that makes an attack, by what it needs.
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
