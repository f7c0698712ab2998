//! The server's half of OPAQUE (RFC 9807): two exponentiations a login, and no password hash.

use crate::env::Env;
use biopay_protocol::opaque::{Draws, Suite, identifiers};
use biopay_protocol::{ChannelBinding, LoginName, OpaqueBytes};
use opaque_ke::{
    ClientRegistration, ClientRegistrationFinishParameters, CredentialFinalization, CredentialRequest,
    RegistrationRequest, RegistrationUpload, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

/// The record that a handset registered in place of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueRecord(Vec<u8>);

impl OpaqueRecord {
    /// Wraps a record's bytes; `None` when they are not a record.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        ServerRegistration::<Suite>::deserialize(&bytes).ok().map(|_| Self(bytes))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn to_registration(&self) -> Option<ServerRegistration<Suite>> {
        ServerRegistration::deserialize(&self.0).ok()
    }
}

/// The error of a message that is not part of the OPAQUE exchange, or proves the wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not part of this OPAQUE exchange")]
pub struct NotProved;

/// A login between its second message (KE2) and its third (KE3).
pub struct OpaqueLogin {
    login: LoginName,
    channel: ChannelBinding,
    state: opaque_ke::ServerLogin<Suite>,
}

impl OpaqueLogin {
    /// Returns the name that is being logged in.
    pub fn login(&self) -> &LoginName {
        &self.login
    }

    /// Checks KE3.
    ///
    /// # Errors
    ///
    /// [`NotProved`] when the handset does not know the password, or proved it for another connection.
    pub fn finish(self, message: &OpaqueBytes) -> Result<(), NotProved> {
        let message = CredentialFinalization::deserialize(message.as_bytes()).map_err(|_| NotProved)?;
        let parameters =
            ServerLoginParameters { context: Some(&self.channel.0), identifiers: identifiers(&self.login) };
        self.state.finish(message, parameters).map(drop).map_err(|_| NotProved)
    }
}

/// The server's key pair and the seed of its blind evaluations.
pub struct OpaqueServer {
    env: Env,
    setup: ServerSetup<Suite>,
    /// The record that stands for every unknown name, so that such a login costs what any other does.
    dummy: OpaqueRecord,
    limits_key: ring::hmac::Key,
}

impl OpaqueServer {
    /// Expands a configured key of 32 bytes. Every record depends on it: another key knows no account.
    pub fn new(env: Env, key: Zeroizing<[u8; 32]>) -> Self {
        // The one key that never changes also keys the hashes under which limits are kept.
        let root = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_slice());
        let derived = ring::hmac::sign(&root, b"biopay limits");
        let limits_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, derived.as_ref());
        let mut random = ChaCha20Rng::from_seed(*key);
        let setup = ServerSetup::new(&mut Draws(&mut |bytes| random.fill_bytes(bytes)));
        let dummy = dummy_record(&setup, &mut random);
        Self { env, setup, dummy, limits_key }
    }

    /// Returns the key of the hashes under which limits are kept.
    pub(crate) fn limits_key(&self) -> ring::hmac::Key {
        self.limits_key.clone()
    }

    /// Returns the record that stands for every unknown name.
    #[cfg(test)]
    pub fn unknown(&self) -> &OpaqueRecord {
        &self.dummy
    }

    /// Answers the first message of a registration.
    ///
    /// # Errors
    ///
    /// [`NotProved`] when it is not one.
    pub fn begin_registration(&self, login: &LoginName, message: &OpaqueBytes) -> Result<OpaqueBytes, NotProved> {
        let request = RegistrationRequest::deserialize(message.as_bytes()).map_err(|_| NotProved)?;
        let started = ServerRegistration::<Suite>::start(&self.setup, request, login.as_str().as_bytes());
        let started = started.map_err(|_| NotProved)?;
        OpaqueBytes::new(started.message.serialize().to_vec()).map_err(|_| NotProved)
    }

    /// Takes the record that ends a registration.
    ///
    /// # Errors
    ///
    /// [`NotProved`] when it is not one.
    pub fn finish_registration(&self, message: &OpaqueBytes) -> Result<OpaqueRecord, NotProved> {
        let upload = RegistrationUpload::deserialize(message.as_bytes()).map_err(|_| NotProved)?;
        Ok(OpaqueRecord(ServerRegistration::<Suite>::finish(upload).serialize().to_vec()))
    }

    /// Answers the first message of a login on a connection. Without a record, the server answers as for a known
    /// account, at the same cost (RFC 9807, section 6.3.2.2).
    ///
    /// # Errors
    ///
    /// [`NotProved`] when it is not one.
    pub fn begin_login(
        &self,
        login: LoginName,
        record: Option<&OpaqueRecord>,
        message: &OpaqueBytes,
        channel: ChannelBinding,
    ) -> Result<(OpaqueLogin, OpaqueBytes), NotProved> {
        let request = CredentialRequest::deserialize(message.as_bytes()).map_err(|_| NotProved)?;
        let is_known = record.is_some();
        let record = record.unwrap_or(&self.dummy).to_registration().filter(|_| is_known);
        let parameters = ServerLoginParameters { context: Some(&channel.0), identifiers: identifiers(&login) };
        let fill = &mut |bytes: &mut [u8]| self.env.entropy.fill(bytes);
        let name = login.as_str().as_bytes();
        let started = opaque_ke::ServerLogin::start(&mut Draws(fill), &self.setup, record, request, name, parameters);
        let started = started.map_err(|_| NotProved)?;
        let answer = OpaqueBytes::new(started.message.serialize().to_vec()).map_err(|_| NotProved)?;
        Ok((OpaqueLogin { login, channel, state: started.state }, answer))
    }
}

/// Registers a password with nobody, at the least cost.
fn dummy_record(setup: &ServerSetup<Suite>, random: &mut ChaCha20Rng) -> OpaqueRecord {
    let fill = &mut |bytes: &mut [u8]| random.fill_bytes(bytes);
    let mut draws = Draws(fill);
    let password = b"of nobody";
    let cheap = argon2::Params::new(argon2::Params::MIN_M_COST, 1, 1, None).expect("the least cost is allowed");
    let stretching = argon2::Argon2::new(Default::default(), Default::default(), cheap);
    let registered = ClientRegistration::<Suite>::start(&mut draws, password).and_then(|started| {
        let answer = ServerRegistration::<Suite>::start(setup, started.message, password)?;
        let parameters = ClientRegistrationFinishParameters::new(Default::default(), Some(&stretching));
        started.state.finish(&mut draws, password, answer.message, parameters)
    });
    let registered = registered.expect("a registration with oneself follows the protocol");
    OpaqueRecord(ServerRegistration::<Suite>::finish(registered.message).serialize().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::system;
    use biopay_protocol::opaque::{self, ClientLogin, Stretching};
    use biopay_protocol::{Error, Secret};

    const CHANNEL: ChannelBinding = ChannelBinding([7; 32]);
    const CHEAP: Stretching = Stretching { memory_kib: 8, passes: 1 };

    fn server() -> OpaqueServer {
        OpaqueServer::new(system::env(1, 1), Zeroizing::new([1; 32]))
    }

    fn name() -> LoginName {
        LoginName::new("ada").unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn registered(server: &OpaqueServer, password: &str) -> OpaqueRecord {
        let fill = &mut |bytes: &mut [u8]| server.env.entropy.fill(bytes);
        let (state, message) = opaque::ClientRegistration::start(&secret(password), &mut Draws(fill)).unwrap();
        let answer = server.begin_registration(&name(), &message).unwrap();
        let upload = state.finish(&name(), &secret(password), &answer, CHEAP, &mut Draws(fill)).unwrap();
        server.finish_registration(&upload).unwrap()
    }

    /// Logs in; the client speaks on `client_channel`.
    fn log_in(
        server: &OpaqueServer,
        record: Option<&OpaqueRecord>,
        password: &str,
        client_channel: ChannelBinding,
    ) -> Result<Result<(), NotProved>, Error> {
        let fill = &mut |bytes: &mut [u8]| server.env.entropy.fill(bytes);
        let (state, message) = ClientLogin::start(&secret(password), &mut Draws(fill)).unwrap();
        let (login, answer) = server.begin_login(name(), record, &message, CHANNEL).unwrap();
        let last = state.finish(&name(), &secret(password), &answer, client_channel, CHEAP, &mut Draws(fill))?;
        Ok(login.finish(&last))
    }

    #[test]
    fn the_right_password_proves_itself_and_no_other() {
        let server = server();
        let record = registered(&server, "the right one");
        assert_eq!(log_in(&server, Some(&record), "the right one", CHANNEL), Ok(Ok(())));
        assert_eq!(log_in(&server, Some(&record), "the wrong one", CHANNEL), Err(Error::WrongPassword));
        assert_eq!(log_in(&server, None, "the right one", CHANNEL), Err(Error::WrongPassword));
    }

    #[test]
    fn a_proof_for_another_connection_is_none() {
        let server = server();
        let record = registered(&server, "the right one");
        // The two ends' transcripts differ, so the client notices first.
        assert!(log_in(&server, Some(&record), "the right one", ChannelBinding([8; 32])).is_err());
    }

    #[test]
    fn another_key_knows_no_account() {
        let (server, other) = (server(), OpaqueServer::new(system::env(1, 1), Zeroizing::new([2; 32])));
        let record = registered(&server, "the right one");
        assert_eq!(log_in(&other, Some(&record), "the right one", CHANNEL), Err(Error::WrongPassword));
    }

    #[test]
    fn a_configured_key_always_expands_to_the_same_setup() {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(server().setup.serialize());
        // Records in stores depend on it: when a dependency changes this, old accounts cannot log in.
        assert_eq!(format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]), "df9a7ec3");
    }

    #[test]
    fn rubbish_is_refused() {
        let (server, rubbish) = (server(), OpaqueBytes::new(vec![0xee; 96]).unwrap());
        assert!(server.begin_registration(&name(), &rubbish).is_err());
        assert!(server.finish_registration(&rubbish).is_err());
        assert!(server.begin_login(name(), None, &rubbish, CHANNEL).is_err());
        assert!(OpaqueRecord::new(vec![0xee; 192]).is_none());
    }
}
