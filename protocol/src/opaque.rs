//! OPAQUE (RFC 9807): a password that is registered and proved without ever being shown, over ristretto255 and
//! SHA-512, with argon2id on the handset.
//!
//! ```text
//! registration   blinded password ──► evaluated ──► record               (the server keeps it in the password's place)
//! login          KE1 ──► KE2 ──► KE3                                      (both ends prove themselves, on one channel)
//! ```
//! A state lives between two messages, and the second uses it up.

use crate::values::{ChannelBinding, LoginName, OpaqueBytes};
use crate::{Error, Secret, credentials};
use argon2::{Algorithm, Argon2, Params, Version};
use opaque_ke::errors::ProtocolError;
use opaque_ke::rand::{CryptoRng, Error as RandomError, RngCore};
use opaque_ke::{
    ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialResponse, Identifiers,
    RegistrationResponse, Ristretto255, TripleDh,
};

/// The cipher suite of both ends (RFC 9807, section 7: OPAQUE-3DH over ristretto255 and SHA-512).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite;

impl opaque_ke::CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Argon2<'static>;
}

/// The cost of the handset's hash. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretching {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Stretching {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

impl Stretching {
    fn argon2(self) -> Result<Argon2<'static>, Error> {
        let wrong = |_| Error::Value { what: "stretching", why: "what argon2 allows" };
        let params = Params::new(self.memory_kib, self.passes, 1, None).map_err(wrong)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// The seed of one session's secrets, which the handset draws and uses once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionSeed(pub [u8; 32]);

impl std::fmt::Debug for SessionSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSeed(redacted)")
    }
}

/// A source of random bytes, adapted to the trait that `opaque-ke` takes them by.
pub struct Draws<'a>(pub &'a mut dyn FnMut(&mut [u8]));

impl RngCore for Draws<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        (self.0)(bytes);
        Ok(())
    }
}

impl CryptoRng for Draws<'_> {}

/// The server's identity in an exchange. Every stored record holds it, so it does not change with the protocol's name.
const SERVER: &[u8] = b"biopay/2";

/// Returns the identities of the two ends, so that an exchange for one name is not valid for another.
pub fn identifiers(login: &LoginName) -> Identifiers<'_> {
    Identifiers { client: Some(login.as_str().as_bytes()), server: Some(SERVER) }
}

/// The handset's registration between its two messages.
#[derive(Clone)]
pub struct ClientRegistration(opaque_ke::ClientRegistration<Suite>);

impl ClientRegistration {
    /// Blinds the password.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when the password is too short; [`Error::Opaque`] when it hashes to no point, which does not happen by
    /// chance.
    pub fn start(password: &Secret, draws: &mut Draws<'_>) -> Result<(Self, OpaqueBytes), Error> {
        // Nobody else can: the server never sees it.
        credentials::check_new_password(password)?;
        let password = password.expose().as_bytes();
        let started = opaque_ke::ClientRegistration::start(draws, password).map_err(|_| Error::Opaque)?;
        Ok((Self(started.state), OpaqueBytes::new(started.message.serialize().to_vec())?))
    }

    /// Makes the record from the server's half.
    ///
    /// # Errors
    ///
    /// [`Error::Opaque`] when that is malformed.
    pub fn finish(
        self,
        login: &LoginName,
        password: &Secret,
        response: &OpaqueBytes,
        stretching: Stretching,
        draws: &mut Draws<'_>,
    ) -> Result<OpaqueBytes, Error> {
        let response = RegistrationResponse::deserialize(response.as_bytes()).map_err(|_| Error::Opaque)?;
        let argon2 = stretching.argon2()?;
        let parameters = ClientRegistrationFinishParameters::new(identifiers(login), Some(&argon2));
        let password = password.expose().as_bytes();
        let finished = self.0.finish(draws, password, response, parameters).map_err(|_| Error::Opaque)?;
        OpaqueBytes::new(finished.message.serialize().to_vec())
    }
}

/// The handset's login between its two messages.
#[derive(Clone)]
pub struct ClientLogin(opaque_ke::ClientLogin<Suite>);

impl ClientLogin {
    /// Blinds the password and begins the key exchange.
    ///
    /// # Errors
    ///
    /// [`Error::Opaque`] when the password hashes to no point, which does not happen by chance.
    pub fn start(password: &Secret, draws: &mut Draws<'_>) -> Result<(Self, OpaqueBytes), Error> {
        let started = opaque_ke::ClientLogin::start(draws, password.expose().as_bytes()).map_err(|_| Error::Opaque)?;
        Ok((Self(started.state), OpaqueBytes::new(started.message.serialize().to_vec())?))
    }

    /// Checks the server's half and proves the password for this connection.
    ///
    /// # Errors
    ///
    /// [`Error::WrongPassword`] when the server's half does not fit it; [`Error::Opaque`] when it is malformed.
    pub fn finish(
        self,
        login: &LoginName,
        password: &Secret,
        response: &OpaqueBytes,
        channel: ChannelBinding,
        stretching: Stretching,
        draws: &mut Draws<'_>,
    ) -> Result<OpaqueBytes, Error> {
        let response = CredentialResponse::deserialize(response.as_bytes()).map_err(|_| Error::Opaque)?;
        let argon2 = stretching.argon2()?;
        let parameters = ClientLoginFinishParameters::new(Some(&channel.0), identifiers(login), Some(&argon2));
        let finished = self.0.finish(draws, password.expose().as_bytes(), response, parameters);
        let finished = finished.map_err(|error| match error {
            ProtocolError::InvalidLoginError => Error::WrongPassword,
            _ => Error::Opaque,
        })?;
        OpaqueBytes::new(finished.message.serialize().to_vec())
    }
}
