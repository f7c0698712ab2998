//! The session of one connection. It ends with the connection and cannot move to another.

use super::page::Page;
use super::throttle::Source;
use crate::crypto::opaque::OpaqueLogin;
use crate::store::AccountId;
use biopay_protocol::message::AccountState;
use biopay_protocol::{ChannelBinding, LoginName, PaymentId, Refusal};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;

/// Payment pages that one connection may have open.
const PAGES_MAX: usize = 64;

/// One connection's login and its payment pages.
pub struct Session {
    source: Source,
    channel: ChannelBinding,
    state: Mutex<SessionState>,
}

#[derive(Default)]
struct SessionState {
    login: Option<Login>,
    /// An OPAQUE login between its two messages, with the account that it is for, if there is one.
    proving: Option<(OpaqueLogin, Option<AccountId>)>,
    pages: BTreeMap<PaymentId, Page>,
}

/// The account that is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// The account.
    pub account: AccountId,
    /// Its name: the context of its sealed records.
    pub name: LoginName,
    /// Whether the account could pay when this was last looked at.
    pub binding: AccountState,
}

impl Session {
    /// Begins a session that is not logged in; `address` is where the connection comes from, `channel` its name, which
    /// logins are held against.
    pub fn new(address: IpAddr, channel: ChannelBinding) -> Self {
        Self { source: address.into(), channel, state: Mutex::default() }
    }

    pub(super) fn channel(&self) -> ChannelBinding {
        self.channel
    }

    /// Returns whether a login was made for this connection.
    pub(super) fn is_on(&self, channel: ChannelBinding) -> bool {
        self.channel.0.ct_eq(&channel.0).into()
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns who is logged in.
    pub(super) fn login(&self) -> Result<Login, Refusal> {
        self.state().login.clone().ok_or(Refusal::NotLoggedIn)
    }

    /// Logs in, or out with `None`; pages of the login before are left.
    pub(super) fn set_login(&self, login: Option<Login>) {
        *self.state() = SessionState { login, ..SessionState::default() };
    }

    /// Begins an OPAQUE login; one that was under way stays failed.
    pub(super) fn set_proving(&self, exchange: OpaqueLogin, account: Option<AccountId>) {
        self.state().proving = Some((exchange, account));
    }

    /// Takes the OPAQUE login that is under way: it has one try.
    pub(super) fn take_proving(&self) -> Option<(OpaqueLogin, Option<AccountId>)> {
        self.state().proving.take()
    }

    /// Notes that the account's binding has changed.
    pub(super) fn set_binding(&self, binding: AccountState) {
        if let Some(login) = &mut self.state().login {
            login.binding = binding;
        }
    }

    /// Opens a page.
    pub(super) fn open_page(&self, payment: PaymentId, page: Page) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.pages.len() >= PAGES_MAX {
            return Err(Refusal::Overloaded);
        }
        state.pages.insert(payment, page);
        Ok(())
    }

    /// Does something with a page, if it is there; nobody else sees the page meanwhile.
    pub(super) fn with_page<T>(&self, payment: PaymentId, act: impl FnOnce(&mut Page) -> T) -> Option<T> {
        self.state().pages.get_mut(&payment).map(act)
    }

    /// Leaves a page.
    pub(super) fn leave_page(&self, payment: PaymentId) {
        self.state().pages.remove(&payment);
    }
}
