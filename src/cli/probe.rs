//! `probe`: checks the health and readiness of a running governor over HTTP.

mod client;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::clock::Clock;
use crate::request::CommandFailure;

use super::args::{ConfigSource, ProbeArgs};
use super::render::clean;
use super::{Exit, in_runtime, print};

/// Probes the governor at the given URL, or at the listen address in the configuration.
///
/// # Errors
/// If the governor does not respond, or its address is unknown.
pub(super) fn probe(source: &ConfigSource, args: &ProbeArgs) -> Result<Exit, CommandFailure> {
    let address = match &args.url {
        Some(url) => client::probe_address(url)?,
        None => {
            let setup = source.setup();
            own(in_runtime(setup.governed(&Clock::system()))?.listen).to_string()
        }
    };
    let answers = in_runtime(async { client::probe(&address, &Clock::system()).await })?;
    for answer in &answers {
        for line in answer.body.lines() {
            print(&format!("{} {}: {}\n", answer.path, answer.code, clean(line)))?;
        }
    }
    let good = answers.iter().all(|answer| answer.is_good);
    Ok(if good { Exit::Done } else { Exit::Dependency })
}

/// The address to connect to: loopback, if the governor listens on all addresses.
fn own(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}
