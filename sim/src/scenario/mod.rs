//! Scenarios: the definition of a run, in TOML with documented keys; unknown keys are refused.

pub mod attack;
mod bounds;
mod built_in;
mod check;
mod definition;
mod lint;
mod load;
mod names;
mod schema;
pub mod sections;
mod service;
mod suggestion;
mod vocabulary;

pub use attack::{AttackKind, AttackPlan, Configuration};
pub(crate) use bounds::TIME_MAX_S;
pub use built_in::BUILT_IN;
pub use definition::{HANDSETS_MAX, Scenario};
pub use sections::{
    Arrivals, Biometric, ClockKind, Comparisons, Connections, Generator, Impostors, Leg, Login, Mobility, Network,
    Pattern, Payments, PinMode, Schemes, ServerSettings, Users,
};
pub use service::{CALIBRATED_HASH_KIB, ServiceModel, us};
pub(crate) use suggestion::nearest;
pub(crate) use vocabulary::check_figure;
