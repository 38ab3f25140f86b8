//! An HTTP client for the health and readiness endpoints of a running governor.

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

/// Maximum size of a response body, in bytes. `/readyz` may list many repositories.
const LARGEST_ANSWER: usize = 256 * 1024;
/// Timeout of a request. The endpoints do not wait for passes, so they respond immediately.
const PATIENCE: Duration = Duration::from_secs(10);
/// The paths to request, in this order.
const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// The response of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probed {
    pub(super) path: &'static str,
    /// Whether the status is 200.
    pub(super) is_good: bool,
    /// The HTTP status code.
    pub(super) code: u16,
    /// The body, which may contain control characters.
    pub(super) body: String,
}

/// Extracts `host:port` from a URL such as `http://release-governor:8080`. The default port is 80.
///
/// # Errors
/// [`CommandFailure::Usage`] if the URL has another scheme, user information, a path or a query.
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

/// Requests the health and readiness of the governor at `address` (`host:port`).
///
/// # Errors
/// [`CommandFailure::Dependency`] if a request fails or times out.
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
