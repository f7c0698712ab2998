//! A run in virtual time: one server for everybody, or one for each account.

use super::VirtualClock;
use super::executor::run;
use super::server::VirtualServer;
use super::timeline::Timeline;
use crate::Error;
use crate::io::driver::drive;
use crate::io::{CompletionSender, Io, QrMaking};
use crate::network::{Fabric, Host, Itinerary, ProfileId};
use crate::people::plan::HandsetPlan;
use crate::people::population::Population;
use crate::played::{Books, Played, status};
use crate::progress::Stage;
use crate::scenario::{ClockKind, Network, Scenario, ServerSettings, ServiceModel, us};
use crate::stop::Stop;
use crate::world::event::Links;
use crate::world::{Rules, Simulation, Tally};
use biopay_datasets::stream::stream;
use biopay_reports::manifest::Completion;
use biopay_reports::records::{Component, EVENTS, ServerFigure};
use biopay_reports::run_folder::Records;
use biopay_server::env::Clock;
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// Plays the plans of a population to their end.
pub fn play(
    scenario: &Scenario,
    plans: Vec<HandsetPlan>,
    population: &Arc<Population>,
    stop: &Stop,
) -> Result<Played, Error> {
    let planned = plans.iter().map(|p| p.transactions.len() as u64).sum();
    let stage = Stage::new("registering and paying", planned);
    let mut whole = Whole::default();
    for together in meeting(&scenario.server, plans) {
        let mut progress = |t: Tally, at: Duration| {
            let (finished, planned) = (whole.finished + t.finished, planned.max(whole.finished + t.planned));
            stage.progress(finished, planned, &status(&t, ClockKind::Virtual, at));
        };
        let part = play_together(scenario, together, population, stop, &mut progress)?;
        whole.add(part);
        if whole.is_partial {
            break;
        }
    }
    stage.finish();
    Ok(whole.into_played(&scenario.server))
}

/// Assigns plans to servers: all to one, or those of each account to their own.
fn meeting(server: &ServerSettings, plans: Vec<HandsetPlan>) -> Vec<Vec<HandsetPlan>> {
    if server.shared {
        return vec![plans];
    }
    let mut by_account: BTreeMap<u32, Vec<HandsetPlan>> = BTreeMap::new();
    for plan in plans {
        by_account.entry(plan.account).or_default().push(plan);
    }
    by_account.into_values().collect()
}

/// The results of the handsets at one server.
struct Part {
    records: Records,
    completion: Completion,
    duration: Duration,
    finished: u64,
}

fn play_together(
    scenario: &Scenario,
    plans: Vec<HandsetPlan>,
    population: &Arc<Population>,
    stop: &Stop,
    progress: &mut dyn FnMut(Tally, Duration),
) -> Result<Part, Error> {
    let handsets: Vec<u32> = plans.iter().map(|plan| plan.handset).collect();
    let owners: BTreeSet<u32> = plans.iter().map(|plan| plan.account).collect();
    // A server of one account draws otherwise than another's: the account is part of its seed.
    let seed = match scenario.server.shared {
        true => scenario.seed,
        false => stream(scenario.seed, "sim/isolated", plans.first().map_or(0, |p| u64::from(p.account))).random(),
    };
    let links: BTreeMap<u32, Itinerary> =
        handsets.iter().map(|&h| (h, itinerary(&scenario.network, scenario.seed, h))).collect();
    let fabric = Fabric::new(scenario.seed, links.clone(), host(&scenario.server.service));
    let timeline = Timeline::new(fabric);
    let links = Links(has_profiles(&scenario.network).then(|| Arc::new(links)));
    let mut simulation = Simulation::new(Rules::of(scenario), plans, population.clone(), links.clone());
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock(timeline.clone()));
    let playing = async {
        let server = {
            let (registry, accounts) = (population.registry.clone(), population.bank_accounts(&owners));
            VirtualServer::start(&scenario.server, &scenario.network, registry, accounts, &timeline, seed)
        }
        .await?;
        let making = QrMaking::Modelled(Arc::new(scenario.server.service.clone()));
        let (sender, completions) = unbounded_channel();
        let (address, post) = (server.address(), CompletionSender::Task(sender));
        let io = Io::new(clock.clone(), address, making, links, population.clone(), post);
        let told = clock.clone();
        let mut progress = |tally: Tally| progress(tally, told.elapsed());
        let completion = drive(&mut simulation, io, completions, clock.clone(), stop.signal(), &mut progress).await?;
        Ok((completion, server.finish().await?))
    };
    let (completion, figures) = run(&timeline, async {
        tokio::select! {
            biased;
            played = playing => played,
            () = timeline.stalled() => Err(Error::InvalidRun(STALLED.into())),
        }
    })?;
    let finished = simulation.tally().finished;
    let mut records = simulation.into_recorder().records;
    records.server = figures;
    records.server.extend(traffic(&timeline));
    let (component, name) = (Component::Simulator.name().into(), EVENTS.into());
    records.server.push(ServerFigure { component, name, value: timeline.events() as f64 });
    Ok(Part { records, completion, duration: timeline.elapsed(), finished })
}

fn has_profiles(network: &Network) -> bool {
    !network.mobility.is_empty() || network.mix.iter().any(|(id, w)| *id != ProfileId::Loopback && *w > 0.0)
}

/// Returns the server's machine with its network costs.
pub(crate) fn host(service: &ServiceModel) -> Host {
    Host {
        cores: service.cores,
        datagram: us(service.datagram_us),
        handshake: us(service.handshake_us),
        wakeup: us(service.wakeup_us),
    }
}

/// Draws the links of a handset: a share of handsets moves, the others have one link of the mix.
pub(crate) fn itinerary(network: &Network, seed: u64, handset: u32) -> Itinerary {
    let mut rng = stream(seed, "sim/links", u64::from(handset));
    let mut left: f64 = rng.random();
    for mobility in &network.mobility {
        left -= mobility.share;
        if left < 0.0 {
            let legs: Vec<_> = mobility.legs.iter().map(|leg| (leg.at_s, leg.profile)).collect();
            return Itinerary::round(&legs, mobility.period_s).expect("the scenario's check has gone round it");
        }
    }
    let mut left = rng.random::<f64>() * network.mix.values().sum::<f64>();
    for (&profile, weight) in &network.mix {
        left -= weight;
        if left < 0.0 {
            return Itinerary::fixed(profile);
        }
    }
    Itinerary::fixed(*network.mix.keys().next_back().expect("the scenario's check has found a weight"))
}

/// Returns each link profile's traffic as rows `PROFILE.DIRECTION.COUNTER` of the component `network`.
fn traffic(timeline: &Timeline) -> Vec<ServerFigure> {
    let row = |name: String, value: u64| ServerFigure {
        component: Component::Network.name().into(),
        name,
        value: value as f64,
    };
    timeline.with_fabric(|fabric| {
        let rows = fabric.traffic().iter().flat_map(|((profile, direction), traffic)| {
            let name = |counter: &str| format!("{}.{direction}.{counter}", profile.name());
            [
                row(name("datagrams"), traffic.sent),
                row(name("lost"), traffic.lost),
                row(name("dropped"), traffic.dropped),
                row(name("bytes"), traffic.bytes),
            ]
        });
        rows.collect()
    })
}

/// The sum of the parts.
#[derive(Default)]
struct Whole {
    records: Records,
    figures: BTreeMap<(String, String), f64>,
    duration: Duration,
    finished: u64,
    is_partial: bool,
}

impl Whole {
    fn add(&mut self, part: Part) {
        let Records { transactions, attacks, network, server, latency, .. } = part.records;
        self.records.transactions.extend(transactions);
        self.records.attacks.extend(attacks);
        self.records.network.extend(network);
        self.records.latency.merge(&latency);
        for ServerFigure { component, name, value } in server {
            *self.figures.entry((component, name)).or_default() += value;
        }
        self.duration = self.duration.max(part.duration);
        self.finished += part.finished;
        self.is_partial |= part.completion == Completion::Partial;
    }

    fn into_played(mut self, server: &ServerSettings) -> Played {
        let shared = server.shared;
        let figures = self.figures.into_iter().filter(|((_, name), _)| shared || is_sum(name));
        let row = |((component, name), value)| ServerFigure { component, name, value };
        self.records.server = figures.map(row).collect();
        let completion = if self.is_partial { Completion::Partial } else { Completion::Complete };
        let meeting = if shared { SHARED } else { ISOLATED };
        Played {
            records: self.records,
            completion,
            duration: self.duration,
            started_unix_s: 0,
            notes: [NOTE, meeting].map(String::from).to_vec(),
            invalid: Vec::new(),
            books: Books::Seen,
            noise: None,
        }
    }
}

/// Returns whether a figure of several servers can be summed.
pub fn is_sum(name: &str) -> bool {
    let is_level = ["_share", "_per_transaction", "peak_bytes"].iter().any(|end| name.ends_with(end));
    !name.contains("latency_us") && name != "uptime_ms" && !is_level
}

const STALLED: &str = "no event was left before the end of the run, which is a fault of the simulator: please report it with scenario and seed";
const NOTE: &str = "Virtual time: real handset, server and bank code over real QUIC on a simulated network, in one process; processor and disk take the times of server.service.";
const SHARED: &str = "All handsets of the run share one server and wait for each other there; a run in shards has one server for each shard, so that its waiting times differ from the whole run's.";
const ISOLATED: &str =
    "Each account has its own server, so that nobody waits for anybody else; figures of the servers are sums.";
