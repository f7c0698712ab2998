//! TLS 1.3 whose keys all follow from a seed, so that the bytes of a handshake repeat. It protects nothing and must not
//! be used for secrets.

use super::timeline::Timeline;
use curve25519_dalek::MontgomeryPoint;
use quinn::crypto::HmacKey;
use quinn::{ConnectionId, ConnectionIdGenerator};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use ring::{hkdf, hmac};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::time_provider::TimeProvider;
use rustls::{Error, NamedGroup, PeerMisbehaved};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::env::VirtualClock;
use biopay_datasets::stream::stream;
use biopay_server::env::Clock;
use biopay_server::tls::TlsSources;

/// Length of the connection identifiers that endpoints choose. Units: bytes.
const CONNECTION_ID_BYTES: usize = 8;

/// Creates TLS's sources of time and randomness for one run. Handsets and server of a run share one stream, in the
/// order in which they act, which the timeline decides.
pub fn seeded_sources(timeline: &Arc<Timeline>, seed: u64) -> TlsSources {
    // rustls takes randomness and key exchanges for the life of the process: a few hundred bytes a run are never freed.
    let seeded: &'static Seeded = Box::leak(Box::new(Seeded(Mutex::new(stream(seed, "sim/tls", 0)))));
    let provider = CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![seeded],
        secure_random: seeded,
        ..rustls::crypto::ring::default_provider()
    };
    TlsSources { provider: Arc::new(provider), time: Arc::new(VirtualCalendar(VirtualClock(timeline.clone()))) }
}

/// Returns an endpoint configuration whose randomness follows from the seed and the endpoint's name.
pub fn seeded_endpoint(seed: u64, name: &str) -> quinn::EndpointConfig {
    let mut keys = stream(seed, name, 0);
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &keys.random::<[u8; 32]>());
    let reset_key: Arc<dyn HmacKey> = Arc::new(reset_key);
    let mut config = quinn::EndpointConfig::new(reset_key);
    config.rng_seed(Some(keys.random()));
    let shared = Arc::new(Mutex::new(keys));
    config.cid_generator(move || Box::new(SeededIds(shared.clone())));
    config
}

/// Sets the key with which a server seals its tokens, and the clock by which they expire: by the machine's, a token that a
/// server under many connections asks for would be too old on a slow machine.
pub fn seed_tokens(config: &mut quinn::ServerConfig, timeline: &Arc<Timeline>, seed: u64) {
    config.time_source(Arc::new(VirtualCalendar(VirtualClock(timeline.clone()))));
    let key: [u8; 32] = stream(seed, "sim/tokens", 0).random();
    config.token_key(Arc::new(hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&key)));
}

/// Makes a client's first guesses of the server's connection identifiers follow from the seed.
pub fn seed_first_ids(config: &mut quinn::ClientConfig, seed: u64, name: &str) {
    let ids = Mutex::new(stream(seed, name, 0));
    config.initial_dst_cid_provider(Arc::new(move || draw_id(&ids)));
}

/// Returns a client configuration that keeps tickets and sends early data where a server allows it, unlike our
/// handsets.
///
/// # Errors
///
/// A text about a certificate that cannot be trusted.
pub fn resuming_client(
    trusted: &[CertificateDer<'static>],
    sources: &TlsSources,
) -> Result<quinn::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).map_err(|error| error.to_string())?;
    }
    let builder = rustls::ClientConfig::builder_with_details(sources.provider.clone(), sources.time.clone());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(|error| error.to_string())?;
    let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![biopay_protocol::ALPN.to_vec()];
    tls.enable_early_data = true;
    let quic = quinn::crypto::rustls::QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    Ok(quinn::ClientConfig::new(Arc::new(quic)))
}

fn draw_id(ids: &Mutex<ChaCha8Rng>) -> ConnectionId {
    let bytes: [u8; CONNECTION_ID_BYTES] = ids.lock().unwrap_or_else(PoisonError::into_inner).random();
    ConnectionId::new(&bytes)
}

struct SeededIds(Arc<Mutex<ChaCha8Rng>>);

impl ConnectionIdGenerator for SeededIds {
    fn generate_cid(&mut self) -> ConnectionId {
        draw_id(&self.0)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

struct VirtualCalendar(VirtualClock);

impl std::fmt::Debug for VirtualCalendar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VirtualCalendar")
    }
}

impl TimeProvider for VirtualCalendar {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.unix_ms())))
    }
}

impl quinn::TimeSource for VirtualCalendar {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0.unix_ms())
    }
}

/// A seeded source of randomness, and the key exchange X25519 (RFC 7748, section 6.1) that draws from it.
#[derive(Debug)]
struct Seeded(Mutex<ChaCha8Rng>);

impl SecureRandom for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
        Ok(())
    }
}

impl SupportedKxGroup for Seeded {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let private: [u8; 32] = self.0.lock().unwrap_or_else(PoisonError::into_inner).random();
        let public = MontgomeryPoint::mul_base_clamped(private);
        Ok(Box::new(Exchange { private, public: public.to_bytes() }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    private: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = <[u8; 32]>::try_from(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = MontgomeryPoint(peer).mul_clamped(self.private).to_bytes();
        // A point of small order gives zero (RFC 7748, section 6.1).
        if shared == [0; 32] {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(&shared[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(private: [u8; 32]) -> Exchange {
        Exchange { private, public: MontgomeryPoint::mul_base_clamped(private).to_bytes() }
    }

    fn bytes(hex: &str) -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(byte)
    }

    /// The Diffie-Hellman example of RFC 7748, section 6.1.
    #[test]
    fn the_exchange_is_x25519() {
        let alice = exchange(bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
        let bob = exchange(bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        assert_eq!(alice.public, bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
        let peer = bob.public;
        let shared = Box::new(alice).complete(&peer).unwrap();
        let expected = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(shared.secret_bytes(), expected);
        assert!(Box::new(bob).complete(&[0; 32]).is_err(), "a point of small order is refused");
    }
}
