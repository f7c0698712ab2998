//! The logins of this server, by account, so that their owner can see and end them.

use crate::store::AccountId;
use biopay_protocol::message::{SessionId, SessionInfo};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Logins of one account that a list shows; more are there, and end with the others.
const LISTED_MAX: usize = 256;

/// Every login of this server.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<BTreeMap<(AccountId, SessionId), Arc<Mark>>>,
    next: AtomicU64,
}

/// What a login looks at before each request.
struct Mark {
    since: Duration,
    is_ended: AtomicBool,
}

/// A login in the list, as long as it lasts.
pub(super) struct Listed {
    sessions: Arc<Sessions>,
    key: (AccountId, SessionId),
    mark: Arc<Mark>,
}

impl Sessions {
    /// Lists a login that begins now.
    pub(super) fn begin(self: &Arc<Self>, account: AccountId, now: Duration) -> Listed {
        let key = (account, SessionId(self.next.fetch_add(1, Ordering::Relaxed) + 1));
        let mark = Arc::new(Mark { since: now, is_ended: AtomicBool::new(false) });
        self.open().insert(key, mark.clone());
        Listed { sessions: self.clone(), key, mark }
    }

    /// Ends every login of an account.
    pub(super) fn end_all(&self, account: AccountId) {
        self.end_except(account, None);
    }

    fn end_except(&self, account: AccountId, kept: Option<SessionId>) -> u32 {
        let mut ended = 0;
        for ((_, id), mark) in self.open().range(of(account)).filter(|((_, id), _)| Some(*id) != kept) {
            ended += u32::from(!mark.is_ended.swap(true, Ordering::Relaxed));
            tracing::debug!(?id, "a login was ended");
        }
        ended
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<(AccountId, SessionId), Arc<Mark>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// Returns whether somebody has ended it.
    pub(super) fn is_ended(&self) -> bool {
        self.mark.is_ended.load(Ordering::Relaxed)
    }

    /// Lists the account's logins, oldest first.
    pub(super) fn siblings(&self, now: Duration) -> Vec<SessionInfo> {
        let open = self.sessions.open();
        let alive = open.range(of(self.key.0)).filter(|(_, mark)| !mark.is_ended.load(Ordering::Relaxed));
        let show = |(key, mark): (&(AccountId, SessionId), &Arc<Mark>)| SessionInfo {
            session: key.1,
            age_ms: now.saturating_sub(mark.since).as_millis() as u64,
            is_here: *key == self.key,
        };
        alive.map(show).take(LISTED_MAX).collect()
    }

    /// Ends another login of the account; returns whether there was one.
    pub(super) fn end_one(&self, id: SessionId) -> bool {
        let open = self.sessions.open();
        let found = open.get(&(self.key.0, id)).filter(|_| id != self.key.1);
        found.is_some_and(|mark| !mark.is_ended.swap(true, Ordering::Relaxed))
    }

    /// Ends the account's other logins; returns how many.
    pub(super) fn end_others(&self) -> u32 {
        self.sessions.end_except(self.key.0, Some(self.key.1))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.sessions.open().remove(&self.key);
    }
}

fn of(account: AccountId) -> std::ops::RangeInclusive<(AccountId, SessionId)> {
    (account, SessionId(0))..=(account, SessionId(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_sees_and_ends_their_own_logins_alone() {
        let sessions = Arc::new(Sessions::default());
        let at = |second| Duration::from_secs(second);
        let (mine, elsewhere) = (sessions.begin(AccountId(1), at(1)), sessions.begin(AccountId(1), at(2)));
        let foreign = sessions.begin(AccountId(2), at(3));
        let listed = mine.siblings(at(4));
        assert_eq!(listed.iter().map(|s| (s.age_ms, s.is_here)).collect::<Vec<_>>(), [(3_000, true), (2_000, false)]);
        assert!(!mine.end_one(foreign.key.1) && !mine.end_one(mine.key.1));
        assert!(mine.end_one(elsewhere.key.1) && elsewhere.is_ended() && !mine.is_ended() && !foreign.is_ended());
        assert!(!mine.end_one(elsewhere.key.1), "ended once");
        let third = sessions.begin(AccountId(1), at(5));
        assert_eq!(mine.end_others(), 1);
        assert!(third.is_ended() && !mine.is_ended());
        drop((mine, elsewhere, third));
        assert_eq!(sessions.open().len(), 1);
    }
}
