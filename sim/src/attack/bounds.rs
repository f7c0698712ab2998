//! The bounds of an attack on a server that the run did not start: its rate and its time.

use crate::scenario::Scenario;
use biopay_server::env::Clock;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// The bounds of an attack on a server that the run did not start.
pub(super) struct Bounds {
    limiter: DefaultDirectRateLimiter,
    /// The instant of the attack's end.
    pub until: Duration,
    /// The end of each idempotency key: the orders of an earlier run are not asked for again.
    pub order_mark: String,
}

impl Bounds {
    /// Takes the bounds from a scenario; the time begins now.
    pub(super) fn of(scenario: &Scenario, clock: &dyn Clock) -> Self {
        let between = Duration::from_secs_f64(1.0 / scenario.server.attack_requests_per_s);
        let quota = Quota::with_period(between).map(|quota| quota.allow_burst(NonZeroU32::MIN));
        Self {
            limiter: RateLimiter::direct(quota.unwrap_or(Quota::per_second(NonZeroU32::MIN))),
            until: clock.elapsed() + Duration::from_secs_f64(scenario.server.attack_seconds),
            order_mark: format!("-{}", clock.unix_ms()),
        }
    }

    /// Waits until the next request may be sent.
    pub(super) async fn pace(&self, clock: &dyn Clock) {
        while let Err(early) = self.limiter.check() {
            clock.sleep(early.wait_time_from(DefaultClock::default().now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use biopay_server::env::system::SystemClock;

    #[test]
    fn requests_keep_their_distance() {
        let mut scenario = Scenario::default();
        scenario.server.attack_requests_per_s = 100.0;
        let clock = SystemClock::new();
        let bounds = Bounds::of(&scenario, &clock);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = clock.elapsed();
        runtime.block_on(async {
            for _ in 0..11 {
                bounds.pace(&clock).await;
            }
        });
        let took = clock.elapsed() - begun;
        assert!(took >= Duration::from_millis(95), "eleven requests at 100 a second took {took:?}");
    }
}
