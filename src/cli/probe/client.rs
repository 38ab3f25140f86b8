//! A running governor, asked from elsewhere over plain HTTP: what a probe asks, in words.

use std::time::Duration;

use http::Uri;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock::Clock;

use crate::request::CommandFailure;

/// A probe's answer is a line or a few; a governor with hundreds of repositories may name them.
const LARGEST_ANSWER: usize = 256 * 1024;
/// The governor answers at once, whatever a pass does.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is asked, in this order.
const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// What one address answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probed {
    /// The path that was asked.
    pub(super) path: &'static str,
    /// Whether it said yes (200).
    pub(super) is_good: bool,
    /// The HTTP status.
    pub(super) code: u16,
    /// What it said, as it came.
    pub(super) body: String,
}

/// The host and port of an address as in `http://release-governor:8080`.
///
/// # Errors
/// When it is another kind of address.
pub(super) fn probe_address(url: &str) -> Result<String, CommandFailure> {
    let wrong = || {
        CommandFailure::Usage(format!(
            "cannot ask {url}: expected http://HOST:PORT, as in http://release-governor:8080"
        ))
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
    let authority = authority.filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(wrong());
    }
    let port = authority.port_u16().unwrap_or(80);
    Ok(format!("{}:{port}", authority.host()))
}

/// Asks the governor at `address` (host and port) whether it works and whether it is ready.
///
/// # Errors
/// When it does not answer.
pub(super) async fn probe(address: &str, clock: &Clock) -> Result<Vec<Probed>, CommandFailure> {
    let mut answers = Vec::new();
    for path in PATHS {
        let answer = clock.timeout(PATIENCE, ask(address, path)).await;
        answers.push(answer.unwrap_or_else(|_| {
            let waited = PATIENCE.as_secs();
            Err(no_answer(address, path, &format!("it said nothing for {waited} s")))
        })?);
    }
    Ok(answers)
}

async fn ask(address: &str, path: &'static str) -> Result<Probed, CommandFailure> {
    let lost = |error: &dyn std::error::Error| no_answer(address, path, &error.to_string());
    let stream = TcpStream::connect(address).await.map_err(|error| lost(&error))?;
    let request = Request::get(path)
        .header(header::HOST, address)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| lost(&error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| lost(&error))?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
    let code = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| lost(error.as_ref()))?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Probed { path, is_good: code == StatusCode::OK, code: code.as_u16(), body })
}

fn no_answer(address: &str, path: &str, why: &str) -> CommandFailure {
    CommandFailure::Dependency(format!(
        "http://{address}{path} does not answer: {why}. Does a governor run there, and may it be \
         reached from here?"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_more() {
        let address = |url| probe_address(url).map_err(|failure| failure.to_string());
        assert_eq!(address("http://governor:8080").unwrap(), "governor:8080");
        assert_eq!(address("http://governor/").unwrap(), "governor:80");
        assert_eq!(address("http://[::1]:9090").unwrap(), "[::1]:9090");
        for wrong in [
            "governor:8080",
            "https://governor:8080",
            "http://me:pw@governor",
            "http://governor/readyz",
            "http://governor/?a=b",
            "",
        ] {
            let said = address(wrong).unwrap_err();
            assert!(said.contains("expected http://HOST:PORT"), "{wrong}: {said}");
        }
    }
}
