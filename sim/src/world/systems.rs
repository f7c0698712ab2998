//! The system that processes events, instant by instant.

use super::command::{Command, Made, NotMade, QrJob, QrSource};
use super::event::EventKind;
use super::event::Links;
use super::handset::{Active, Current, Identity, Itinerary, KeptConnection, mistyped};
use super::queue::{Event, EventQueue};
use super::resources::{AccountState, Accounts, Now, Outbox, People, Rules, Tally};
use crate::network::ProfileId;
use crate::people::plan::{Journey, PlannedTransaction, Slip, Task};
use crate::people::population::{probe_key, sensor_of};
use crate::world::outcome::{Ending, is_mendable, qr_was_accepted, qr_was_compared};
use crate::world::recorder::Recorder;
use bevy_ecs::prelude::{Entity, Local, Query, Res, ResMut};
use bevy_ecs::system::SystemParam;
use biopay_biometrics::scheme::HelperData;
use biopay_protocol::client::{Input, Outcome, Step};
use biopay_protocol::{HelperBytes, Refusal, Response, Secret};
use biopay_reports::records::GENERATOR_LAG;
use biopay_reports::records::Operation;
use std::time::Duration;

/// The interval at which an impostor checks whether the victim has registered.
const VICTIM_CHECK: Duration = Duration::from_millis(250);

/// The shared state of the systems.
#[derive(SystemParam)]
pub(super) struct Shared<'w> {
    now: ResMut<'w, Now>,
    people: Res<'w, People>,
    links: Res<'w, Links>,
    rules: Res<'w, Rules>,
    accounts: ResMut<'w, Accounts>,
    queue: ResMut<'w, EventQueue<EventKind>>,
    outbox: ResMut<'w, Outbox>,
    recorder: ResMut<'w, Recorder>,
    tally: ResMut<'w, Tally>,
}

type Handsets<'w, 's> =
    Query<'w, 's, (&'static Identity, &'static mut Itinerary, &'static mut Current, &'static mut KeptConnection)>;

/// Processes every event that is due, instant by instant: due transactions are queued at their handsets, answers are
/// passed to the waiting sessions, and free handsets begin waiting transactions.
pub(super) fn live(mut shared: Shared<'_>, mut handsets: Handsets<'_, '_>, mut due: Local<'_, Vec<Event<EventKind>>>) {
    while let Some(instant) = shared.queue.pop_instant(shared.now.clock, &mut due) {
        shared.now.instant = instant;
        shared.note_lateness(&due);
        shared.announce(&due, &mut handsets);
        shared.advance(&due, &mut handsets);
        shared.begin(&due, &mut handsets);
    }
}

enum Start {
    Active(Box<Active>),
    Later,
    Dropped,
}

impl Shared<'_> {
    /// Records the lateness of events whose instant was known before; completions have none.
    fn note_lateness(&mut self, due: &[Event<EventKind>]) {
        let is_scheduled =
            |event: &&Event<_>| matches!(event.kind, EventKind::Due(_) | EventKind::Thought | EventKind::CodeTyped(_));
        if self.rules.can_be_late {
            let late = self.now.clock.since(self.now.instant);
            due.iter().filter(is_scheduled).for_each(|_| self.recorder.latency(GENERATOR_LAG, self.now.instant, late));
        }
    }

    /// Queues due transactions at their handsets.
    fn announce(&mut self, due: &[Event<EventKind>], handsets: &mut Handsets<'_, '_>) {
        for event in due {
            if let (EventKind::Due(transaction), Ok((_, mut itinerary, ..))) =
                (&event.kind, handsets.get_mut(event.target))
            {
                itinerary.waiting.push_back(*transaction);
            }
        }
    }

    /// Passes completions to the waiting sessions.
    fn advance(&mut self, due: &[Event<EventKind>], handsets: &mut Handsets<'_, '_>) {
        for event in due {
            let Ok((identity, _, mut current, mut line)) = handsets.get_mut(event.target) else { continue };
            line.follow(&event.kind);
            if let EventKind::Closed(statistics) = &event.kind {
                self.recorder.network(identity, statistics);
                continue;
            }
            let Some(active) = current.0.as_mut() else { continue };
            if let EventKind::Thought = event.kind {
                self.outbox.0.extend(active.thinking.take().map(|job| Command::MakeQr { target: event.target, job }));
                continue;
            }
            let Some(step) = self.take(identity, active, &line, &event.kind) else { continue };
            if self.carry_out(event.target, identity, active, &mut line, step) {
                current.0 = None;
            }
        }
    }

    /// Starts waiting transactions on free handsets, if the account allows it.
    fn begin(&mut self, due: &[Event<EventKind>], handsets: &mut Handsets<'_, '_>) {
        for event in due {
            let Ok((identity, mut itinerary, mut current, mut line)) = handsets.get_mut(event.target) else { continue };
            while current.0.is_none() {
                let Some(planned) = itinerary.waiting.pop_front() else { break };
                match self.start(event.target, identity, &mut line, planned) {
                    Start::Active(active) => current.0 = Some(*active),
                    Start::Dropped => {}
                    Start::Later => {
                        let at = self.now.instant.after(VICTIM_CHECK);
                        self.queue.push(at, event.target, EventKind::Due(PlannedTransaction { at, ..planned }));
                        break;
                    }
                }
            }
        }
    }

    fn start(
        &mut self,
        target: Entity,
        identity: &Identity,
        line: &mut KeptConnection,
        planned: PlannedTransaction,
    ) -> Start {
        let people = self.people.0.clone();
        let account = self.accounts.0[identity.account as usize];
        let is_registration = matches!(planned.task, Task::Register(_));
        if !is_registration && account == AccountState::Pending {
            return Start::Later;
        }
        if !is_registration && account == AccountState::Failed {
            self.tally.dropped += 1;
            self.tally.finished += 1;
            return Start::Dropped;
        }
        let owner = people.owners.get(&identity.account);
        match owner.map(|owner| Active::new(identity, planned, self.now.instant, owner, &self.rules.order_mark)) {
            Some(Ok(mut active)) => {
                self.tally.active += 1;
                self.tally.registering += u64::from(is_registration);
                match active.begin(line) {
                    // The line stood, so that there is something to do at once; nothing ends without an answer.
                    Some(step) => {
                        self.carry_out(target, identity, &mut active, line, step);
                        active.intended = planned.at;
                    }
                    None => self.outbox.0.push(Command::Connect { target, handset: identity.handset }),
                }
                Start::Active(Box::new(active))
            }
            Some(Err(_)) | None => {
                self.accounts.0[identity.account as usize] = AccountState::Failed;
                self.recorder.failure_to_enrol(identity, &planned, self.now.instant);
                self.tally.finished += 1;
                Start::Dropped
            }
        }
    }

    /// Turns an event into the session's next step; `None` when it is not for the session.
    fn take(
        &mut self,
        identity: &Identity,
        active: &mut Active,
        line: &KeptConnection,
        kind: &EventKind,
    ) -> Option<Step> {
        let input = match kind {
            EventKind::Due(_) | EventKind::Closed(_) | EventKind::Thought | EventKind::Dropped => return None,
            EventKind::Connected { handshake, .. } => {
                self.latency(identity, Operation::Connect.name(), *handshake);
                self.intended_latency(Operation::Connect.name(), active);
                return active.begin(line);
            }
            EventKind::Lost if active.session.is_none() => {
                return Some(Step::Done(Outcome::ConnectionLost { payment: None }));
            }
            EventKind::Lost => Input::ConnectionLost,
            EventKind::Answered { response, latency } => {
                self.answered(identity, active, response, *latency);
                Input::Response(response.clone())
            }
            EventKind::QrMade(made) => self.qr_made(active, made),
            EventKind::CodeTyped(code) => Input::Code(code.clone()),
        };
        active.session.as_mut()?.advance(input).ok()
    }

    /// Records a latency, and again under the link's profile if there are several.
    fn latency(&mut self, identity: &Identity, operation: &str, took: Duration) {
        self.recorder.latency(operation, self.now.instant, took);
        if let Some(profile) = self.profile(identity) {
            self.recorder.latency(&format!("{operation}@{}", profile.name()), self.now.instant, took);
        }
    }

    /// Records an operation's latency from the open loop's intended start, where that can differ.
    fn intended_latency(&mut self, operation: &str, active: &Active) {
        if self.rules.can_be_late {
            let now = self.now.instant;
            self.recorder.latency_intended(operation, now, now.since(active.intended));
        }
    }

    /// Returns the link that the handset has now; `None` on the wall clock.
    fn profile(&self, identity: &Identity) -> Option<ProfileId> {
        let links = self.links.0.as_ref()?;
        Some(links.get(&identity.handset)?.at(self.now.instant.micros() * 1_000).id)
    }

    fn answered(&mut self, identity: &Identity, active: &mut Active, response: &Response, latency: Duration) {
        self.recorder.latency(active.operation, self.now.instant, latency);
        self.intended_latency(active.operation, active);
        if matches!(response, Response::LoggedIn { .. }) {
            active.login_end = Some(self.now.instant);
        }
        if matches!(response, Response::Charged(_)) {
            self.latency(identity, Operation::Charge.name(), latency);
            self.intended_latency(Operation::Charge.name(), active);
            let took = self.now.instant.since(active.start).saturating_sub(active.user_time);
            self.latency(identity, Operation::Payment.name(), took);
            let took = self.now.instant.since(active.planned.at).saturating_sub(active.user_time);
            self.recorder.latency_intended(Operation::Payment.name(), self.now.instant, took);
        }
        if active.operation == Operation::PresentQr {
            active.tries += u32::from(qr_was_compared(response));
            active.qr_accepted |= qr_was_accepted(response);
        }
    }

    fn qr_made(&mut self, active: &mut Active, made: &Made) -> Input {
        for (operation, took) in &made.took {
            self.recorder.latency(operation.name(), self.now.instant, *took);
        }
        match &made.payload {
            Ok(payload) => Input::Qr(payload.clone()),
            Err(NotMade::FailureToAcquire) => {
                active.failures_to_acquire += 1;
                Input::NotDerived
            }
            Err(NotMade::FailedToDerive | NotMade::SymbolNotRead) => {
                active.failures_to_derive += 1;
                Input::NotDerived
            }
        }
    }

    /// Carries a step out; returns whether the session is over.
    fn carry_out(
        &mut self,
        target: Entity,
        identity: &Identity,
        active: &mut Active,
        line: &mut KeptConnection,
        step: Step,
    ) -> bool {
        match step {
            Step::Send(request) => {
                active.operation = request.name();
                active.intended = self.now.instant;
                self.outbox.0.push(Command::Send { target, request });
            }
            Step::MakeQr { attempt, helper } => {
                let job = self.qr_job(identity, active, attempt, helper);
                let think = if attempt == 1 { active.planned.think } else { Duration::ZERO };
                if think.is_zero() {
                    self.outbox.0.push(Command::MakeQr { target, job });
                } else {
                    active.user_time += think;
                    active.thinking = Some(job);
                    self.queue.push(self.now.instant.after(think), target, EventKind::Thought);
                }
            }
            Step::EnterCode { .. } if active.planned.slip == Slip::Abandons => {
                self.finish(target, identity, active, line, &Ending::Abandoned);
                return true;
            }
            Step::EnterCode { shown } => {
                let code = typed(active, &shown);
                active.user_time += self.rules.code_entry;
                self.queue.push(self.now.instant.after(self.rules.code_entry), target, EventKind::CodeTyped(code));
            }
            Step::Done(Outcome::Refused(Refusal::LoginTaken)) if self.rules.reuses_accounts => {
                self.finish(target, identity, active, line, &Ending::Reused);
                return true;
            }
            Step::Done(outcome) => {
                self.finish(target, identity, active, line, &Ending::Of(outcome));
                return true;
            }
        }
        false
    }

    fn qr_job(&self, identity: &Identity, active: &Active, attempt: u8, helper: Option<HelperBytes>) -> QrJob {
        let owner = self.people.0.owners.get(&identity.account);
        let enrolment = owner.and_then(|owner| owner.enrolments.get(&identity.scheme));
        let journey = active.journey().unwrap_or(Journey::Stored);
        let source = match sensor_of(journey) {
            None => QrSource::Stored(enrolment.map(|e| e.payload.to_bytes()).unwrap_or_default()),
            Some(sensor) => QrSource::Capture {
                key: probe_key(identity.presenter, sensor, &active.planned, attempt),
                helper: match journey {
                    Journey::Recapture => enrolment.map(|e| e.helper.clone()).unwrap_or(HelperData(Vec::new())),
                    Journey::Stored | Journey::SecondDevice | Journey::Impostor => {
                        HelperData(helper.map(Vec::from).unwrap_or_default())
                    }
                },
            },
        };
        QrJob {
            scheme: identity.scheme,
            source,
            is_scanned: journey == Journey::SecondDevice,
            is_drawn: self.rules.draws_symbols,
        }
    }

    fn finish(
        &mut self,
        target: Entity,
        identity: &Identity,
        active: &Active,
        line: &mut KeptConnection,
        ending: &Ending,
    ) {
        self.recorder.transaction(identity, active, ending, self.now.instant);
        if !self.rules.keeps_connections || line.channel.is_none() {
            *line = KeptConnection::default();
            self.outbox.0.push(Command::Close { target });
        }
        if let Task::Register(_) = active.planned.task {
            let is_open = matches!(ending, Ending::Of(Outcome::Registered) | Ending::Reused);
            let state = if is_open { AccountState::Open } else { AccountState::Failed };
            self.tally.registering -= 1;
            self.tally.registered += u64::from(is_open);
            self.accounts.0[identity.account as usize] = state;
        }
        if active.planned.tries_again && is_mendable(ending) {
            self.try_again(target, active.planned);
        }
        self.tally.active -= 1;
        self.tally.finished += 1;
        self.tally.charged += u64::from(matches!(ending, Ending::Of(Outcome::Charged(_))));
        self.tally.false_accepts += u64::from(active.qr_accepted && active.journey() == Some(Journey::Impostor));
    }

    /// Plans the same payment once more, with nothing typed wrong.
    fn try_again(&mut self, target: Entity, planned: PlannedTransaction) {
        let at = self.now.instant.after(planned.think);
        let again =
            PlannedTransaction { at, slip: Slip::None, tries_again: false, round: planned.round + 1, ..planned };
        self.tally.planned += 1;
        self.queue.push(at, target, EventKind::Due(again));
    }
}

impl KeptConnection {
    /// Follows what happens to the connection.
    fn follow(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Connected { channel, .. } => *self = Self { channel: Some(*channel), is_logged_in: false },
            EventKind::Lost | EventKind::Dropped => *self = Self::default(),
            EventKind::Answered { response, .. } => {
                self.is_logged_in |= matches!(response, Response::LoggedIn { .. });
            }
            EventKind::Due(_)
            | EventKind::QrMade(_)
            | EventKind::Thought
            | EventKind::CodeTyped(_)
            | EventKind::Closed(_) => {}
        }
    }
}

/// Returns the shown code as the user types it, mistyped the first time if the plan asks for it.
fn typed(active: &mut Active, shown: &Secret) -> Secret {
    let is_wrong = active.planned.slip == Slip::WrongCode && active.codes_typed == 0;
    active.codes_typed += 1;
    let wrong = is_wrong.then(|| mistyped(shown).ok()).flatten();
    wrong.unwrap_or_else(|| shown.clone())
}
