//! Registration, login, and what is bound to an account.

use super::answer::refusal_of;
use super::limits::{HashTurn, Source};
use super::rotation::{account_context, authority_context};
use super::session::{Entrant, Login, Session};
use super::state::{OrRefuse, Service};
use crate::bank::{Authority, BankError, Decline};
use crate::config::Mode;
use crate::crypto::credential::Credential;
use crate::crypto::password::StoredPassword;
use crate::crypto::vault::Vault;
use crate::planted::{PlantedBug, planted};
use crate::store::{AccountId, Binding, Change, Creation};
use biopay_protocol::message::AccountState;
use biopay_protocol::proof::DeviceSignature;
use biopay_protocol::{
    BankAccount, ChannelBinding, DeviceKeys, HelperBytes, LoginName, PayloadBytes, Refusal, Response, Secret,
    credentials,
};
use std::time::Duration;

/// How long a login or a registration waits for its turn to hash a password.
const HASH_WAIT_MAX: Duration = Duration::from_secs(10);

/// What a registration binds to a login.
pub(super) struct Registration {
    pub enrolment: PayloadBytes,
    pub helper: Option<HelperBytes>,
    pub bank_account: BankAccount,
    pub pin: Secret,
    pub devices: DeviceKeys,
}

impl Service {
    /// Checks what somebody wants to log in with.
    fn check_credentials(&self, login: &LoginName, password: &Secret) -> Result<(), Refusal> {
        credentials::check_new_name(login).map_err(|_| Refusal::UnsuitableName)?;
        self.blocklist.check(login, password)
    }

    pub(super) async fn register(
        &self,
        session: &Session,
        login: LoginName,
        password: Secret,
        registration: Registration,
    ) -> Result<Response, Refusal> {
        self.check_credentials(&login, &password)?;
        self.require_free(&login).await?;
        let binding = self.seal_binding(&login, registration).await?;
        self.create(session, login, password, Some(binding)).await?;
        Ok(Response::Registered)
    }

    pub(super) async fn register_credentials(
        &self,
        session: &Session,
        login: LoginName,
        password: Secret,
    ) -> Result<Response, Refusal> {
        self.check_credentials(&login, &password)?;
        self.require_free(&login).await?;
        self.create(session, login, password, None).await?;
        Ok(Response::CredentialsRegistered)
    }

    pub(super) async fn bind_account(
        &self,
        session: &Session,
        registration: Registration,
    ) -> Result<Response, Refusal> {
        let login = session.login()?;
        if login.binding != AccountState::CredentialsOnly {
            return Err(Refusal::AlreadyBound);
        }
        self.standing(&login).await?;
        let binding = self.seal_binding(&login.name, registration).await?;
        match self.store.bind(login.account, binding).await.or_refuse()? {
            Change::Done => session.set_binding(AccountState::Bound),
            Change::Refused => return Err(Refusal::AlreadyBound),
        }
        Ok(Response::AccountBound)
    }

    pub(super) async fn log_in(
        &self,
        session: &Session,
        name: LoginName,
        password: Secret,
        channel: ChannelBinding,
    ) -> Result<Response, Refusal> {
        if !session.is_on(channel) {
            return Err(Refusal::WrongChannel);
        }
        let source = session.source();
        self.throttle.begin_login(&name, source)?;
        let check = async {
            let _turn = self.wait_to_hash(&name, source).await?;
            self.check_password(&name, password).await
        };
        let checked = self.telemetry.call("password/verify", None, check).await;
        let is_forgiven = checked.is_ok() || !planted(PlantedBug::FailureCounted);
        if checked != Err(Refusal::WrongCredentials) && is_forgiven {
            self.throttle.forgive_login(&name, source);
        }
        self.enter(session, checked?, name).await
    }

    /// Logs a connection in whose password was right.
    pub(super) async fn enter(
        &self,
        session: &Session,
        (account, epoch): Entrant,
        name: LoginName,
    ) -> Result<Response, Refusal> {
        self.throttle.remember(&name, session.source());
        let binding = self.binding_state(account, &name).await?;
        session.set_login(Some(Login { account, name, binding, epoch }));
        Ok(Response::LoggedIn { account: binding })
    }

    /// Waits for a turn to hash a password, as long as anybody waits for one.
    pub(super) async fn wait_to_hash(&self, name: &LoginName, source: Source) -> Result<HashTurn, Refusal> {
        let turn = self.env.within(HASH_WAIT_MAX, self.throttle.take_hash_turn(name, source)).await;
        turn.unwrap_or(Err(Refusal::Overloaded))
    }

    /// Finds the account behind a name and a password; an unknown name costs what a known one does.
    async fn check_password(&self, name: &LoginName, password: Secret) -> Result<Entrant, Refusal> {
        let found = self.store.find_account(name.clone()).await.or_refuse()?;
        let (account, stored) = found.map(|found| ((found.id, found.epoch), found.credential.into_password())).unzip();
        if account.is_none() && !self.hides_unknown_names {
            return Err(Refusal::WrongCredentials);
        }
        let stored = stored.flatten();
        let checked = self.passwords.check(password, stored.clone()).await.or_refuse()?;
        let account = account.filter(|_| checked.is_right).ok_or(Refusal::WrongCredentials)?;
        if let (Some(before), Some(after)) = (stored, checked.renewed) {
            self.renew_password(account.0, before, after).await;
        }
        Ok(account)
    }

    /// Keeps a right password's new hash. A login does not depend on it: the next one tries again.
    async fn renew_password(&self, account: AccountId, before: StoredPassword, after: StoredPassword) {
        let (before, after) = (Credential::Password(before), Credential::Password(after));
        if let Err(error) = self.store.replace_credential(account, before, after).await {
            tracing::warn!(%error, "a password's hash could not be renewed");
        }
    }

    pub(super) fn log_out(&self, session: &Session) -> Response {
        session.set_login(None);
        Response::LoggedOut
    }

    pub(super) async fn replace_qr(
        &self,
        session: &Session,
        enrolment: PayloadBytes,
        helper: Option<HelperBytes>,
        signature: Option<DeviceSignature>,
    ) -> Result<Response, Refusal> {
        let login = session.login()?;
        let standing = self.standing(&login).await?;
        let sealed = standing.binding.as_ref().ok_or(Refusal::NotBound)?.record.as_deref();
        let step_up = self.require_step_up(session, &standing);
        let devices = self.devices_for_replacement(session, &login, sealed, &enrolment, signature.as_ref(), step_up)?;
        let record = self.seal_record(&login.name, &enrolment, devices)?;
        let helper = helper.map(Vec::from);
        match self.store.replace_record(login.account, Some(record), helper).await.or_refuse()? {
            Change::Done => session.set_binding(AccountState::Bound),
            Change::Refused => return Err(Refusal::NotBound),
        }
        Ok(Response::QrReplaced)
    }

    pub(super) async fn revoke_qr(&self, session: &Session) -> Result<Response, Refusal> {
        let login = session.login()?;
        let bound = self.standing(&login).await?.binding.ok_or(Refusal::NotBound)?;
        let left = bound.record.map(|sealed| self.seal_without_qr(&login.name, &sealed)).transpose()?;
        match self.store.replace_record(login.account, left.flatten(), None).await.or_refuse()? {
            Change::Done => session.set_binding(AccountState::QrRevoked),
            Change::Refused => return Err(Refusal::NotBound),
        }
        Ok(Response::QrRevoked)
    }

    pub(super) async fn fetch_helper(&self, session: &Session) -> Result<Response, Refusal> {
        let login = session.login()?;
        let binding = self.standing(&login).await?.binding.ok_or(Refusal::NotBound)?;
        let helper = binding.helper.map(HelperBytes::new).transpose().map_err(|_| Refusal::Internal)?;
        Ok(Response::Helper { helper })
    }

    /// Opens what an account pays with.
    pub(super) fn open_binding(
        &self,
        login: &LoginName,
        binding: &Binding,
    ) -> Result<(BankAccount, Authority), Refusal> {
        self.note_key_use(login, Vault::key_id(&binding.authority));
        let text = |context: &str, sealed: &[u8]| {
            let opened = self.vault.open(context, sealed).or_refuse()?;
            std::str::from_utf8(&opened).map(str::to_owned).map_err(|_| Refusal::Internal)
        };
        let account = text(&account_context(login), &binding.bank_account)?;
        let account = BankAccount::new(account).map_err(|_| Refusal::Internal)?;
        let kind_and_secret = text(&authority_context(login), &binding.authority)?;
        let secret = |text: &str| Secret::new(text).map_err(|_| Refusal::Internal);
        let authority = match kind_and_secret.split_once(':') {
            Some(("pin", pin)) => Authority::Pin(secret(pin)?),
            Some(("mandate", token)) => Authority::Mandate(secret(token)?),
            _ => return Err(Refusal::Internal),
        };
        Ok((account, authority))
    }

    pub(super) async fn require_free(&self, login: &LoginName) -> Result<(), Refusal> {
        match self.store.find_account(login.clone()).await.or_refuse()? {
            Some(_) => Err(Refusal::LoginTaken),
            None => Ok(()),
        }
    }

    async fn create(
        &self,
        session: &Session,
        login: LoginName,
        password: Secret,
        binding: Option<Binding>,
    ) -> Result<(), Refusal> {
        let _turn = self.wait_to_hash(&login, session.source()).await?;
        let password = self.passwords.hash(password).await.or_refuse()?;
        self.create_with(login.clone(), Credential::Password(password), binding).await?;
        // Whoever registers here is at home here.
        self.throttle.remember(&login, session.source());
        Ok(())
    }

    pub(super) async fn create_with(
        &self,
        login: LoginName,
        credential: Credential,
        binding: Option<Binding>,
    ) -> Result<(), Refusal> {
        match self.store.create_account(login, credential, binding).await.or_refuse()? {
            Creation::Created(_) => Ok(()),
            Creation::LoginTaken => Err(Refusal::LoginTaken),
        }
    }

    async fn binding_state(&self, account: AccountId, name: &LoginName) -> Result<AccountState, Refusal> {
        let Some(bound) = self.store.binding(account).await.or_refuse()? else {
            return Ok(AccountState::CredentialsOnly);
        };
        let has_qr = self.has_qr(name, bound.record.as_deref())?;
        Ok(if has_qr { AccountState::Bound } else { AccountState::QrRevoked })
    }

    async fn seal_binding(&self, login: &LoginName, registration: Registration) -> Result<Binding, Refusal> {
        let Registration { enrolment, helper, bank_account, pin, devices } = registration;
        let record = Some(self.seal_record(login, &enrolment, devices)?);
        let authority = match self.mode {
            Mode::PatentLiteral => zeroize::Zeroizing::new(format!("pin:{}", pin.expose())),
            Mode::Mandate => {
                let token = self.open_mandate(bank_account.clone(), pin).await?;
                zeroize::Zeroizing::new(format!("mandate:{}", token.expose()))
            }
        };
        Ok(Binding {
            record,
            helper: helper.map(Vec::from),
            bank_account: self.vault.seal(&account_context(login), bank_account.as_str().as_bytes()),
            authority: self.vault.seal(&authority_context(login), authority.as_bytes()),
        })
    }

    pub(super) async fn open_mandate(&self, bank_account: BankAccount, pin: Secret) -> Result<Secret, Refusal> {
        self.throttle.begin_pin(&bank_account)?;
        let answer = self.bank.open_mandate(bank_account.clone(), pin).await;
        if !answer.as_ref().is_ok_and(|answer| answer.as_ref().is_err_and(Decline::is_about_the_payer)) {
            self.throttle.forgive_pin(&bank_account);
        }
        match answer {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(why)) => Err(refusal_of(&why)),
            // No money moves here: the handset may simply register again.
            Err(BankError::NotSent | BankError::Unknown) => Err(Refusal::BankUnreachable),
        }
    }
}
