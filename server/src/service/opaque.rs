//! Registration and login with OPAQUE: the server never sees the password and computes no hash.

use super::session::Session;
use super::state::{OrRefuse, Service};
use crate::crypto::credential::Credential;
use crate::env::CostClass;
use biopay_protocol::{LoginName, OpaqueBytes, Refusal, Response, credentials};

impl Service {
    pub(super) async fn begin_opaque_registration(
        &self,
        session: &Session,
        login: LoginName,
        message: OpaqueBytes,
    ) -> Result<Response, Refusal> {
        credentials::check_new_name(&login).map_err(|_| Refusal::UnsuitableName)?;
        if session.with_login(|own| own.name == login) == Ok(true) {
            let own = session.login()?;
            self.require_step_up(session, &self.standing(&own).await?)?;
        } else {
            self.require_free(&login).await?;
        }
        self.env.run(CostClass::KeyExchange, || ()).await.or_refuse()?;
        let message = self.opaque.begin_registration(&login, &message).map_err(|_| Refusal::Malformed)?;
        session.set_registering(login);
        Ok(Response::OpaqueRegistration { message })
    }

    pub(super) async fn finish_opaque_registration(
        &self,
        session: &Session,
        login: LoginName,
        message: OpaqueBytes,
    ) -> Result<Response, Refusal> {
        if session.take_registering().as_ref() != Some(&login) {
            return Err(Refusal::WrongStep);
        }
        let record = self.opaque.finish_registration(&message).map_err(|_| Refusal::Malformed)?;
        let credential = Credential::Opaque(record);
        // On a connection that is logged in under this name, the password is changed.
        if let Ok(own) = session.login()
            && own.name == login
        {
            self.require_step_up(session, &self.standing(&own).await?)?;
            return self.put_credential(session, &own, credential).await;
        }
        self.create_with(login, credential, None).await?;
        Ok(Response::CredentialsRegistered)
    }

    /// Answers KE1. The login counts as failed from here on, until KE3 proves that it was right.
    pub(super) async fn begin_opaque_login(
        &self,
        session: &Session,
        name: LoginName,
        message: OpaqueBytes,
    ) -> Result<Response, Refusal> {
        self.throttle.begin_login(&name, session.source())?;
        let found = self.store.find_account(name.clone()).await.or_refuse()?;
        let (account, record) = found.map(|found| ((found.id, found.epoch), found.credential.into_opaque())).unzip();
        let record = record.flatten();
        self.env.run(CostClass::KeyExchange, || ()).await.or_refuse()?;
        let begun = self.opaque.begin_login(name, record.as_ref(), &message, session.channel());
        let (exchange, message) = begun.map_err(|_| Refusal::Malformed)?;
        session.set_proving(exchange, account.filter(|_| record.is_some()));
        Ok(Response::OpaqueChallenge { message })
    }

    /// Checks KE3 and logs in.
    pub(super) async fn finish_opaque_login(
        &self,
        session: &Session,
        message: OpaqueBytes,
    ) -> Result<Response, Refusal> {
        let (exchange, account) = session.take_proving().ok_or(Refusal::WrongStep)?;
        let name = exchange.login().clone();
        let proved = exchange.finish(&message);
        let account = account.filter(|_| proved.is_ok()).ok_or(Refusal::WrongCredentials)?;
        self.throttle.forgive_login(&name, session.source());
        self.enter(session, account, name).await
    }
}
