//! The faults that a hunt injects, one list of all kinds, and the schedule of one run as data.

use serde::{Deserialize, Serialize};

/// Declares the kinds of faults with their names.
macro_rules! fault_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal in $part:ident),+ $(,)?) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum FaultKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Returns its name on the command line and in reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Returns what it is a fault of.
            pub fn part(self) -> Part {
                match self {
                    $(Self::$kind => Part::$part,)+
                }
            }
        }
    };
}

/// What a fault is a fault of, and with it how it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A process: the level is the number of disk changes before it dies, or 0 for at once.
    Process,
    /// A disk: the level is the number of operations of its kind that pass before.
    Disk,
    /// A disk beyond what any store can bear: drawn only where it is asked for by name.
    LyingDisk,
    /// The road to the bank, for a while; the level is a delay in milliseconds.
    Road,
    /// The bank's answers, for a while; the level is a share in percent.
    Answers,
    /// A handset's link, for a while; the level is a share in percent.
    Link,
    /// The server's calendar; the level is its size.
    Calendar,
    /// A user.
    User,
    /// The operator of the server.
    Operator,
    /// The database that servers share, for a while; the level is a share in percent.
    Database,
}

fault_kinds! {
    /// The server is killed and started again.
    ServerKilled = "server-killed" in Process,
    /// The server's machine loses its power.
    ServerPower = "server-power" in Process,
    /// The bank is killed and started again.
    BankKilled = "bank-killed" in Process,
    /// The bank's machine loses its power.
    BankPower = "bank-power" in Process,
    /// A read of the server's disk fails.
    ReadFails = "read-fails" in Disk,
    /// A write to the server's disk fails.
    WriteFails = "write-fails" in Disk,
    /// A sync of the server's disk fails.
    SyncFails = "sync-fails" in Disk,
    /// The server's disk is full.
    DiskFull = "disk-full" in Disk,
    /// A sync of the server's disk says that all is durable when nothing is.
    SyncLies = "sync-lies" in LyingDisk,
    /// A write to the server's disk lands elsewhere.
    WriteMisdirected = "write-misdirected" in LyingDisk,
    /// Every link to the bank breaks.
    BankLinkBreaks = "bank-link-breaks" in Road,
    /// Every link to the bank falls silent for ever.
    BankLinkSilent = "bank-link-silent" in Road,
    /// The road to the bank is cut.
    BankRoadCut = "bank-road-cut" in Road,
    /// The road to the bank is cut for the server that handsets talk to, and open for another one.
    FrontCut = "front-cut" in Road,
    /// The road to the bank is slow.
    BankSlow = "bank-slow" in Road,
    /// The bank's requests or answers are lost.
    BankLoses = "bank-loses" in Answers,
    /// The bank works on requests twice.
    BankDuplicates = "bank-duplicates" in Answers,
    /// The bank answers out of order.
    BankReorders = "bank-reorders" in Answers,
    /// The bank answers when its answer is long given up.
    BankLate = "bank-late" in Answers,
    /// The bank answers for another payment.
    BankForeign = "bank-foreign" in Answers,
    /// The bank declines without a reason.
    BankDeclines = "bank-declines" in Answers,
    /// A handset is cut off.
    LinkCut = "link-cut" in Link,
    /// Nothing that a handset sends arrives.
    LinkMute = "link-mute" in Link,
    /// Nothing that is sent to a handset arrives.
    LinkDeaf = "link-deaf" in Link,
    /// Datagrams arrive twice.
    LinkDuplicates = "link-duplicates" in Link,
    /// Datagrams overtake each other.
    LinkReorders = "link-reorders" in Link,
    /// Datagrams are damaged.
    LinkCorrupts = "link-corrupts" in Link,
    /// Long datagrams are lost.
    LinkNarrow = "link-narrow" in Link,
    /// A NAT gives the handset another port.
    NatRebinds = "nat-rebinds" in Link,
    /// The server's calendar jumps, ahead or back.
    ClockJumps = "clock-jumps" in Calendar,
    /// The server's calendar goes too fast.
    ClockDrifts = "clock-drifts" in Calendar,
    /// A handset dies between two steps and comes back.
    HandsetDies = "handset-dies" in User,
    /// A user takes minutes for one step.
    UserSlow = "user-slow" in User,
    /// A user presents somebody else's QR.
    WrongQr = "wrong-qr" in User,
    /// A user gives up a payment whose outcome is unknown.
    UserCancels = "user-cancels" in User,
    /// A user pays the same order from a second device at the same time.
    SecondDevice = "second-device" in User,
    /// The server's randomness repeats after a restart.
    EntropyRepeats = "entropy-repeats" in Operator,
    /// The operator rotates the vault's keys while the server runs.
    KeysRotate = "keys-rotate" in Operator,
    /// Another server resolves open payments on the same store.
    Standby = "standby" in Operator,
    /// Answers of the database are lost.
    DatabaseLoses = "database-loses" in Database,
    /// The database hangs.
    DatabaseHangs = "database-hangs" in Database,
}

impl FaultKind {
    /// Finds a kind by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Returns whether a hunt draws it without being asked for it: a store's promise holds under it.
    pub fn is_bearable(self) -> bool {
        self.part() != Part::LyingDisk
    }
}

/// One fault of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it begins. Units: milliseconds.
    pub at_ms: u64,
    /// What.
    pub kind: FaultKind,
    /// At which handset, where it is a handset's.
    pub handset: u32,
    /// How long. Units: milliseconds.
    pub for_ms: u64,
    /// How strongly; the meaning follows from the part.
    pub level: u32,
}

/// A whole run as data: what a seed is drawn to, and what shrinking makes smaller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The seed of everything that is not below.
    pub seed: u64,
    /// The handsets that take part.
    pub handsets: Vec<u32>,
    /// The payments that each of them makes at most.
    pub payments: u32,
    /// The faults, in the order of time.
    pub faults: Vec<Entry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for &kind in FaultKind::ALL {
            assert_eq!(FaultKind::named(kind.name()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }
}
