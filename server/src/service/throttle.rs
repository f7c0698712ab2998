//! Limits on guessing: counts failures by account and by source, and makes those with too many wait.
//!
//! Nobody can lock somebody else out: what is counted against an account as a whole (so that many sources together
//! cannot guess on, NIST SP 800-63B 5.2.2) does not bind a source from which that account's owner has logged in before.
//!
//! The crate `governor` computes the waits over a table of ours. A guess counts as failed before the server checks it, so
//! that parallel guesses count; the count is taken back when the guess was right.

use crate::config::{FailureLimit, ThrottleConfig};
use crate::env;
use biopay_protocol::{LoginName, Refusal};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Entries that one table keeps; beyond that, those nearest to being forgiven are forgotten.
const ENTRIES_MAX: usize = 100_000;

/// The source of a connection: an IPv4 address, or an IPv6 network of 64 bits, which one host has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source([u8; 8]);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        let mut bytes = [0; 8];
        match address.to_canonical() {
            IpAddr::V4(address) => bytes[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes.copy_from_slice(&address.octets()[..8]),
        }
        Self(bytes)
    }
}

/// The counts of failures, and the limits on them.
pub(crate) struct Throttle {
    login: Bucket<(LoginName, Source)>,
    account: Bucket<LoginName>,
    source: Bucket<Source>,
    qr: Bucket<(LoginName, Source)>,
    code: Bucket<LoginName>,
    code_messages: Bucket<LoginName>,
    spares_familiar: bool,
    /// When an account's owner last logged in from a source.
    familiar: Mutex<BTreeMap<(LoginName, Source), Duration>>,
    clock: Time,
}

impl Throttle {
    /// Takes the limits, and what tells the time.
    pub(crate) fn new(config: &ThrottleConfig, clock: Arc<dyn env::Clock>) -> Self {
        let clock = Time(clock);
        Self {
            login: Bucket::new(config.login, &clock),
            account: Bucket::new(config.account, &clock),
            source: Bucket::new(config.source, &clock),
            qr: Bucket::new(config.qr, &clock),
            code: Bucket::new(config.code, &clock),
            code_messages: Bucket::new(config.code_messages, &clock),
            spares_familiar: config.spares_familiar,
            familiar: Mutex::default(),
            clock,
        }
    }

    /// Counts a login as failed before its password is looked at, so that parallel guesses count too.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub(crate) fn begin_login(&self, name: &LoginName, source: Source) -> Result<(), Refusal> {
        let pair = (name.clone(), source);
        self.source.take(&source)?;
        if let Err(wait) = self.login.take(&pair) {
            self.source.give_back(&source);
            return Err(wait);
        }
        let is_familiar = self.is_familiar(&pair);
        match if is_familiar { Ok(()) } else { self.account.take(name) } {
            Ok(()) => Ok(()),
            Err(wait) => {
                self.source.give_back(&source);
                self.login.give_back(&pair);
                Err(wait)
            }
        }
    }

    /// Takes the failure back: the login was right, or was never looked at.
    pub(crate) fn forgive_login(&self, name: &LoginName, source: Source) {
        let pair = (name.clone(), source);
        self.source.give_back(&source);
        self.login.give_back(&pair);
        if !self.is_familiar(&pair) {
            self.account.give_back(name);
        }
    }

    fn is_familiar(&self, pair: &(LoginName, Source)) -> bool {
        self.spares_familiar && lock(&self.familiar).contains_key(pair)
    }

    /// Notes that the account's owner logs in from here. Call it after [`Self::forgive_login`].
    pub(crate) fn remember(&self, name: &LoginName, source: Source) {
        let mut familiar = lock(&self.familiar);
        make_room(&mut familiar);
        familiar.insert((name.clone(), source), self.clock.now());
    }

    /// Counts a presented QR as wrong before it is looked at.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub(crate) fn begin_qr(&self, name: &LoginName, source: Source) -> Result<(), Refusal> {
        self.qr.take(&(name.clone(), source))
    }

    /// Takes the wrong QR back: it was right, or was never looked at.
    pub(crate) fn forgive_qr(&self, name: &LoginName, source: Source) {
        self.qr.give_back(&(name.clone(), source));
    }

    /// Counts a typed code as wrong before it is looked at. The limit is the account's: codes are guessed by who has
    /// login and QR, and nobody else can use it up.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub(crate) fn begin_code(&self, name: &LoginName) -> Result<(), Refusal> {
        self.code.take(name)
    }

    /// Takes the wrong code back: it was right, or was never looked at.
    pub(crate) fn forgive_code(&self, name: &LoginName) {
        self.code.give_back(name);
    }

    /// Counts a code that is sent to the account's owner.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub(crate) fn begin_code_message(&self, name: &LoginName) -> Result<(), Refusal> {
        self.code_messages.take(name)
    }

    /// Takes a sent code back: its payment was made.
    pub(crate) fn forgive_code_message(&self, name: &LoginName) {
        self.code_messages.give_back(name);
    }
}

/// A limit that lets `burst` failures through at once and one more each `refill` (the generic cell rate algorithm, ITU-T
/// I.371).
struct Bucket<K: Ord + Clone + Hash> {
    /// `None` where there is no limit.
    limiter: Option<RateLimiter<K, Table<K>, Time, NoOpMiddleware<Duration>>>,
    table: Table<K>,
    refill: Duration,
}

impl<K: Ord + Clone + Hash> Bucket<K> {
    fn new(limit: FailureLimit, clock: &Time) -> Self {
        let refill = Duration::from_millis(u64::from(limit.refill_ms));
        let quota = NonZeroU32::new(limit.burst).and_then(|burst| Some(Quota::with_period(refill)?.allow_burst(burst)));
        let table = Table(Arc::default());
        let limiter = quota.map(|quota| RateLimiter::new(quota, table.clone(), clock.clone()));
        Self { limiter, table, refill }
    }

    fn take(&self, key: &K) -> Result<(), Refusal> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(limiter.clock().now());
            Refusal::Throttled { retry_after_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1) }
        })
    }

    fn give_back(&self, key: &K) {
        if let Some(forgiven_at) = lock(&self.table.0).get_mut(key) {
            *forgiven_at = forgiven_at.saturating_sub(self.refill.into());
        }
    }
}

/// When all failures of each key are forgiven, counted from the limiter's start.
struct Table<K>(Arc<Mutex<BTreeMap<K, Nanos>>>);

impl<K> Clone for Table<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Ord + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut table = lock(&self.0);
        let (outcome, forgiven_at) = measure(table.get(key).copied())?;
        make_room(&mut table);
        table.insert(key.clone(), forgiven_at);
        Ok(outcome)
    }
}

/// The server's clock, as the limiters need it.
#[derive(Clone)]
struct Time(Arc<dyn env::Clock>);

impl Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Forgets the older half of a full table, so that what an attacker can fill stays bounded.
fn make_room<K: Ord, T: Ord + Copy>(table: &mut BTreeMap<K, T>) {
    if table.len() < ENTRIES_MAX {
        return;
    }
    let mut times: Vec<T> = table.values().copied().collect();
    let (_, &mut median, _) = times.select_nth_unstable(ENTRIES_MAX / 2);
    table.retain(|_, &mut time| time > median);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::BoxFuture;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that moves when the test says so.
    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Hand {
        fn go_on(&self, millis: u64) {
            self.0.fetch_add(millis, Ordering::Relaxed);
        }
    }

    impl env::Clock for Hand {
        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.unix_ms())
        }

        fn unix_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    fn throttle() -> (Throttle, Arc<Hand>) {
        let limit = |burst, refill_ms| FailureLimit { burst, refill_ms };
        let (login, qr) = (limit(3, 10_000), limit(2, 10_000));
        let (account, source) = (limit(5, 10_000), limit(100, 1_000));
        let config = ThrottleConfig { login, qr, account, source, ..ThrottleConfig::default() };
        let clock = Arc::new(Hand::default());
        (Throttle::new(&config, clock.clone()), clock)
    }

    fn source(last: u8) -> Source {
        IpAddr::from([10, 0, 0, last]).into()
    }

    fn name() -> LoginName {
        LoginName::new("ada").unwrap()
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_each_refill() {
        let (throttle, clock) = throttle();
        for _ in 0..3 {
            assert_eq!(throttle.begin_login(&name(), source(1)), Ok(()));
        }
        let wait = Err(Refusal::Throttled { retry_after_ms: 10_000 });
        assert_eq!(throttle.begin_login(&name(), source(1)), wait);
        clock.go_on(10_000);
        assert_eq!(throttle.begin_login(&name(), source(1)), Ok(()));
        assert_eq!(throttle.begin_login(&name(), source(1)), wait);
    }

    #[test]
    fn right_logins_are_never_slowed() {
        let (throttle, _) = throttle();
        for _ in 0..1_000 {
            assert_eq!(throttle.begin_login(&name(), source(1)), Ok(()));
            throttle.forgive_login(&name(), source(1));
        }
    }

    #[test]
    fn many_sources_together_are_slowed_but_not_the_owners() {
        let (throttle, _) = throttle();
        assert_eq!(throttle.begin_login(&name(), source(1)), Ok(()));
        throttle.forgive_login(&name(), source(1));
        throttle.remember(&name(), source(1));
        let let_through = (2..50).filter(|&n| throttle.begin_login(&name(), source(n)).is_ok()).count();
        assert_eq!(let_through, 5);
        assert_eq!(throttle.begin_login(&name(), source(1)), Ok(()));
    }

    #[test]
    fn without_the_owners_exception_many_sources_lock_them_out() {
        let config = ThrottleConfig {
            spares_familiar: false,
            account: FailureLimit { burst: 5, refill_ms: 10_000 },
            ..ThrottleConfig::default()
        };
        let throttle = Throttle::new(&config, Arc::new(Hand::default()));
        throttle.remember(&name(), source(1));
        (2..50).for_each(|n| drop(throttle.begin_login(&name(), source(n))));
        assert!(throttle.begin_login(&name(), source(1)).is_err());
    }

    #[test]
    fn a_flood_of_names_keeps_the_table_bounded() {
        let clock = Arc::new(Hand::default());
        let bucket = Bucket::new(FailureLimit { burst: 1, refill_ms: 1_000 }, &Time(clock.clone()));
        for n in 0..(ENTRIES_MAX as u64 + 10) {
            bucket.take(&n).unwrap();
            clock.go_on(1);
        }
        assert!(lock(&bucket.table.0).len() <= ENTRIES_MAX);
    }

    #[test]
    fn an_ipv6_host_cannot_hop_through_its_network() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
    }
}
