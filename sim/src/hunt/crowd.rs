//! The handsets of a hunted run: the simulator's world, whose commands and answers are listened to and interfered with.

use super::device::Device;
use super::fault::Case;
use super::observed::{Caller, Observed};
use super::process::Process;
use super::scene::Scene;
use crate::io::{CompletionSender, Io, QrMaking, ServerAddress};
use crate::network::{End, Itinerary, Weather};
use crate::people::plan::{self, HandsetPlan, Journey, PlannedTransaction, Slip, Task};
use crate::people::population::Owner;
use crate::shard::Shard;
use crate::time::{Nanos, SimTime};
use crate::virtual_time::VirtualClock;
use crate::virtual_time::play::itinerary;
use crate::virtual_time::server::{handset_transport, open_as};
use crate::virtual_time::tls;
use crate::world::command::Command;
use crate::world::event::{Completion, EventKind, Links};
use crate::world::handset::Identity;
use crate::world::{Rules, Simulation};
use crate::{Error, Scenario};
use bevy_ecs::prelude::Entity;
use biopay_protocol::{PayloadBytes, Refusal, Request, Response};
use biopay_server::env::Clock;
use biopay_server::issuer::accounts::NewAccount;
use biopay_server::tls::{DEVELOPMENT_NAMES, Identity as Certificate, client_config};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How often a handset shows that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The time between two handsets that try again.
const STAGGER: Duration = Duration::from_millis(400);
/// The time in which a user decides to give a payment up.
const DECISION: Duration = Duration::from_secs(1);

/// A step that takes a user's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Showing the QR.
    Qr,
    /// Typing the code.
    Code,
}

/// All handsets, with their process and what was seen of them.
pub(super) struct Crowd {
    process: Process,
    simulation: Simulation,
    io: Io,
    completions: UnboundedReceiver<Completion>,
    address: ServerAddress,
    clock: Arc<dyn Clock>,
    plans: BTreeMap<u32, HandsetPlan>,
    handsets: BTreeMap<Entity, u32>,
    targets: BTreeMap<u32, Entity>,
    observed: Observed,
    slow: BTreeMap<(u32, Step), Duration>,
    wrong: BTreeSet<u32>,
    cancelling: BTreeSet<u32>,
    devices: u32,
}

impl Crowd {
    /// Returns the links of a case's handsets.
    pub(super) fn links(scenario: &Scenario, case: &Case) -> BTreeMap<u32, Itinerary> {
        case.handsets.iter().map(|&handset| (handset, itinerary(&scenario.network, case.seed, handset))).collect()
    }

    pub(super) fn new(scene: &Scene, case: &Case, links: BTreeMap<u32, Itinerary>) -> Result<Self, Error> {
        let process = Process::start();
        let plans = plans(&scene.scenario, case)?;
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock(scene.timeline.clone()));
        let links = Links(Some(Arc::new(links)));
        let whole = plans.values().cloned().collect();
        let simulation = Simulation::new(Rules::of(&scene.scenario), whole, scene.population.clone(), links.clone());
        let address = {
            let _inside = process.enter();
            address(scene, &process)?
        };
        let (sender, completions) = unbounded_channel();
        let making = QrMaking::Modelled(Arc::new(scene.scenario.server.service.clone()));
        let post = CompletionSender::Task(sender);
        let io = Io::new(clock.clone(), address.clone(), making, links, scene.population.clone(), post);
        let observed = Observed::new(scene.population.clone(), scene.journal.clone());
        let (handsets, targets, slow, wrong, cancelling) = Default::default();
        let devices = 0;
        Ok(Self {
            process,
            simulation,
            io,
            completions,
            address,
            clock,
            plans,
            handsets,
            targets,
            observed,
            slow,
            wrong,
            cancelling,
            devices,
        })
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    pub(super) fn next_event(&self) -> Option<Nanos> {
        self.simulation.next_event().map(|at| at.micros() * 1_000)
    }

    /// Returns the accounts that the bank opens.
    pub(super) fn accounts(&self, scene: &Scene) -> Vec<NewAccount> {
        scene.population.bank_accounts(&self.plans.keys().copied().collect())
    }

    /// Lets the world take in what has happened; returns the commands that users take their time for, or `None` when
    /// nothing has happened.
    pub(super) fn live(&mut self, scene: &Scene) -> Option<Vec<(Command, Duration)>> {
        let mut has_happened = false;
        while let Ok(completion) = self.completions.try_recv() {
            has_happened = true;
            if let (EventKind::Answered { response, .. }, Some(&handset)) =
                (&completion.kind, self.handsets.get(&completion.target))
            {
                self.observed.hear(Caller { account: handset, device: 0 }, response, scene.timeline.elapsed());
                self.consider_cancelling(scene, handset, response);
            }
            self.simulation.queue(completion.at, completion.target, completion.kind);
        }
        let now = SimTime::since_start(scene.timeline.elapsed());
        let commands = self.simulation.run_until(now);
        has_happened |= !commands.is_empty();
        let mut delayed = Vec::new();
        for command in commands {
            match self.delay_of(&command) {
                Some(by) => delayed.push((command, by)),
                None => self.submit(scene, command),
            }
        }
        has_happened.then_some(delayed)
    }

    /// Returns how long a user takes for a step, if it is the one that was slowed down.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other request needs no user")]
    fn delay_of(&mut self, command: &Command) -> Option<Duration> {
        let Command::Send { target, request } = command else { return None };
        let step = match request {
            Request::PresentQr { .. } => Step::Qr,
            Request::SubmitCode { .. } => Step::Code,
            _ => return None,
        };
        self.slow.remove(&(*self.handsets.get(target)?, step))
    }

    /// Carries a command out.
    pub(super) fn submit(&mut self, scene: &Scene, command: Command) {
        let _inside = self.process.enter();
        let command = match command {
            Command::Connect { target, handset } => {
                self.handsets.insert(target, handset);
                self.targets.insert(handset, target);
                Command::Connect { target, handset }
            }
            Command::Send { target, request } => {
                let request = match self.handsets.get(&target) {
                    Some(&handset) => self.interfere(scene, handset, request),
                    None => request,
                };
                Command::Send { target, request }
            }
            Command::MakeQr { .. } | Command::Close { .. } => command,
        };
        self.io.submit(command);
    }

    /// Replaces the payload by somebody else's, if the user does that, and notes the request.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other request is sent as it is")]
    fn interfere(&mut self, scene: &Scene, handset: u32, request: Request) -> Request {
        let request = match request {
            Request::PresentQr { payment, payload, proof } => {
                let other = self.wrong.remove(&handset).then(|| payload_of(scene, handset + 1)).flatten();
                Request::PresentQr { payment, payload: other.unwrap_or(payload), proof }
            }
            request => request,
        };
        self.observed.ask(Caller { account: handset, device: 0 }, &request, scene.timeline.elapsed());
        request
    }

    /// Lets a handset die: it forgets everything, and nobody hears of it.
    pub(super) fn kill(&mut self, scene: &Scene, handset: u32) {
        let Some(&target) = self.targets.get(&handset) else { return };
        self.submit(scene, Command::Close { target });
        self.simulation.queue(SimTime::since_start(scene.timeline.elapsed()), target, EventKind::Lost);
    }

    pub(super) fn slow_down(&mut self, handset: u32, step: Step, by: Duration) {
        self.slow.insert((handset, step), by);
    }

    pub(super) fn present_wrong(&mut self, handset: u32) {
        self.wrong.insert(handset);
    }

    pub(super) fn let_cancel(&mut self, handset: u32) {
        self.cancelling.insert(handset);
    }

    /// Lets users be as usual, and links too.
    pub(super) fn heal(&mut self, scene: &Scene) {
        self.slow.clear();
        self.wrong.clear();
        self.cancelling.clear();
        for &handset in self.plans.keys() {
            scene.timeline.with_fabric(|fabric| fabric.weather(handset).into_iter().for_each(calm));
        }
    }

    /// Gives up a payment whose outcome is unknown, if its user is of that kind.
    fn consider_cancelling(&mut self, scene: &Scene, handset: u32, response: &Response) {
        let Response::Refused(Refusal::UnknownOutcome { payment }) = response else { return };
        if self.cancelling.remove(&handset) {
            let (device, payment, clock) = (self.device(handset), *payment, self.clock.clone());
            self.act(scene, handset, move |owner| async move {
                clock.sleep(DECISION).await;
                device.cancel(&owner, payment).await;
            });
        }
    }

    /// Pays a handset's last due order from a second device too.
    pub(super) fn pay_twice(&mut self, scene: &Scene, handset: u32) {
        let now = SimTime::since_start(scene.timeline.elapsed());
        let Some(plan) = self.plans.get(&handset) else { return };
        let is_payment = |planned: &&PlannedTransaction| matches!(planned.task, Task::Pay { .. });
        let Some(planned) = plan.transactions.iter().filter(is_payment).rfind(|planned| planned.at <= now) else {
            return;
        };
        let identity = Identity { handset, presenter: handset, account: handset, scheme: plan.scheme };
        let Some(payload) = payload_of(scene, handset) else { return };
        let planned = *planned;
        let device = self.device(handset);
        self.act(scene, handset, move |owner| async move { device.pay(identity, planned, payload, &owner).await });
    }

    fn act<F: Future<Output = ()> + Send + 'static>(
        &self,
        scene: &Scene,
        handset: u32,
        act: impl FnOnce(OwnerOf) -> F,
    ) {
        let population = scene.population.clone();
        if population.owners.contains_key(&handset) {
            self.process.spawn(act(OwnerOf { population, handset }));
        }
    }

    fn device(&mut self, handset: u32) -> Device {
        self.devices += 1;
        let caller = Caller { account: handset, device: self.devices };
        Device { caller, address: self.address.clone(), clock: self.clock.clone(), observed: self.observed.clone() }
    }

    /// Lets every user try what has not come to its end.
    pub(super) fn try_again(&mut self, scene: &Scene) {
        let mut at = scene.timeline.elapsed();
        for (handset, plan) in &self.plans {
            let Some(&target) = self.targets.get(handset) else { continue };
            for planned in plan.transactions.iter().filter(|planned| is_open(&self.observed, *handset, planned)) {
                at += STAGGER;
                let at = SimTime::since_start(at);
                let again = PlannedTransaction { at, slip: Slip::None, tries_again: false, round: 1, ..*planned };
                self.simulation.queue(at, target, EventKind::Due(again));
            }
        }
    }

    /// Ends all handsets; returns what was seen.
    pub(super) fn end(self) -> Observed {
        drop(self.io);
        self.process.kill();
        self.observed
    }
}

/// A handle on an owner that a task can keep.
pub(super) struct OwnerOf {
    population: Arc<crate::people::Population>,
    handset: u32,
}

impl std::ops::Deref for OwnerOf {
    type Target = Owner;

    fn deref(&self) -> &Owner {
        &self.population.owners[&self.handset]
    }
}

/// Leaves of a handset's weather the port that a NAT gave alone.
fn calm(weather: &mut Weather) {
    *weather = Weather { rebound: weather.rebound, ..Weather::default() };
}

/// Returns the key of an order, as the handset names it.
pub(super) fn key_of(handset: u32, planned: &PlannedTransaction) -> String {
    format!("h{handset}-t{}", planned.number)
}

/// Returns whether a payment of an account that was opened has not come to its end.
pub(super) fn is_open(observed: &Observed, handset: u32, planned: &PlannedTransaction) -> bool {
    let (seen, order) = (observed.seen(), (handset, key_of(handset, planned)));
    let is_acknowledged = seen.acks.iter().any(|ack| ack.account == order.0 && ack.key == order.1);
    matches!(planned.task, Task::Pay { .. })
        && seen.registered.contains(&handset)
        && !is_acknowledged
        && !seen.over.contains(&order)
}

/// Draws the plans of a case's handsets: everybody presents the stored QR, and tries again.
pub(super) fn plans(scenario: &Scenario, case: &Case) -> Result<BTreeMap<u32, HandsetPlan>, Error> {
    let scenario = Scenario { seed: case.seed, ..scenario.clone() };
    let mut plans = BTreeMap::new();
    for mut plan in plan::draw(&scenario, Shard::WHOLE)? {
        if plan.is_impostor() || !case.handsets.contains(&plan.handset) {
            continue;
        }
        for planned in &mut plan.transactions {
            planned.tries_again = true;
            if let Task::Pay { journey, .. } = &mut planned.task {
                *journey = Journey::Stored;
            }
        }
        plan.transactions.truncate(1 + case.payments as usize);
        plans.insert(plan.handset, plan);
    }
    Ok(plans)
}

fn payload_of(scene: &Scene, handset: u32) -> Option<PayloadBytes> {
    let owners = &scene.population.owners;
    let owner = owners.get(&handset).or_else(|| owners.values().next())?;
    PayloadBytes::new(owner.enrolments.values().next()?.payload.to_bytes()).ok()
}

/// Opens the handsets' end of the network. Must be called within their process.
fn address(scene: &Scene, process: &Process) -> Result<ServerAddress, Error> {
    let failed = |why: String| Error::Start { component: "handsets", why };
    let identity = Certificate::development_of(&scene.keys.certificate).map_err(|error| failed(error.to_string()))?;
    let mut config = client_config(&identity.chain, &scene.tls).map_err(|error| failed(error.to_string()))?;
    let mut transport = handset_transport(&scene.scenario.network);
    // An app in the foreground: a user who takes minutes for a step does not lose the connection over it.
    transport.keep_alive_interval(Some(KEEP_ALIVE));
    config.transport_config(Arc::new(transport));
    tls::seed_first_ids(&mut config, scene.seed, "hunt/first-ids");
    let endpoint = open_as(&scene.timeline, End::Handsets, scene.seed, process.alive())?;
    Ok(ServerAddress::Virtual { endpoint, config, name: DEVELOPMENT_NAMES[0].to_owned() })
}
