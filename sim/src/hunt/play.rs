//! One hunted run: all processes on one timeline, turn by turn.
//!
//! ```text
//! ┌► every process runs until nothing in it can go on ─► the dead are buried, and started again later
//! │        ─► handsets live on ─► the faults that are due ─► the clock jumps to whatever is next ─┐
//! └───────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use super::bank::Bank;
use super::checks;
use super::crowd::Crowd;
use super::disk::PowerCut;
use super::fault::{Case, Entry, FaultKind};
use super::findings::{Checker, Finding};
use super::journal::{Line, Who, digest};
use super::log::Listener;
use super::process::Process;
use super::scene::Scene;
use super::server::{Role, Server};
use super::times::{END, FAULTS_UNTIL, RETRIES};
use crate::people::Population;
use crate::time::Nanos;
use crate::virtual_time::play::host;
use crate::virtual_time::{Timeline, Timer};
use crate::world::command::Command;
use crate::{Error, Scenario};
use biopay_server::planted::{PlantedBug, plant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

/// How long a supervisor waits before it starts a process again that has ended by itself.
const SUPERVISED: Duration = Duration::from_secs(1);

/// The results of one run.
#[derive(Debug)]
pub struct Played {
    /// The violations.
    pub findings: Vec<Finding>,
    /// The journal.
    pub lines: Vec<Line>,
    /// The digest of the journal.
    pub digest: String,
    /// How often each kind of fault was injected.
    pub injected: BTreeMap<FaultKind, u64>,
    /// What the run reached: answers, states of payments, pairs of faults.
    pub reached: BTreeSet<String>,
    /// Charges that were acknowledged.
    pub acknowledged: u64,
    /// The time that passed in it.
    pub lasted: Duration,
}

/// Something that is due at an instant.
#[derive(Debug)]
pub(super) enum Action {
    Begin(Entry),
    End(Entry),
    StartServer,
    StartBank,
    RotateKeys,
    Heal,
    Retry,
    Submit(Command),
}

/// A run under way.
pub(super) struct Run {
    pub(super) scene: Arc<Scene>,
    pub(super) crowd: Crowd,
    pub(super) server: Option<Server>,
    pub(super) standby: Option<Server>,
    pub(super) bank: Option<Bank>,
    pub(super) operators: Vec<Process>,
    pub(super) injected: BTreeMap<FaultKind, u64>,
    /// How the server and the bank die, if they do at a change of their disks.
    pub(super) server_dies: (PowerCut, Duration),
    pub(super) bank_dies: (PowerCut, Duration),
    agenda: BTreeMap<(Nanos, u64), Action>,
    numbered: u64,
    processes: u32,
}

/// Plays a case to its end, or to an event of its journal.
///
/// # Errors
///
/// [`Error::Usage`] for a planted bug in a program without them; [`Error::InvalidRun`] if the books cannot be read.
pub(super) fn play(
    scenario: &Arc<Scenario>,
    population: &Arc<Population>,
    case: &Case,
    bug: Option<PlantedBug>,
    until: Option<usize>,
) -> Result<Played, Error> {
    let planted = bug.map(|bug| plant(bug).ok_or_else(without_bugs)).transpose()?;
    let links = Crowd::links(scenario, case);
    let fabric = crate::network::Fabric::new(case.seed, links.clone(), host(&scenario.server.service));
    let timeline = Timeline::new(fabric);
    let scene = Scene::new(scenario, population, case, &timeline);
    let listener = Listener {
        journal: scene.journal.clone(),
        findings: scene.findings.clone(),
        timeline: timeline.clone(),
        secrets: checks::secrets(population),
    };
    let listening = tracing::subscriber::set_default(listener);
    let mut run = Run::begin(scene.clone(), case, links)?;
    run.play(until);
    let (injected, reached) = (run.injected.clone(), run.reached());
    let observed = run.end();
    if until.is_none() {
        checks::check(&scene, &observed, case)?;
    }
    drop((listening, planted));
    let reached = reached.into_iter().chain(checks::reached(&scene, &observed)?).collect();
    let lines = scene.journal.take();
    Ok(Played {
        findings: scene.findings.take(),
        digest: digest(&lines),
        lines,
        injected,
        reached,
        acknowledged: observed.seen().acks.len() as u64,
        lasted: timeline.elapsed(),
    })
}

fn without_bugs() -> Error {
    Error::Usage("this program has no planted bugs: build it with --features biopay-sim/planted-bugs".into())
}

impl Run {
    fn begin(scene: Arc<Scene>, case: &Case, links: BTreeMap<u32, crate::network::Itinerary>) -> Result<Self, Error> {
        let crowd = Crowd::new(&scene, case, links)?;
        let gentle = (PowerCut::Kept, SUPERVISED);
        let mut run = Self {
            scene,
            crowd,
            server: None,
            standby: None,
            bank: None,
            operators: Vec::new(),
            injected: BTreeMap::new(),
            server_dies: gentle,
            bank_dies: gentle,
            agenda: BTreeMap::new(),
            numbered: 0,
            processes: 0,
        };
        run.start_bank();
        run.start_server();
        for &entry in &case.faults {
            run.at(Duration::from_millis(entry.at_ms), Action::Begin(entry));
        }
        run.at(FAULTS_UNTIL, Action::Heal);
        for at in RETRIES {
            run.at(at, Action::Retry);
        }
        Ok(run)
    }

    fn play(&mut self, until: Option<usize>) {
        let mut alarm: Option<(Nanos, Timer)> = None;
        loop {
            self.run_processes();
            let is_busy = self.bury_the_dead() | self.live() | self.act();
            if until.is_some_and(|until| self.scene.journal.events() >= until) {
                return;
            }
            if is_busy {
                continue;
            }
            let now = self.now();
            if now >= nanos(END) {
                return;
            }
            let due = [self.agenda.keys().next().map(|(at, _)| *at), self.crowd.next_event(), Some(nanos(END))];
            let due = due.into_iter().flatten().min().unwrap_or(now).max(now);
            if alarm.as_ref().is_none_or(|(at, _)| *at != due) {
                let timer = Timer::after(&self.scene.timeline, Duration::from_nanos(due - now));
                // Nobody is woken: the clock only has to stop there.
                let _ = timer.poll(&Context::from_waker(Waker::noop()));
                alarm = Some((due, timer));
            }
            self.scene.timeline.advance();
        }
    }

    /// Runs every process until nothing in any of them can go on.
    fn run_processes(&self) {
        loop {
            let servers = [&self.server, &self.standby].into_iter().flatten().map(|server| &server.process);
            let others = self.bank.iter().map(|bank| &bank.process).chain(&self.operators);
            let woken: Vec<&Process> = std::iter::once(self.crowd.process()).chain(servers).chain(others).collect();
            let woken: Vec<&Process> = woken.into_iter().filter(|process| process.is_woken()).collect();
            if woken.is_empty() {
                return;
            }
            woken.into_iter().for_each(Process::run);
        }
    }

    /// Buries processes that have died or ended, and plans their next start; returns whether there were any.
    fn bury_the_dead(&mut self) -> bool {
        let mut found = false;
        if let Some(server) = self.server.take_if(|server| !server.process.is_alive() || server.ended().is_some()) {
            found = true;
            let dies = if server.process.is_alive() { (PowerCut::Kept, SUPERVISED) } else { self.server_dies };
            self.server = Some(server);
            self.kill_server(dies.0, dies.1);
        }
        if let Some(bank) = self.bank.take_if(|bank| !bank.process.is_alive() || bank.has_ended()) {
            found = true;
            let dies = if bank.process.is_alive() { (PowerCut::Kept, SUPERVISED) } else { self.bank_dies };
            self.bank = Some(bank);
            self.kill_bank(dies.0, dies.1);
        }
        if let Some(standby) = self.standby.take_if(|standby| standby.ended().is_some()) {
            found = true;
            standby.kill(&self.scene, PowerCut::Kept);
        }
        found
    }

    /// Lets handsets go on; returns whether any did.
    fn live(&mut self) -> bool {
        let delayed = self.crowd.live(&self.scene);
        let went_on = delayed.is_some();
        for (command, by) in delayed.into_iter().flatten() {
            // When the faults are over, nobody is slow any more.
            let at = (self.scene.timeline.elapsed() + by).min(FAULTS_UNTIL);
            self.at(at, Action::Submit(command));
        }
        went_on
    }

    /// Does what is due; returns whether anything was.
    fn act(&mut self) -> bool {
        let mut acted = false;
        while let Some(due) =
            self.agenda.first_entry().filter(|due| due.key().0 <= nanos(self.scene.timeline.elapsed()))
        {
            acted = true;
            match due.remove() {
                Action::Begin(entry) => self.begin_fault(entry),
                Action::End(entry) => self.end_fault(entry),
                Action::StartServer => self.start_server(),
                Action::StartBank => self.start_bank(),
                Action::RotateKeys => self.rotate_keys(),
                Action::Heal => self.heal(),
                Action::Retry => self.crowd.try_again(&self.scene),
                Action::Submit(command) => self.crowd.submit(&self.scene, command),
            }
        }
        acted
    }

    pub(super) fn at(&mut self, at: Duration, action: Action) {
        self.numbered += 1;
        self.agenda.insert((nanos(at), self.numbered), action);
    }

    pub(super) fn after(&mut self, delay: Duration, action: Action) {
        let at = self.scene.timeline.elapsed() + delay;
        self.at(at, action);
    }

    fn now(&self) -> Nanos {
        nanos(self.scene.timeline.elapsed())
    }

    pub(super) fn number(&mut self) -> u32 {
        self.processes += 1;
        self.processes
    }

    fn start_server(&mut self) {
        if self.server.is_none() {
            let number = self.number();
            self.server = Some(Server::start(&self.scene, Role::Front, number));
        }
    }

    fn start_bank(&mut self) {
        if self.bank.is_none() {
            let number = self.number();
            self.bank = Some(Bank::start(&self.scene, number, self.crowd.accounts(&self.scene)));
        }
    }

    /// Ends the server, and everything else on its machine if that loses its power; it starts again after a while.
    pub(super) fn kill_server(&mut self, power: PowerCut, down: Duration) {
        let Some(server) = self.server.take() else { return };
        self.scene.journal.note(Who::Server, format!("is dead (the machine's cache is {power:?})"));
        self.scene.timeline.with_fabric(crate::network::Fabric::close_server);
        if power == PowerCut::Lost {
            let gone: Vec<Process> = self.operators.drain(..).collect();
            gone.into_iter().for_each(Process::kill);
            self.standby.take().into_iter().for_each(|standby| standby.kill(&self.scene, PowerCut::Kept));
        }
        server.kill(&self.scene, power);
        self.after(down, Action::StartServer);
    }

    pub(super) fn kill_bank(&mut self, power: PowerCut, down: Duration) {
        let Some(bank) = self.bank.take() else { return };
        self.scene.journal.note(Who::Bank, format!("is dead (the machine's cache is {power:?})"));
        bank.kill(&self.scene, power);
        self.after(down, Action::StartBank);
    }

    fn reached(&self) -> BTreeSet<String> {
        let kinds: Vec<FaultKind> = self.injected.keys().copied().collect();
        let pairs = kinds
            .iter()
            .enumerate()
            .flat_map(|(at, a)| kinds[at + 1..].iter().map(move |b| format!("fault {}+{}", a.name(), b.name())));
        let alone = kinds.iter().map(|kind| format!("fault {}", kind.name()));
        alone.chain(pairs).collect()
    }

    /// Ends every process; returns what handsets saw.
    fn end(mut self) -> super::observed::Observed {
        let is_up = self.server.as_ref().is_some_and(Server::is_serving);
        if self.scene.timeline.elapsed() >= END && !is_up {
            let at = self.scene.timeline.elapsed();
            self.scene.findings.add(Checker::Restart, at, "the server does not come back when the faults are over");
        }
        for server in [self.server.take(), self.standby.take()].into_iter().flatten() {
            server.kill(&self.scene, PowerCut::Kept);
        }
        self.bank.take().into_iter().for_each(|bank| bank.kill(&self.scene, PowerCut::Kept));
        self.operators.into_iter().for_each(Process::kill);
        self.crowd.end()
    }
}

fn nanos(duration: Duration) -> Nanos {
    duration.as_nanos() as Nanos
}
