//! Where a connection comes from, and the network around it.

use std::net::IpAddr;

/// The source of a connection: an IPv4 address, or an IPv6 network of 64 bits, which one host has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An IPv4 address.
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address.
    V6([u8; 8]),
}

/// The network around a source: 24 bits of IPv4, or 48 bits of IPv6, which one subscriber may have to itself (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Prefix {
    /// The first 24 bits of an IPv4 address.
    V4([u8; 3]),
    /// The first 48 bits of an IPv6 address.
    V6([u8; 6]),
}

impl Source {
    /// Returns the network around the source.
    pub(crate) fn prefix(self) -> Prefix {
        match self {
            Self::V4([a, b, c, _]) => Prefix::V4([a, b, c]),
            Self::V6([a, b, c, d, e, f, _, _]) => Prefix::V6([a, b, c, d, e, f]),
        }
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn an_ipv6_host_cannot_hop_through_its_network() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
    }

    #[test]
    fn a_prefix_holds_the_sources_around_it() {
        assert_eq!(source("2001:db8:1:2::1").prefix(), source("2001:db8:1:3::1").prefix());
        assert_ne!(source("2001:db8:1::1").prefix(), source("2001:db8:2::1").prefix());
        assert_eq!(source("10.0.0.1").prefix(), source("10.0.0.9").prefix());
        assert_ne!(source("10.0.0.1").prefix(), source("10.0.1.1").prefix());
    }
}
