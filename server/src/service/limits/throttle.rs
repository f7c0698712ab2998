//! Limits on guessing: counts failures by account and by source, and makes those with too many wait.
//!
//! Nobody can lock somebody else out: what is counted against an account as a whole (so that many sources together
//! cannot guess on, NIST SP 800-63B 5.2.2) does not bind a source from which that account's owner has logged in before.
//!
//! A guess counts as failed before the server checks it, so that parallel guesses count; the count is taken back when
//! the guess was right.

use super::bucket::{Bucket, Time, lock, make_room};
use super::familiar::Familiar;
use super::kept::{Kept, Shared};
use super::line::{Flow, Line, Turn};
use super::places::{Place, Places};
use super::source::{Prefix, Source};
use crate::config::ThrottleConfig;
use crate::env::Env;
use biopay_protocol::{BankAccount, LoginName, Refusal};
use governor::clock::Clock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// How many sources of one network may compute their share of password hashes at a time.
const SOURCES_PER_PREFIX: u32 = 4;
/// How many password hashes an account's owner may wait for at a time, where they have logged in before.
const HASHES_PER_FAMILIAR: u32 = 4;

/// How much of the processor's time for hashes a source, a network and an account's owner take for one hash. The line
/// goes by it: who has taken least is next. A network has four times a source's share, and so has an owner.
const SOURCE_STEP: u64 = 4;
const PREFIX_STEP: u64 = 1;
const FAMILIAR_STEP: u64 = 1;

/// A turn to compute a password hash, with the places that it holds until it is dropped.
pub(crate) struct HashTurn {
    _turn: Turn<Hashing>,
    _places: HashPlace,
}

/// A place in the line for password hashes.
enum HashPlace {
    /// One of the source's and of its network's.
    Shared(#[expect(dead_code, reason = "held until it is dropped")] (Place<Source>, Place<Prefix>)),
    /// One of the account's own, where its owner has logged in before.
    Familiar(#[expect(dead_code, reason = "held until it is dropped")] Place<(LoginName, Source)>),
}

/// Who waits for a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hashing {
    Source(Source),
    Prefix(Prefix),
    Familiar(LoginName, Source),
}

/// The counts of failures, and the limits on them.
pub struct Throttle {
    login: Bucket<(LoginName, Source)>,
    account: Bucket<LoginName>,
    source: Bucket<Source>,
    prefix: Bucket<Prefix>,
    bank_account: Bucket<BankAccount>,
    registrations: Bucket<Source>,
    prefix_registrations: Bucket<Prefix>,
    enquiries: Bucket<Source>,
    requests: Bucket<LoginName>,
    qr: Bucket<(LoginName, Source)>,
    code: Bucket<LoginName>,
    code_messages: Bucket<LoginName>,
    hashes: Places<Source>,
    prefix_hashes: Places<Prefix>,
    familiar_hashes: Places<(LoginName, Source)>,
    line: Line<Hashing>,
    spares_familiar: bool,
    familiar: Familiar,
    shared: Shared,
    /// When the PIN that an account keeps was last right.
    proven_pins: Mutex<BTreeMap<LoginName, Duration>>,
    clock: Time,
}

impl Throttle {
    /// Takes the limits, the surroundings, and the key of the hashes under which the store keeps what was counted.
    #[doc(hidden)]
    pub fn new(config: &ThrottleConfig, env: &Env, key: ring::hmac::Key) -> Self {
        let clock = Time(env.clock.clone());
        let shared = Shared { key: Arc::new(key), changed: Arc::default() };
        Self {
            login: Bucket::kept(config.login, &clock, "login", &shared),
            account: Bucket::kept(config.account, &clock, "account", &shared),
            source: Bucket::kept(config.source, &clock, "source", &shared),
            prefix: Bucket::kept(config.prefix, &clock, "prefix", &shared),
            bank_account: Bucket::kept(config.bank_account, &clock, "bank-account", &shared),
            registrations: Bucket::kept(config.registrations, &clock, "registrations", &shared),
            prefix_registrations: Bucket::kept(config.prefix_registrations, &clock, "prefix-registrations", &shared),
            // These two forget everything within seconds anyway.
            enquiries: Bucket::new(config.enquiries, &clock),
            requests: Bucket::new(config.requests, &clock),
            qr: Bucket::kept(config.qr, &clock, "qr", &shared),
            code: Bucket::kept(config.code, &clock, "code", &shared),
            code_messages: Bucket::kept(config.code_messages, &clock, "code-messages", &shared),
            line: Line::new(env.cpu.hash_places()),
            hashes: Places::new(config.hashes_per_source),
            prefix_hashes: Places::new(config.hashes_per_source.saturating_mul(SOURCES_PER_PREFIX)),
            familiar_hashes: Places::new(HASHES_PER_FAMILIAR),
            spares_familiar: config.spares_familiar,
            familiar: Familiar::new(shared.clone()),
            shared,
            proven_pins: Mutex::default(),
            clock,
        }
    }

    /// Counts a registration, whatever becomes of it: each may ask the bank, compute a hash, and tell whether a name is
    /// taken.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub(crate) fn begin_registration(&self, source: Source) -> Result<(), Refusal> {
        self.registrations.take(&source)?;
        self.prefix_registrations.take(&source.prefix()).inspect_err(|_| self.registrations.give_back(&source))
    }

    /// Counts a request that needs no login and tells nothing about an account.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub fn begin_enquiry(&self, source: Source) -> Result<(), Refusal> {
        self.enquiries.take(&source)
    }

    /// Counts a request of an account that is logged in.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub fn begin_request(&self, name: &LoginName) -> Result<(), Refusal> {
        self.requests.take(name)
    }

    /// Counts a PIN as wrong before the bank is asked about it, so that parallel guesses count too.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub(crate) fn begin_pin(&self, account: &BankAccount) -> Result<(), Refusal> {
        self.bank_account.take(account)
    }

    /// Takes the wrong PIN back: it was right, or the bank did not look at it.
    pub(crate) fn forgive_pin(&self, account: &BankAccount) {
        self.bank_account.give_back(account);
    }

    /// Returns whether the PIN that an account keeps was right before: then it is no guess.
    pub(crate) fn is_pin_proven(&self, name: &LoginName) -> bool {
        lock(&self.proven_pins).contains_key(name)
    }

    /// Notes that the PIN that an account keeps was right.
    pub(crate) fn remember_pin(&self, name: &LoginName) {
        let mut proven = lock(&self.proven_pins);
        make_room(&mut proven);
        proven.insert(name.clone(), self.clock.now());
    }

    /// Counts a login as failed before its password is looked at, so that parallel guesses count too.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub fn begin_login(&self, name: &LoginName, source: Source) -> Result<(), Refusal> {
        let pair = (name.clone(), source);
        if self.is_familiar(&pair) {
            // Whoever else guesses from here, or guesses this account's password, does not keep its owner out.
            return self.login.take(&pair);
        }
        self.source.take(&source)?;
        let taken = self.prefix.take(&source.prefix()).and_then(|()| {
            let rest = self
                .login
                .take(&pair)
                .and_then(|()| self.account.take(name).inspect_err(|_| self.login.give_back(&pair)));
            rest.inspect_err(|_| self.prefix.give_back(&source.prefix()))
        });
        taken.inspect_err(|_| self.source.give_back(&source))
    }

    /// Takes the failure back: the login was right, or was never looked at.
    pub fn forgive_login(&self, name: &LoginName, source: Source) {
        let pair = (name.clone(), source);
        self.login.give_back(&pair);
        if !self.is_familiar(&pair) {
            self.source.give_back(&source);
            self.prefix.give_back(&source.prefix());
            self.account.give_back(name);
        }
    }

    /// Waits for a turn to compute a password hash. Nobody can fill the line alone, and who has had least is next: the
    /// others of one source, the other sources of one network, and owners where they have logged in before.
    ///
    /// # Errors
    ///
    /// [`Refusal::Overloaded`] when the source or its network holds its share, or the line is full of others who have had
    /// less.
    pub(crate) async fn take_hash_turn(&self, name: &LoginName, source: Source) -> Result<HashTurn, Refusal> {
        let pair = (name.clone(), source);
        let is_familiar = self.is_familiar(&pair);
        let place = if is_familiar {
            self.familiar_hashes.take(pair).map(HashPlace::Familiar)
        } else {
            self.hashes.take(source).zip(self.prefix_hashes.take(source.prefix())).map(HashPlace::Shared)
        };
        let places = place.ok_or(Refusal::Overloaded)?;
        let flows = if is_familiar {
            vec![Flow { who: Hashing::Familiar(name.clone(), source), step: FAMILIAR_STEP }]
        } else {
            let (source, prefix) = (Hashing::Source(source), Hashing::Prefix(source.prefix()));
            vec![Flow { who: source, step: SOURCE_STEP }, Flow { who: prefix, step: PREFIX_STEP }]
        };
        let turn = self.line.enter(&flows).await.ok_or(Refusal::Overloaded)?;
        Ok(HashTurn { _turn: turn, _places: places })
    }

    /// Returns how many wait for a turn to hash.
    pub(crate) fn waiting_hashes(&self) -> usize {
        self.line.waiting()
    }

    /// Returns the limits with their names and the number of keys that each counts now.
    pub(crate) fn counted(&self) -> [(&'static str, usize); 12] {
        [
            ("login", self.login.len()),
            ("account", self.account.len()),
            ("source", self.source.len()),
            ("prefix", self.prefix.len()),
            ("bank-account", self.bank_account.len()),
            ("registrations", self.registrations.len()),
            ("prefix-registrations", self.prefix_registrations.len()),
            ("enquiries", self.enquiries.len()),
            ("requests", self.requests.len()),
            ("qr", self.qr.len()),
            ("code", self.code.len()),
            ("code-messages", self.code_messages.len()),
        ]
    }

    /// Returns the limits that the store keeps.
    pub(crate) fn kept(&self) -> Vec<&dyn Kept> {
        vec![
            &self.familiar,
            &self.login,
            &self.account,
            &self.source,
            &self.prefix,
            &self.bank_account,
            &self.registrations,
            &self.prefix_registrations,
            &self.qr,
            &self.code,
            &self.code_messages,
        ]
    }

    /// Returns what is woken when there is something to tell the store.
    pub(crate) fn changed(&self) -> &Notify {
        &self.shared.changed
    }

    fn is_familiar(&self, pair: &(LoginName, Source)) -> bool {
        self.spares_familiar && self.familiar.contains(pair)
    }

    /// Notes that the account's owner logs in from here. Call it after [`Self::forgive_login`].
    pub fn remember(&self, name: &LoginName, source: Source) {
        let now_ms = i64::try_from(self.clock.0.unix_ms()).unwrap_or(i64::MAX);
        self.familiar.remember((name.clone(), source), now_ms);
    }

    /// Counts a presented QR as wrong before it is looked at.
    ///
    /// # Errors
    ///
    /// [`Refusal::Throttled`] when there were too many.
    pub fn begin_qr(&self, name: &LoginName, source: Source) -> Result<(), Refusal> {
        self.qr.take(&(name.clone(), source))
    }

    /// Takes the wrong QR back: it was right, or was never looked at.
    pub fn forgive_qr(&self, name: &LoginName, source: Source) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FailureLimit;
    use crate::service::limits::clock::HandClock;
    use std::net::IpAddr;

    fn throttle() -> (Throttle, Arc<HandClock>) {
        let limit = |burst, refill_ms| FailureLimit { burst, refill_ms };
        let (login, qr) = (limit(3, 10_000), limit(2, 10_000));
        let (account, source) = (limit(5, 10_000), limit(100, 1_000));
        let config = ThrottleConfig { login, qr, account, source, ..ThrottleConfig::default() };
        let clock = Arc::new(HandClock::default());
        (of(&config, clock.clone()), clock)
    }

    fn of(config: &ThrottleConfig, clock: Arc<HandClock>) -> Throttle {
        let env = Env { clock, ..crate::env::system::env(1, 1) };
        Throttle::new(config, &env, ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 32]))
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
        let throttle = of(&config, Arc::new(HandClock::default()));
        throttle.remember(&name(), source(1));
        (2..50).for_each(|n| drop(throttle.begin_login(&name(), source(n))));
        assert!(throttle.begin_login(&name(), source(1)).is_err());
    }
}
