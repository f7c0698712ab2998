//! What can go wrong between an acquirer and a bank, on purpose and by probability.

use super::host::Host;
use crate::env::Env;
use crate::iso8583::{Message, Mti};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Holds the knobs; every probability is in [0, 1] and drawn for each message that moves money.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Faults {
    /// Seeds the draws.
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
    /// The charge is declined whatever the account says.
    pub decline: f64,
}

impl Faults {
    /// Says whether every probability is one.
    pub fn is_valid(&self) -> bool {
        let all = [self.drop_request, self.drop_reply, self.duplicate, self.reorder, self.late, self.decline];
        all.iter().all(|probability| (0.0..=1.0).contains(probability))
    }
}

/// Is a host behind the faults.
#[derive(Clone)]
pub struct FaultyHost {
    host: Host,
    faults: Faults,
    env: Env,
    rng: Arc<Mutex<ChaCha8Rng>>,
}

/// Says what happens to one message.
#[derive(Clone, Copy, Debug)]
struct Fate {
    drop_request: bool,
    drop_reply: bool,
    duplicate: bool,
    decline: bool,
    wait: Duration,
}

impl FaultyHost {
    /// Puts the faults before a host.
    pub fn new(host: Host, faults: Faults, env: Env) -> Self {
        let rng = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(faults.seed)));
        Self { host, faults, env, rng }
    }

    /// Answers a message not at all, once, or twice, sooner or later.
    pub async fn answers(&self, request: &Message) -> Vec<Message> {
        let fate = self.draw(request.mti());
        if fate.drop_request {
            return Vec::new();
        }
        let mut answers = Vec::new();
        for _ in 0..1 + usize::from(fate.duplicate) {
            let decline = fate.decline && is_charge(request.mti());
            answers.extend(if decline {
                Some(self.host.decline(request).await)
            } else {
                self.host.answer(request).await
            });
        }
        self.env.clock.sleep(fate.wait).await;
        if fate.drop_reply {
            answers.clear();
        }
        answers
    }

    fn draw(&self, mti: Mti) -> Fate {
        let faults = &self.faults;
        let delay = Duration::from_millis(u64::from(faults.delay_ms));
        if mti == Mti::NETWORK || mti == Mti::VERIFY {
            return Fate { drop_request: false, drop_reply: false, duplicate: false, decline: false, wait: delay };
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        // Every message draws the same number of times, so that one knob does not change what another draws.
        let mut happens = |probability: f64| rng.random_bool(probability);
        let (drop_request, drop_reply) = (happens(faults.drop_request), happens(faults.drop_reply));
        let (duplicate, decline) = (happens(faults.duplicate), happens(faults.decline));
        let (reorder, late) = (happens(faults.reorder), happens(faults.late));
        let overtaken_ms = rng.random_range(0..=faults.reorder_ms);
        let extra_ms = if reorder { overtaken_ms } else { 0 } + if late { faults.late_ms } else { 0 };
        let wait = delay + Duration::from_millis(u64::from(extra_ms));
        Fate { drop_request, drop_reply, duplicate, decline, wait }
    }
}

fn is_charge(mti: Mti) -> bool {
    matches!(mti, Mti::CHARGE | Mti::CHARGE_REPEAT)
}
