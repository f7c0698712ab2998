//! Attacks on a server that the run did not start, with its owner's consent: on the wall clock, one after the other, within
//! bounds of rate and time.

use super::bounds::Bounds;
use super::findings::Findings;
use super::setup::Setup;
use super::system::{AttackedSystem, Dialler, accounts, broke};
use crate::Error;
use crate::people::Population;
use crate::scenario::Connections;
use crate::stop::Stop;
use crate::wall::target::Target;
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use std::sync::Arc;

/// Makes one attack on the scenario's server, against the accounts that the run's handsets use there.
///
/// # Errors
///
/// [`Error::InvalidRun`] where the attack could not be made.
pub(super) fn play(
    setup: &Setup,
    population: &Population,
    stop: &Stop,
    act: impl AsyncFnOnce(&AttackedSystem<'_>) -> Result<Findings, Error>,
) -> Result<Findings, Error> {
    let scenario = &setup.scenario;
    let target = Target::elsewhere(&scenario.server)?;
    let target = target.ok_or_else(|| broke(setup.kind, "there is no server.address"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::file("the runtime"))?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let address = target.address(&Connections { sockets: 1, ..Connections::default() }, 1)?;
        let mut accounts = accounts(setup, population)?;
        accounts.truncate(setup.targets as usize);
        let bounds = Some(Bounds::of(scenario, clock.as_ref()));
        let dialler = Dialler { address, clock: clock.clone() };
        let system = AttackedSystem { setup, population, accounts, clock, inside: None, bounds, dialler };
        let acting = async {
            system.register_all().await?;
            act(&system).await
        };
        let mut interrupted = stop.signal();
        tokio::select! {
            biased;
            Ok(_) = interrupted.wait_for(|&stop| stop) => Ok(Findings { is_partial: true, ..Findings::default() }),
            found = acting => found,
        }
    })
}
