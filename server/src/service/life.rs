//! An account's life after its registration: a second proof, a new password, its sessions, the end of its mandate, its
//! own end, and the way back in.

use super::rotation::{account_context, authority_context};
use super::session::{Login, Session};
use super::state::{OrRefuse, Service};
use crate::bank::Authority;
use crate::config::{Mode, StepUp};
use crate::crypto::credential::Credential;
use crate::env::CostClass;
use crate::store::{Account, Binding, Change, Standing};
use biopay_protocol::message::{Factors, Recovery, SessionId};
use biopay_protocol::{BankAccount, PayloadBytes, Refusal, Response, Secret};
use std::time::Duration;
use subtle::ConstantTimeEq;

impl Service {
    /// Looks at what somebody shows beside the password: the enrolled QR, or the PIN of the bank account that is bound.
    pub(super) async fn step_up(&self, session: &Session, factors: Factors) -> Result<Response, Refusal> {
        let login = session.login()?;
        let binding = self.standing(&login).await?.binding.ok_or(Refusal::NotBound)?;
        let is_right = match factors {
            Factors { bank_account: Some(account), pin: Some(pin), .. } => {
                let token = self.pin_token(&login, &binding, account, pin).await?;
                self.forget_mandate(token.as_ref()).await;
                token.is_some()
            }
            Factors { payload: Some(payload), signature, .. } => {
                self.env.run(CostClass::PayloadVerification, || ()).await.or_refuse()?;
                self.throttle.begin_qr(&login.name, session.source())?;
                let shown = self.verify_shown(&login.name, &binding, session.channel(), &payload, signature.as_ref());
                if shown != Ok(false) {
                    self.throttle.forgive_qr(&login.name, session.source());
                }
                shown?
            }
            Factors { .. } => false,
        };
        if !is_right {
            return Err(Refusal::StepUpRefused);
        }
        let valid_for_ms = self.rules.step_up_valid_ms;
        session.step_up(Duration::from_millis(u64::from(valid_for_ms)));
        Ok(Response::SteppedUp { valid_for_ms })
    }

    /// Lets only those go on who have shown more than the password, where the account has more to show.
    pub(super) fn require_step_up(&self, session: &Session, standing: &Standing) -> Result<(), Refusal> {
        let is_needed = self.rules.step_up == StepUp::On && standing.binding.is_some();
        if is_needed && !session.is_stepped_up() { Err(Refusal::StepUpRequired) } else { Ok(()) }
    }

    /// Reads what an account pays with.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotLoggedIn`] when the account's logins were ended since this one began, on whatever server.
    pub(super) async fn standing(&self, login: &Login) -> Result<Standing, Refusal> {
        let standing = self.store.standing(login.account).await.or_refuse()?;
        standing.filter(|standing| standing.epoch == login.epoch).ok_or(Refusal::NotLoggedIn)
    }

    pub(super) async fn change_password(&self, session: &Session, password: Secret) -> Result<Response, Refusal> {
        let login = session.login()?;
        self.blocklist.check(&login.name, &password)?;
        self.require_step_up(session, &self.standing(&login).await?)?;
        let _turn = self.wait_to_hash(&login.name, session.source()).await?;
        let hash = self.passwords.hash(password).await.or_refuse()?;
        self.put_credential(session, &login, Credential::Password(hash)).await
    }

    /// Replaces what a login is checked against, and ends the account's other logins.
    pub(super) async fn put_credential(
        &self,
        session: &Session,
        login: &Login,
        credential: Credential,
    ) -> Result<Response, Refusal> {
        let epoch = self.store.change_credential(login.account, credential).await.or_refuse()?;
        session.end_others(epoch);
        Ok(Response::PasswordChanged)
    }

    pub(super) fn list_sessions(&self, session: &Session) -> Result<Response, Refusal> {
        session.login()?;
        Ok(Response::Sessions { sessions: session.list() })
    }

    /// Ends one other login of the account, or all others. One alone is ended where it was listed; all of them are ended
    /// on every server that shares the store.
    pub(super) async fn end_sessions(&self, session: &Session, id: Option<SessionId>) -> Result<Response, Refusal> {
        let login = session.login()?;
        let sessions = match id {
            Some(id) if session.end_one(id) => 1,
            Some(_) => return Err(Refusal::NoSuchSession),
            None => session.end_others(self.store.end_logins(login.account).await.or_refuse()?),
        };
        Ok(Response::SessionsEnded { sessions })
    }

    /// Gives the mandate back to the bank and forgets what the account paid with.
    pub(super) async fn revoke_mandate(&self, session: &Session) -> Result<Response, Refusal> {
        let login = session.login()?;
        let standing = self.standing(&login).await?;
        self.require_step_up(session, &standing)?;
        let binding = standing.binding.ok_or(Refusal::NotBound)?;
        self.give_mandate_back(&login, &binding).await?;
        match self.store.unbind(login.account).await.or_refuse()? {
            Change::Done => session.set_binding(biopay_protocol::message::AccountState::CredentialsOnly),
            Change::Refused => return Err(Refusal::PaymentsOpen),
        }
        Ok(Response::MandateRevoked)
    }

    /// Closes the account: its name, its password and what it pays with are erased, its payments stay in the books.
    pub(super) async fn close_account(&self, session: &Session) -> Result<Response, Refusal> {
        let login = session.login()?;
        let standing = self.standing(&login).await?;
        self.require_step_up(session, &standing)?;
        if let Some(binding) = &standing.binding {
            self.give_mandate_back(&login, binding).await?;
        }
        match self.store.erase_account(login.account).await.or_refuse()? {
            Change::Done => {}
            Change::Refused => return Err(Refusal::PaymentsOpen),
        }
        session.end_others(login.epoch);
        session.set_login(None);
        Ok(Response::AccountClosed)
    }

    async fn give_mandate_back(&self, login: &Login, binding: &Binding) -> Result<(), Refusal> {
        if self.store.has_open_payments(login.account).await.or_refuse()? {
            return Err(Refusal::PaymentsOpen);
        }
        match self.open_binding(&login.name, binding)?.1 {
            Authority::Mandate(token) => self.bank.close_mandate(token).await.map_err(|_| Refusal::BankUnreachable),
            Authority::Pin(_) => Ok(()),
        }
    }

    /// Sets a new password for somebody who has lost theirs, and shows both the QR and the PIN instead. Whatever is wrong,
    /// the answer is the same, and costs a hash.
    pub(super) async fn recover(&self, session: &Session, recovery: Recovery) -> Result<Response, Refusal> {
        if !session.is_on(recovery.channel) {
            return Err(Refusal::WrongChannel);
        }
        self.blocklist.check(&recovery.login, &recovery.password)?;
        let (name, source) = (recovery.login.clone(), session.source());
        self.throttle.begin_login(&name, source)?;
        let recovered = self.try_recovery(session, recovery).await;
        if recovered != Err(Refusal::WrongCredentials) {
            self.throttle.forgive_login(&name, source);
        }
        recovered
    }

    async fn try_recovery(&self, session: &Session, recovery: Recovery) -> Result<Response, Refusal> {
        let Recovery { login: name, password, channel, bank_account, pin, payload, signature } = recovery;
        let _turn = self.wait_to_hash(&name, session.source()).await?;
        let hash = self.passwords.hash(password).await.or_refuse()?;
        let found = self.store.find_account(name.clone()).await.or_refuse()?.ok_or(Refusal::WrongCredentials)?;
        let Account { id: account, epoch, .. } = found;
        let binding = self.store.binding(account).await.or_refuse()?.ok_or(Refusal::WrongCredentials)?;
        let binding_state = biopay_protocol::message::AccountState::Bound;
        let login = Login { account, name, binding: binding_state, epoch };
        let shown = self.verify_shown(&login.name, &binding, channel, &payload, signature.as_ref());
        if shown.unwrap_or(false) {
            let token = self.pin_token(&login, &binding, bank_account, pin).await?.ok_or(Refusal::WrongCredentials)?;
            self.renew_authority(&login, binding, token).await?;
            self.store.change_credential(account, Credential::Password(hash)).await.or_refuse()?;
            self.sessions.end_all(account);
            return Ok(Response::Recovered);
        }
        Err(Refusal::WrongCredentials)
    }

    /// Pays with the new mandate from now on; the bank forgets the old one.
    async fn renew_authority(&self, login: &Login, before: Binding, token: Secret) -> Result<(), Refusal> {
        if self.mode == Mode::PatentLiteral {
            self.forget_mandate(Some(&token)).await;
            return Ok(());
        }
        let (_, old) = self.open_binding(&login.name, &before)?;
        let text = zeroize::Zeroizing::new(format!("mandate:{}", token.expose()));
        let authority = self.vault.seal(&authority_context(&login.name), text.as_bytes());
        let after = Binding { authority, ..before.clone() };
        match self.store.replace_binding(login.account, before, after).await.or_refuse()? {
            Change::Done => {}
            Change::Refused => return Err(Refusal::Overloaded),
        }
        match old {
            Authority::Mandate(old) => self.forget_mandate(Some(&old)).await,
            Authority::Pin(_) => {}
        }
        Ok(())
    }

    /// Asks the bank whether a PIN is right, if it is that of the account that is bound; returns the mandate that the bank
    /// gives for it. Nobody learns here about other people's bank accounts.
    async fn pin_token(
        &self,
        login: &Login,
        binding: &Binding,
        shown: BankAccount,
        pin: Secret,
    ) -> Result<Option<Secret>, Refusal> {
        let bound = self.vault.open(&account_context(&login.name), &binding.bank_account).or_refuse()?;
        if !bool::from(bound.ct_eq(shown.as_str().as_bytes())) {
            return Ok(None);
        }
        match self.open_mandate(shown, pin).await {
            Ok(token) => Ok(Some(token)),
            Err(Refusal::BankCredentials) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Gives a mandate back that nobody needs. Where the bank does not answer it stays there, and nobody knows its token.
    async fn forget_mandate(&self, token: Option<&Secret>) {
        let Some(token) = token else { return };
        if let Err(error) = self.bank.close_mandate(token.clone()).await {
            tracing::warn!(%error, "a mandate that nobody needs stays at the bank");
        }
    }

    /// Reads a payload's bytes as the enrolled QR, outside a payment.
    fn verify_shown(
        &self,
        name: &biopay_protocol::LoginName,
        binding: &Binding,
        channel: biopay_protocol::ChannelBinding,
        payload: &PayloadBytes,
        signature: Option<&biopay_protocol::proof::DeviceSignature>,
    ) -> Result<bool, Refusal> {
        match binding.record.as_deref() {
            Some(sealed) => self.verify_outside_payment(name, sealed, channel, payload, signature),
            None => Ok(false),
        }
    }
}
