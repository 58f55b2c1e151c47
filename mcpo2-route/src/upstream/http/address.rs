use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Where a module may be: an address of another kind is never dialled, whoever names it.
///
/// Each of them stands for one [`AddressKind`], and only [`Any`](Self::Any) for several. So a name
/// that is looked up and leads elsewhere, by mistake or because somebody rebinds it, leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Network {
    /// On the internet.
    Public,
    /// In a private network: RFC 1918, RFC 6598 (shared), and unique local addresses.
    Private,
    /// On this machine.
    Loopback,
    /// Anywhere, link-local addresses and the metadata services of clouds included.
    Any,
}

/// What an address is, as far as it matters to whom may be sent there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// A unicast address of the internet.
    Public,
    /// RFC 1918, RFC 6598 (shared, "carrier-grade NAT"), RFC 4193 (unique local).
    Private,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `169.254.0.0/16` and `fe80::/10`, apart from metadata services.
    LinkLocal,
    /// Where a cloud tells a machine its credentials.
    Metadata,
    /// Nothing that a module listens at: unspecified, multicast, documentation, and the like.
    Reserved,
}

/// A word that is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is `public`, `private`, `loopback` or `any`")]
pub struct UnknownNetwork;

impl Network {
    /// The network that a host of a URL says by itself: that of an address that is written out,
    /// [`Loopback`](Self::Loopback) for `localhost`, and [`Public`](Self::Public) for other names.
    ///
    /// An address that is link-local, of a metadata service or reserved says
    /// [`Public`](Self::Public), where it is not found.
    ///
    /// ```
    /// use mcpo2_route::upstream::http::Network;
    ///
    /// assert_eq!(Network::of_host("127.0.0.1"), Network::Loopback);
    /// assert_eq!(Network::of_host("[fd12::1]"), Network::Private);
    /// assert_eq!(Network::of_host("169.254.169.254"), Network::Public);
    /// assert_eq!(Network::of_host("mcp.example.com"), Network::Public);
    /// ```
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        match literal(host).map(AddressKind::of) {
            Some(AddressKind::Private) => Self::Private,
            Some(AddressKind::Loopback) => Self::Loopback,
            Some(_) => Self::Public,
            None if is_localhost(host) => Self::Loopback,
            None => Self::Public,
        }
    }

    /// Whether a module of this network may be at this address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match AddressKind::of(address) {
            AddressKind::Public => matches!(self, Self::Public | Self::Any),
            AddressKind::Private => matches!(self, Self::Private | Self::Any),
            AddressKind::Loopback => matches!(self, Self::Loopback | Self::Any),
            AddressKind::LinkLocal | AddressKind::Metadata => self == Self::Any,
            AddressKind::Reserved => false,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::Any => "any",
        }
    }
}

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(word: &str) -> Result<Self, UnknownNetwork> {
        [Self::Public, Self::Private, Self::Loopback, Self::Any]
            .into_iter()
            .find(|network| network.as_str() == word)
            .ok_or(UnknownNetwork)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AddressKind {
    /// What an address is. One that carries an IPv4 address (mapped, 6to4, NAT64) is what that
    /// one is.
    ///
    /// ```
    /// use mcpo2_route::upstream::http::AddressKind;
    ///
    /// let kind = |address: &str| AddressKind::of(address.parse().unwrap());
    /// assert_eq!(kind("::ffff:169.254.169.254"), AddressKind::Metadata);
    /// assert_eq!(kind("64:ff9b::10.0.0.1"), AddressKind::Private);
    /// ```
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => match carried(address) {
                Some(inner) => Self::of_v4(inner),
                None => Self::of_v6(address),
            },
        }
    }

    /// IANA's registry of special-purpose IPv4 addresses, and the metadata services.
    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            // AWS and nearly all others; its tasks; its pods; Alibaba; Oracle; Azure.
            [169, 254, 169, 254]
            | [169, 254, 170, 2 | 23]
            | [100, 100, 100, 200]
            | [192, 0, 0, 192]
            | [168, 63, 129, 16] => Self::Metadata,
            [169, 254, ..] => Self::LinkLocal,
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [0, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    /// IANA's registry of special-purpose IPv6 addresses: outside `2000::/3` nothing is public.
    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            // AWS; its pods; Google.
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254 | 0x0023]
            | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => Self::Metadata,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            // Protocol assignments (Teredo among them), documentation.
            [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => {
                Self::Reserved
            }
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Metadata => "of a metadata service",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address that a host of a URL is, where it is none to look up.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// The IPv4 address that this one stands for, or is carried to.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., g, h] = address.segments();
    let last = (u32::from(g) << 16) | u32::from(h);
    match address.segments() {
        // IPv4-mapped; NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x0064, 0xff9b, 0, 0, 0, 0, _, _] => {
            Some(Ipv4Addr::from_bits(last))
        }
        // 6to4.
        [0x2002, b, c, ..] => Some(Ipv4Addr::from_bits((u32::from(b) << 16) | u32::from(c))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_address_is_what_the_registries_say() {
        use AddressKind::{LinkLocal, Loopback, Metadata, Private, Public, Reserved};
        for (kind, addresses) in [
            (
                Public,
                "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 \
                 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.0.0 198.20.0.0 223.255.255.255 \
                 2606:4700::1111 2000:: 2001:200:: 2001:db7:ffff:: 2001:db9:: 3fff:1000:: ::ffff:1.1.1.1 64:ff9b::8.8.8.8 2002:808:808::1",
            ),
            (
                Private,
                "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 100.64.0.0 100.127.255.255 \
                 fc00:: fdff:ffff:: fd00:ec2::253 ::ffff:10.1.2.3 64:ff9b::192.168.0.1 2002:a00:1::",
            ),
            (
                Loopback,
                "127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.2 64:ff9b::7f00:1 2002:7f00:1::",
            ),
            (
                LinkLocal,
                "169.254.0.0 169.254.255.255 fe80::1 febf:ffff:: ::ffff:169.254.1.1",
            ),
            (
                Metadata,
                "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254 \
                 fd00:ec2::23 fd20:ce::254 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1",
            ),
            (
                Reserved,
                "0.0.0.0 0.255.255.255 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 \
                 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::7f00:1 ff02::1 2001:db8::1 2001::1 2001:10::1 3fff::1 \
                 100::1 fec0::1 64:ff9b:1::a00:1 ::ffff:0:10.0.0.1 4000::1 ::ffff:0.0.0.0",
            ),
        ] {
            for address in addresses.split_whitespace() {
                let address: IpAddr = address.parse().unwrap();
                assert_eq!(AddressKind::of(address), kind, "{address}");
            }
        }
    }

    #[test]
    fn a_network_holds_one_kind_and_none_holds_what_is_reserved() {
        let kinds = [
            "1.1.1.1",
            "10.0.0.1",
            "::1",
            "fe80::1",
            "169.254.169.254",
            "0.0.0.0",
        ];
        for (network, allowed) in [
            (Network::Public, &kinds[..1]),
            (Network::Private, &kinds[1..2]),
            (Network::Loopback, &kinds[2..3]),
            (Network::Any, &kinds[..5]),
        ] {
            let allows = |address: &&str| network.allows(address.parse().unwrap());
            let found: Vec<_> = kinds.into_iter().filter(allows).collect();
            assert_eq!(found, allowed, "{network}");
            assert_eq!(network.as_str().parse(), Ok(network));
        }
        assert_eq!("Public".parse::<Network>(), Err(UnknownNetwork));
    }

    #[test]
    fn a_host_says_its_network_only_where_nothing_is_looked_up() {
        for (host, network) in [
            ("localhost", Network::Loopback),
            ("A.LocalHost.", Network::Loopback),
            ("[::ffff:127.0.0.1]", Network::Loopback),
            ("192.168.1.1", Network::Private),
            ("8.8.8.8", Network::Public),
            ("[fe80::1]", Network::Public),
            ("0.0.0.0", Network::Public),
            ("localhost.example.com", Network::Public),
            ("notlocalhost", Network::Public),
            ("2130706433", Network::Public),
            ("0x7f.1", Network::Public),
        ] {
            assert_eq!(Network::of_host(host), network, "{host}");
        }
    }

    proptest! {
        #[test]
        fn a_carried_address_is_what_it_carries(bits: u32, low: [u16; 5]) {
            let inner = Ipv4Addr::from_bits(bits);
            let kind = AddressKind::of(inner.into());
            let [b, c] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
            let [d, e, f, g, h] = low;
            for outer in [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, b, c),
                Ipv6Addr::new(0x2002, b, c, d, e, f, g, h),
            ] {
                prop_assert_eq!(AddressKind::of(outer.into()), kind, "{}", outer);
            }
        }

        #[test]
        fn what_is_public_is_so_for_the_standard_library_as_well(address: IpAddr) {
            if AddressKind::of(address) == AddressKind::Public {
                prop_assert!(!address.is_loopback() && !address.is_unspecified() && !address.is_multicast());
                match address {
                    IpAddr::V4(v4) => prop_assert!(
                        !(v4.is_private() || v4.is_link_local() || v4.is_broadcast() || v4.is_documentation())
                    ),
                    IpAddr::V6(v6) => prop_assert!(
                        !(v6.is_unique_local() || v6.is_unicast_link_local()) && v6.segments()[0] >> 13 == 1
                            || carried(v6).is_some()
                    ),
                }
            }
        }
    }
}
