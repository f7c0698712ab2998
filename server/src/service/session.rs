//! What the server knows about one connection. It ends with the connection, and cannot be carried to another.

use super::pages::Page;
use super::throttle::Source;
use crate::store::AccountId;
use biopay_protocol::message::Binding;
use biopay_protocol::{LoginName, PaymentId, Refusal};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Payment pages that one connection may have open.
const PAGES_MAX: usize = 64;

/// Holds one connection's login and its payment pages.
pub struct Session {
    source: Source,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    login: Option<Login>,
    pages: BTreeMap<PaymentId, Page>,
}

/// Holds who is logged in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account.
    pub account: AccountId,
    /// Its name: the context of its sealed records.
    pub name: LoginName,
    /// Whether the account could pay when this was last looked at.
    pub binding: Binding,
}

impl Session {
    /// Begins a session that is not logged in; `address` is where the connection comes from.
    pub fn new(address: IpAddr) -> Self {
        Self { source: address.into(), state: Mutex::default() }
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns who is logged in.
    pub(super) fn login(&self) -> Result<Login, Refusal> {
        self.state().login.clone().ok_or(Refusal::NotLoggedIn)
    }

    /// Logs in, or out with `None`; pages of the login before are left.
    pub(super) fn set_login(&self, login: Option<Login>) {
        *self.state() = State { login, pages: BTreeMap::new() };
    }

    /// Notes that the account's binding has changed.
    pub(super) fn set_binding(&self, binding: Binding) {
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
