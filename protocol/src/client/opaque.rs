//! A session's OPAQUE exchange: two messages of the handset around one of the server.

use super::plan::{Credentials, LoginMethod};
use crate::Error;
use crate::message::{Request, Response};
use crate::opaque::{ClientLogin, ClientRegistration, Draws, SessionSeed, Stretching};
use crate::values::ChannelBinding;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The purpose of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Registers the password.
    Registration,
    /// Proves it.
    Login,
}

impl Phase {
    /// Returns the number that keeps the two exchanges of one session from sharing their randomness.
    fn stream(self) -> u64 {
        match self {
            Self::Registration => 1,
            Self::Login => 2,
        }
    }
}

/// An exchange that waits for the server's half.
#[derive(Clone)]
pub(crate) struct Exchange {
    kind: Kind,
    random: ChaCha20Rng,
    channel: ChannelBinding,
    stretching: Stretching,
}

#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a session has one, and neither is large")]
enum Kind {
    Registration(ClientRegistration),
    Login(ClientLogin),
}

impl Exchange {
    /// Begins; `None` when the credentials are for another method.
    pub(crate) fn start(phase: Phase, credentials: &Credentials, channel: ChannelBinding) -> Option<(Self, Request)> {
        let LoginMethod::Opaque { seed, stretching } = credentials.method else { return None };
        let mut random = source(seed, phase);
        let fill = &mut |bytes: &mut [u8]| random.fill_bytes(bytes);
        let login = credentials.login.clone();
        let (kind, request) = match phase {
            Phase::Registration => {
                let (state, message) = ClientRegistration::start(&credentials.password, &mut Draws(fill)).ok()?;
                (Kind::Registration(state), Request::OpaqueRegisterStart { login, message })
            }
            Phase::Login => {
                let (state, message) = ClientLogin::start(&credentials.password, &mut Draws(fill)).ok()?;
                (Kind::Login(state), Request::OpaqueLoginStart { login, message })
            }
        };
        Some((Self { kind, random, channel, stretching }, request))
    }

    /// Returns the purpose of the exchange.
    pub(crate) fn phase(&self) -> Phase {
        match self.kind {
            Kind::Registration(_) => Phase::Registration,
            Kind::Login(_) => Phase::Login,
        }
    }

    /// Answers the server's half.
    ///
    /// # Errors
    ///
    /// [`Error::WrongPassword`] when it does not fit the password; [`Error::Opaque`] when it is malformed.
    pub(crate) fn finish(self, credentials: &Credentials, response: Response) -> Result<Request, Error> {
        let Self { kind, mut random, channel, stretching } = self;
        let fill = &mut |bytes: &mut [u8]| random.fill_bytes(bytes);
        let mut draws = Draws(fill);
        let (login, password) = (&credentials.login, &credentials.password);
        match (kind, response) {
            (Kind::Registration(state), Response::OpaqueRegistration { message }) => {
                let message = state.finish(login, password, &message, stretching, &mut draws)?;
                Ok(Request::OpaqueRegisterFinish { login: login.clone(), message })
            }
            (Kind::Login(state), Response::OpaqueChallenge { message }) => {
                let message = state.finish(login, password, &message, channel, stretching, &mut draws)?;
                Ok(Request::OpaqueLoginFinish { message })
            }
            (Kind::Registration(_) | Kind::Login(_), _) => Err(Error::Opaque),
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({:?})", self.phase())
    }
}

fn source(SessionSeed(seed): SessionSeed, phase: Phase) -> ChaCha20Rng {
    let mut random = ChaCha20Rng::from_seed(seed);
    random.set_stream(phase.stream());
    random
}
