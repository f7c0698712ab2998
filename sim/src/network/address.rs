//! The addresses of virtual time: unique local IPv6 addresses (RFC 4193), a 64-bit network for each handset, because
//! the server treats such a network as one source.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The port of QUIC.
const PORT: u16 = 443;
const HANDSETS: u16 = 0xfd01;
const SERVERS: u16 = 0xfd02;

/// Returns the address of a handset as the server sees it.
pub fn of_handset(handset: u32) -> SocketAddr {
    address(HANDSETS, handset)
}

/// Returns the address of the server that a handset dials.
pub fn dialled_by(handset: u32) -> SocketAddr {
    address(SERVERS, handset)
}

/// Returns the handset behind an address of either kind.
pub fn handset_of(address: SocketAddr) -> Option<u32> {
    let IpAddr::V6(ip) = address.ip() else { return None };
    let [kind, _, high, low, ..] = ip.segments();
    (kind == HANDSETS || kind == SERVERS).then(|| u32::from(high) << 16 | u32::from(low))
}

fn address(kind: u16, handset: u32) -> SocketAddr {
    let ip = Ipv6Addr::new(kind, 0, (handset >> 16) as u16, handset as u16, 0, 0, 0, 1);
    SocketAddr::from((ip, PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handset_has_addresses_of_its_own() {
        for handset in [0, 1, 65_535, 65_536, 999_999, u32::MAX] {
            assert_eq!(handset_of(of_handset(handset)), Some(handset));
            assert_eq!(handset_of(dialled_by(handset)), Some(handset));
            assert_ne!(of_handset(handset), dialled_by(handset));
        }
        assert_eq!(handset_of("127.0.0.1:443".parse().unwrap()), None);
    }
}
