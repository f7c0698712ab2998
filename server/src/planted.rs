//! Bugs that a test can plant: `biopay hunt` has to find each of them. Without the feature `planted-bugs` nothing of them
//! is in the program, and with it none is active until somebody plants it, for one thread.

/// Declares the list of planted bugs.
macro_rules! planted_bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal),+ $(,)?) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum PlantedBug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl PlantedBug {
            /// Every planted bug.
            pub const ALL: &'static [Self] = &[$(Self::$bug),+];

            /// Returns its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

planted_bugs! {
    /// Commits do not wait for the disk.
    SkippedSync = "skipped-sync",
    /// The bank is asked before the intent is durable.
    IntentAfterSend = "intent-after-send",
    /// References are counted from one by each process.
    ReferenceReused = "reference-reused",
    /// A payment that never reached the bank keeps its hold.
    HoldNotVoided = "hold-not-voided",
    /// A code is compared before its age is looked at.
    CodeBeforeExpiry = "code-before-expiry",
    /// Nonces are counted from one by each process.
    NonceReused = "nonce-reused",
    /// The resolver gives up when a round settles nothing.
    ResolverStops = "resolver-stops",
    /// The resolver asks about a pending payment under a new reference.
    SettledTwice = "settled-twice",
    /// A server asks about a live payment of another one without making it durable that it does.
    LiveChargeResolved = "live-charge-resolved",
    /// A lost answer to a commit is a refusal.
    LostCommitRefused = "lost-commit-refused",
    /// A silent link to the bank is used for ever.
    SilentBankLink = "silent-bank-link",
    /// A payment that was voided keeps its idempotency key.
    PoisonedKey = "poisoned-key",
    /// A payment page never ends.
    EndlessPage = "endless-page",
    /// A running server does not take new keys.
    LiveRotation = "live-rotation",
    /// What could not be sent again counts as never sent.
    RepeatNotSent = "repeat-not-sent",
    /// No answer from the bank counts as never sent.
    TimeoutVoids = "timeout-voids",
    /// An answer about another payment is taken.
    ForeignAnswer = "foreign-answer",
    /// A crash's pending payments are not looked for.
    PendingForgotten = "pending-forgotten",
    /// A log line shows an account's number.
    SecretInLog = "secret-in-log",
    /// A retry is not recognised by its idempotency key.
    KeyForgotten = "key-forgotten",
    /// The store goes on after its disk has failed.
    DiskFailureIgnored = "disk-failure-ignored",
    /// The resolver charges all open payments to the account of the first.
    AccountsMixed = "accounts-mixed",
    /// A reversal is recorded without telling the bank.
    ReversalUntold = "reversal-untold",
    /// A late approval posts a payment that was given up.
    ReversedPosted = "reversed-posted",
    /// A starting server voids what was pending.
    VoidedAtStart = "voided-at-start",
    /// A full disk counts as written.
    FullDiskAcknowledged = "full-disk-acknowledged",
    /// Nobody tells the resolver of an unknown outcome.
    ResolverUntold = "resolver-untold",
    /// A starting server goes on with a write-ahead log that a process before could not sync (found by the hunt).
    StaleLog = "stale-log",
    /// Limits in the store are read against the calendar of the start (found by the hunt).
    StaleCalendar = "stale-calendar",
    /// A login that could not be checked counts as a wrong one.
    FailureCounted = "failure-counted",
}

pub use switch::{Planted, plant};
pub(crate) use switch::{begin_process, count, planted};

#[cfg(feature = "planted-bugs")]
mod switch {
    use super::PlantedBug;
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<PlantedBug>> = const { Cell::new(None) };
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }

    /// A bug that is active on this thread until this is dropped.
    #[derive(Debug)]
    pub struct Planted(());

    /// Plants a bug on this thread; `None` in a program without the feature `planted-bugs`.
    pub fn plant(bug: PlantedBug) -> Option<Planted> {
        ACTIVE.set(Some(bug));
        Some(Planted(()))
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            ACTIVE.set(None);
        }
    }

    /// Returns whether a bug is active on this thread.
    pub(crate) fn planted(bug: PlantedBug) -> bool {
        ACTIVE.get() == Some(bug)
    }

    /// Begins the counts of a process.
    pub(crate) fn begin_process() {
        COUNT.set(0);
    }

    /// Counts from one.
    pub(crate) fn count() -> u64 {
        COUNT.set(COUNT.get() + 1);
        COUNT.get()
    }
}

#[cfg(not(feature = "planted-bugs"))]
mod switch {
    use super::PlantedBug;

    /// A bug that is active on this thread until this is dropped; there is none in this program.
    #[derive(Debug)]
    pub struct Planted(());

    /// Plants a bug on this thread; `None` in a program without the feature `planted-bugs`.
    pub fn plant(_: PlantedBug) -> Option<Planted> {
        None
    }

    pub(crate) const fn planted(_: PlantedBug) -> bool {
        false
    }

    pub(crate) const fn begin_process() {}

    pub(crate) const fn count() -> u64 {
        0
    }
}
