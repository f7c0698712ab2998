//! The session of one connection. It ends with the connection and cannot move to another.

use super::limits::Source;
use super::page::Page;
use super::sessions::{Listed, Sessions};
use crate::crypto::opaque::OpaqueLogin;
use crate::env::Clock;
use crate::planted::{PlantedBug, planted};
use crate::store::AccountId;
use biopay_protocol::message::{AccountState, SessionId, SessionInfo};
use biopay_protocol::{ChannelBinding, LoginName, PaymentId, Refusal};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Payment pages that one connection may have open.
const PAGES_MAX: usize = 64;

/// One connection's login and its payment pages.
pub struct Session {
    address: IpAddr,
    source: Source,
    channel: ChannelBinding,
    clock: Arc<dyn Clock>,
    lifetimes: Lifetimes,
    sessions: Arc<Sessions>,
    state: Mutex<SessionState>,
}

/// How long a login and a payment page are good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) login: Duration,
    pub(super) page: Duration,
}

#[derive(Default)]
struct SessionState {
    /// Who is logged in, until when, and its place in the account's list.
    login: Option<(Login, Duration, Listed)>,
    /// Until when more than the password counts as shown.
    stepped_up: Duration,
    /// The name of an OPAQUE registration between its two messages.
    registering: Option<LoginName>,
    /// An OPAQUE login between its two messages, with the account that it is for, if there is one.
    proving: Option<(OpaqueLogin, Option<Entrant>)>,
    /// The payment pages, and until when each is open.
    pages: BTreeMap<PaymentId, (Page, Duration)>,
}

/// An account whose password is being proved, and its epoch.
pub(super) type Entrant = (AccountId, i64);

/// The account that is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// The account.
    pub account: AccountId,
    /// Its name: the context of its sealed records.
    pub name: LoginName,
    /// Whether the account could pay when this was last looked at.
    pub binding: AccountState,
    /// The account's epoch when it began.
    pub epoch: i64,
}

impl Session {
    /// Begins a session that is not logged in; `address` is where the connection comes from, `channel` its name, which
    /// logins are held against.
    pub(super) fn new(
        address: IpAddr,
        channel: ChannelBinding,
        clock: Arc<dyn Clock>,
        lifetimes: Lifetimes,
        sessions: Arc<Sessions>,
    ) -> Self {
        Self { address, source: address.into(), channel, clock, lifetimes, sessions, state: Mutex::default() }
    }

    pub(super) fn channel(&self) -> ChannelBinding {
        self.channel
    }

    /// Returns whether a login was made for this connection.
    pub(super) fn is_on(&self, channel: ChannelBinding) -> bool {
        self.channel.0.ct_eq(&channel.0).into()
    }

    /// Returns where the connection came from when it began.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether somebody is logged in.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.with_login(|_| ()).is_ok()
    }

    /// Returns who is logged in.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotLoggedIn`], also when the login is too old.
    pub(super) fn login(&self) -> Result<Login, Refusal> {
        self.with_login(Login::clone)
    }

    /// Does something with the login, without a copy of it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotLoggedIn`], also when the login is too old or was ended elsewhere; it is then ended here, with its
    /// pages.
    pub(super) fn with_login<T>(&self, act: impl FnOnce(&Login) -> T) -> Result<T, Refusal> {
        let mut state = self.state();
        let (login, until, listed) = state.login.as_ref().ok_or(Refusal::NotLoggedIn)?;
        if self.clock.elapsed() >= *until || listed.is_ended() {
            *state = SessionState::default();
            return Err(Refusal::NotLoggedIn);
        }
        Ok(act(login))
    }

    /// Logs in, or out with `None`; pages of the login before are left.
    pub(super) fn set_login(&self, login: Option<Login>) {
        let now = self.clock.elapsed();
        let login = login.map(|login| {
            let listed = self.sessions.begin(login.account, now);
            (login, now + self.lifetimes.login, listed)
        });
        // The one before leaves the list after the lock is given back.
        let before = std::mem::replace(&mut *self.state(), SessionState { login, ..SessionState::default() });
        drop(before);
    }

    /// Notes that more than the password was shown.
    pub(super) fn step_up(&self, valid_for: Duration) {
        let until = self.clock.elapsed() + valid_for;
        self.state().stepped_up = until;
    }

    /// Returns whether more than the password was shown on this login, a short while ago.
    pub(super) fn is_stepped_up(&self) -> bool {
        self.clock.elapsed() < self.state().stepped_up
    }

    /// Lists the account's logins at this server.
    pub(super) fn list(&self) -> Vec<SessionInfo> {
        let now = self.clock.elapsed();
        self.state().login.as_ref().map(|(_, _, listed)| listed.siblings(now)).unwrap_or_default()
    }

    /// Ends another login of the account at this server; returns whether there was one.
    pub(super) fn end_one(&self, id: SessionId) -> bool {
        self.state().login.as_ref().is_some_and(|(_, _, listed)| listed.end_one(id))
    }

    /// Ends the account's other logins at this server; this one goes on in the new epoch. Returns how many.
    pub(super) fn end_others(&self, epoch: i64) -> u32 {
        let mut state = self.state();
        let Some((login, _, listed)) = &mut state.login else { return 0 };
        login.epoch = epoch;
        listed.end_others()
    }

    /// Begins an OPAQUE registration.
    pub(super) fn set_registering(&self, name: LoginName) {
        self.state().registering = Some(name);
    }

    /// Takes the OPAQUE registration that is under way: one start is good for one end.
    pub(super) fn take_registering(&self) -> Option<LoginName> {
        self.state().registering.take()
    }

    /// Begins an OPAQUE login; one that was under way stays failed.
    pub(super) fn set_proving(&self, exchange: OpaqueLogin, account: Option<Entrant>) {
        self.state().proving = Some((exchange, account));
    }

    /// Takes the OPAQUE login that is under way: it has one try.
    pub(super) fn take_proving(&self) -> Option<(OpaqueLogin, Option<Entrant>)> {
        self.state().proving.take()
    }

    /// Notes that the account's binding has changed.
    pub(super) fn set_binding(&self, binding: AccountState) {
        if let Some((login, ..)) = &mut self.state().login {
            login.binding = binding;
        }
    }

    /// Opens a page. Pages that nobody went on with are forgotten after a while, and make room.
    ///
    /// # Errors
    ///
    /// [`Refusal::Overloaded`] when too many pages are open.
    pub(super) fn open_page(&self, payment: PaymentId, page: Page) -> Result<(), Refusal> {
        let now = self.clock.elapsed();
        let mut state = self.state();
        state.pages.retain(|_, (page, until)| now < *until || page.is_busy());
        if state.pages.len() >= PAGES_MAX {
            return Err(Refusal::Overloaded);
        }
        state.pages.insert(payment, (page, now + self.lifetimes.page));
        Ok(())
    }

    /// Does something with a page, if it is open; nobody else sees the page meanwhile. A page on which a request works
    /// stays open for that request.
    pub(super) fn with_page<T>(&self, payment: PaymentId, act: impl FnOnce(&mut Page) -> T) -> Option<T> {
        let now = self.clock.elapsed();
        let mut state = self.state();
        let (page, until) = state.pages.get_mut(&payment)?;
        if now >= *until && !page.is_busy() && !planted(PlantedBug::EndlessPage) {
            state.pages.remove(&payment);
            return None;
        }
        Some(act(page))
    }

    /// Leaves a page.
    pub(super) fn leave_page(&self, payment: PaymentId) {
        self.state().pages.remove(&payment);
    }
}
