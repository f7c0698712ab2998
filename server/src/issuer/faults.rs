//! Injected faults between an acquirer and a bank, each with its probability.

use super::host::Host;
use super::ledger::code;
use crate::env::Env;
use crate::iso8583::{Field, Message, Mti};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The reference in an answer about another payment.
const ANOTHER: &str = "ANOTHERS0001";
const ANOTHERS_APPROVAL: &str = "AN0001";

/// The faults to inject. Every probability lies in [0, 1] and is drawn for each message that moves money.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Faults {
    /// The seed of the draws.
    pub seed: u64,
    /// How long every answer takes at least, in milliseconds.
    pub delay_ms: u32,
    /// The request is lost: nothing happens.
    pub drop_request: f64,
    /// The reply is lost: everything happened.
    pub drop_reply: f64,
    /// The request is worked on twice, and answered twice.
    pub duplicate: f64,
    /// The answer waits, up to [`Self::reorder_ms`], so that later ones overtake it.
    pub reorder: f64,
    /// How long a reordered answer waits at most, in milliseconds.
    pub reorder_ms: u32,
    /// The answer comes only after [`Self::late_ms`], when the acquirer has long given up.
    pub late: f64,
    /// How late a late answer is, in milliseconds.
    pub late_ms: u32,
    /// The answer names another payment.
    pub foreign: f64,
    /// The charge is declined whatever the account says.
    pub decline: f64,
    /// The bank restarts once it has done what was asked: every connection breaks, and no answer under way arrives.
    pub restart: f64,
    /// How long nobody is let in after a restart, in milliseconds.
    pub restart_ms: u32,
}

impl Faults {
    /// Returns whether every probability lies in [0, 1].
    pub fn is_valid(&self) -> bool {
        let lost = [self.drop_request, self.drop_reply, self.restart];
        let late = [self.duplicate, self.reorder, self.late, self.foreign, self.decline];
        lost.iter().chain(&late).all(|probability| (0.0..=1.0).contains(probability))
    }
}

/// A host with injected faults in front of it.
#[derive(Clone)]
pub struct FaultyHost {
    host: Host,
    faults: Arc<Mutex<Faults>>,
    env: Env,
    rng: Arc<Mutex<ChaCha8Rng>>,
    restarts: watch::Sender<u64>,
}

/// The faults that were drawn for one message.
#[derive(Clone, Copy, Debug)]
struct DrawnFaults {
    drop_request: bool,
    drop_reply: bool,
    duplicate: bool,
    foreign: bool,
    decline: bool,
    restart: bool,
    wait: Duration,
}

impl FaultyHost {
    /// Puts the faults before a host.
    pub fn new(host: Host, faults: Faults, env: Env) -> Self {
        let rng = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(faults.seed)));
        let faults = Arc::new(Mutex::new(faults));
        Self { host, faults, env, rng, restarts: watch::Sender::new(0) }
    }

    /// Injects other faults from now on; the draws go on where they are.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns a channel that changes at every restart, when every connection breaks.
    pub fn restarts(&self) -> watch::Receiver<u64> {
        self.restarts.subscribe()
    }

    /// Returns how long nobody is let in after a restart.
    pub fn restart_time(&self) -> Duration {
        Duration::from_millis(u64::from(self.faults().restart_ms))
    }

    /// Answers a message not at all, once, or twice, sooner or later.
    pub async fn answers(&self, request: &Message) -> Vec<Message> {
        let drawn = self.draw(request.mti());
        if drawn.drop_request {
            return Vec::new();
        }
        let mut answers = Vec::new();
        for _ in 0..1 + usize::from(drawn.duplicate) {
            let decline = drawn.decline && is_charge(request.mti());
            answers.extend(if decline {
                Some(self.host.decline(request).await)
            } else {
                self.host.answer(request).await
            });
        }
        if drawn.restart {
            self.restarts.send_modify(|restarts| *restarts += 1);
        } else {
            self.env.clock.sleep(drawn.wait).await;
        }
        if drawn.drop_reply || drawn.restart {
            answers.clear();
        }
        if drawn.foreign {
            answers = answers.into_iter().map(of_another).collect();
        }
        answers
    }

    fn draw(&self, mti: Mti) -> DrawnFaults {
        let faults = &self.faults();
        let delay = Duration::from_millis(u64::from(faults.delay_ms));
        if mti == Mti::NETWORK || mti == Mti::VERIFY {
            let (drop_request, drop_reply, duplicate, foreign, decline, restart) = Default::default();
            return DrawnFaults { drop_request, drop_reply, duplicate, foreign, decline, restart, wait: delay };
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        // Every message draws the same number of times, so that one knob does not change what another draws.
        let mut happens = |probability: f64| rng.random_bool(probability);
        let (drop_request, drop_reply) = (happens(faults.drop_request), happens(faults.drop_reply));
        let (duplicate, decline) = (happens(faults.duplicate), happens(faults.decline));
        let (reorder, late) = (happens(faults.reorder), happens(faults.late));
        let restart = happens(faults.restart);
        // A knob that is not turned draws nothing, so that the draws of earlier versions stay.
        let foreign = faults.foreign > 0.0 && rng.random_bool(faults.foreign);
        let overtaken_ms = rng.random_range(0..=faults.reorder_ms);
        let extra_ms = if reorder { overtaken_ms } else { 0 } + if late { faults.late_ms } else { 0 };
        let wait = delay + Duration::from_millis(u64::from(extra_ms));
        DrawnFaults { drop_request, drop_reply, duplicate, foreign, decline, restart, wait }
    }
}

fn is_charge(mti: Mti) -> bool {
    matches!(mti, Mti::CHARGE | Mti::CHARGE_REPEAT)
}

/// Turns an answer into one to another payment, which ended otherwise.
fn of_another(answer: Message) -> Message {
    let is_approved = answer.text(Field::ResponseCode) == Some(code::APPROVED);
    let answer = answer.with(Field::Reference, ANOTHER);
    if is_approved {
        answer.with(Field::ResponseCode, code::INSUFFICIENT_FUNDS)
    } else {
        answer.with(Field::ResponseCode, code::APPROVED).with(Field::Approval, ANOTHERS_APPROVAL)
    }
}
