//! From what users write to the addresses they mean.
//!
//! What is an address already is used as it is. A name goes to the system's resolver, which blocks, so it runs on the
//! blocking pool.

use crate::error::AddressError;
use std::io;
use std::net::ToSocketAddrs as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use private::{Addresses, Target};

/// What can be bound or connected to: an address, several, or a name with a port.
///
/// `"localhost:80"`, `("localhost", 80)`, `SocketAddr`, `(IpAddr, u16)`, slices and arrays of addresses, and references to any
/// of these. The trait is sealed: it may grow without breaking anybody.
///
/// ```
/// use filch_net::{ToSocketAddrs, UdpSocket};
/// # futures_lite::future::block_on(async {
/// /// Binds to whatever names an address.
/// async fn socket(address: impl ToSocketAddrs) -> std::io::Result<UdpSocket> {
///     UdpSocket::bind(address).await
/// }
/// socket("127.0.0.1:0").await?;
/// socket((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
/// assert!(socket(("localhost", 0)).await?.local_addr()?.ip().is_loopback());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub trait ToSocketAddrs: private::Sealed {}

pub(crate) mod private {
    use std::io;
    use std::net::SocketAddr;

    #[derive(Debug)]
    pub enum Target {
        Addresses(Addresses),
        Name(String, u16),
    }

    /// One address without an allocation, or any number.
    #[derive(Debug)]
    pub enum Addresses {
        One(SocketAddr),
        Many(Vec<SocketAddr>),
    }

    impl Addresses {
        pub(crate) fn as_slice(&self) -> &[SocketAddr] {
            match self {
                Self::One(address) => std::slice::from_ref(address),
                Self::Many(addresses) => addresses,
            }
        }
    }

    pub trait Sealed {
        fn target(&self) -> io::Result<Target>;
    }
}

/// Finds the addresses of a name, in the order the system prefers.
///
/// # Errors
/// The name is malformed (`InvalidInput`) or unknown, or the resolver failed.
/// # Cancel safety
/// Dropping the future discards the answer; a look-up under way ends in its own time on the blocking pool.
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let addresses = filch_net::lookup("127.0.0.1:80").await?;
/// assert_eq!(addresses, ["127.0.0.1:80".parse().unwrap()]);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn lookup(target: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    Ok(resolve(target).await?.as_slice().to_vec())
}

/// The addresses `target` means: at least one.
pub(crate) async fn resolve(target: impl ToSocketAddrs) -> io::Result<Addresses> {
    let target = target.target()?;
    let addresses = match target {
        Target::Addresses(addresses) => addresses,
        Target::Name(name, port) => resolve_name(name, port).await?,
    };
    if addresses.as_slice().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no addresses were given"));
    }
    Ok(addresses)
}

async fn resolve_name(name: String, port: u16) -> io::Result<Addresses> {
    let asked = name.clone();
    let answer = filch_blocking::unblock(move || {
        (asked.as_str(), port).to_socket_addrs().map(|addresses| addresses.collect::<Vec<_>>())
    });
    let answer = answer.await.map_err(io::Error::other).flatten();
    match answer {
        Ok(addresses) if addresses.is_empty() => {
            let nothing = io::Error::new(io::ErrorKind::NotFound, "it has no addresses");
            Err(AddressError::wrap("look up", name, nothing))
        }
        Ok(addresses) => Ok(Addresses::Many(addresses)),
        Err(error) => Err(AddressError::wrap("look up", name, error)),
    }
}

macro_rules! one_address {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {}
        impl private::Sealed for $type {
            fn target(&self) -> io::Result<Target> {
                Ok(Target::Addresses(Addresses::One(SocketAddr::from(*self))))
            }
        }
    )*};
}

one_address!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for [SocketAddr] {}
impl private::Sealed for [SocketAddr] {
    fn target(&self) -> io::Result<Target> {
        Ok(Target::Addresses(Addresses::Many(self.to_vec())))
    }
}

impl<const N: usize> ToSocketAddrs for [SocketAddr; N] {}
impl<const N: usize> private::Sealed for [SocketAddr; N] {
    fn target(&self) -> io::Result<Target> {
        self.as_slice().target()
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {}
impl private::Sealed for Vec<SocketAddr> {
    fn target(&self) -> io::Result<Target> {
        self.as_slice().target()
    }
}

impl ToSocketAddrs for (&str, u16) {}
impl private::Sealed for (&str, u16) {
    fn target(&self) -> io::Result<Target> {
        let (host, port) = *self;
        Ok(match host.parse::<IpAddr>() {
            Ok(ip) => Target::Addresses(Addresses::One((ip, port).into())),
            Err(_) => Target::Name(host.to_owned(), port),
        })
    }
}

impl ToSocketAddrs for (String, u16) {}
impl private::Sealed for (String, u16) {
    fn target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).target()
    }
}

impl ToSocketAddrs for str {}
impl private::Sealed for str {
    fn target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse() {
            return Ok(Target::Addresses(Addresses::One(address)));
        }
        let malformed = |what| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, what);
            AddressError::wrap("look up", self, error)
        };
        let (host, port) = self.rsplit_once(':').ok_or_else(|| malformed("there is no port in it"))?;
        let port = port.parse().map_err(|_| malformed("its port is not a number below 65536"))?;
        (host, port).target()
    }
}

impl ToSocketAddrs for String {}
impl private::Sealed for String {
    fn target(&self) -> io::Result<Target> {
        self.as_str().target()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: private::Sealed + ?Sized> private::Sealed for &T {
    fn target(&self) -> io::Result<Target> {
        (**self).target()
    }
}
