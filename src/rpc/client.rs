//! The client: reaches a running controller through its socket, or opens the store if none runs.

use std::io;
use std::path::Path;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Store, StoreError};

use super::address::{address, socket_path};
use super::setup::Setup;
use crate::bootstrap::{BETWEEN_LOOKS, open_now, out_of_patience};
use crate::bootstrap::{controller, surroundings};
use crate::request::{Caller, CommandFailure, ControllerRequest, StoreRequest};

/// The maximum size of an answer, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Sends `ask` to the running controller, even if the configuration is refused. If none runs,
/// carries it out in this process.
///
/// # Errors
/// The failure of the request, or the reason it could not be sent.
pub async fn perform<A: ControllerRequest>(
    setup: &Setup,
    ask: A,
    clock: Clock,
) -> Result<A::Answer, CommandFailure> {
    if !Store::is_in(setup.state_dir()) {
        // No controller ever ran here. A refused configuration must not create a store.
        setup.config()?;
    }
    match reach(setup.state_dir(), &clock).await? {
        Reached::Running(stream) => send(stream, &ask).await,
        Reached::Alone(store) => {
            let done = match setup.config() {
                Ok(config) => alone(config, ask, clock, store.clone()).await,
                Err(refusal) => Err(refusal),
            };
            // If this fails, only caches are lost.
            let _ = store.close().await;
            done
        }
    }
}

async fn alone<A: ControllerRequest>(
    config: &Config,
    ask: A,
    clock: Clock,
    store: Store,
) -> Result<A::Answer, CommandFailure> {
    let controller = controller(config, surroundings(config, clock, store)?, ask.writes())?;
    ask.carry_out(controller, Caller::myself()).await
}

/// Like [`perform`], but answers from the store if no controller runs, without GitHub. Does not
/// create a store.
///
/// # Errors
/// As [`perform`].
pub async fn look<A: StoreRequest>(
    setup: &Setup,
    ask: A,
    clock: &Clock,
) -> Result<A::Answer, CommandFailure> {
    socket_path(setup.state_dir())?;
    if !Store::is_in(setup.state_dir()) {
        return ask.of_store(setup.config()?, None).await;
    }
    match reach(setup.state_dir(), clock).await? {
        Reached::Running(stream) => send(stream, &ask).await,
        Reached::Alone(store) => {
            let answer = match setup.config() {
                Ok(config) => ask.of_store(config, Some(&store)).await,
                Err(refusal) => Err(refusal),
            };
            // If this fails, only caches are lost.
            let _ = store.close().await;
            answer
        }
    }
}

enum Reached {
    Running(UnixStream),
    Alone(Store),
}

/// Connects to the running controller, or opens the store. Waits for a controller that is starting,
/// which holds the store but has no socket yet, and for a command that holds the store.
async fn reach(state_dir: &Path, clock: &Clock) -> Result<Reached, CommandFailure> {
    let path = socket_path(state_dir)?;
    let began = clock.monotonic();
    loop {
        match UnixStream::connect(&path).await {
            Ok(stream) => return Ok(Reached::Running(stream)),
            // No controller runs, or it left a stale socket behind.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(CommandFailure::Dependency(format!(
                    "cannot reach the controller at {}: {error}. Only the user that runs it may",
                    path.display()
                )));
            }
            Err(error) => {
                return Err(CommandFailure::Dependency(format!(
                    "cannot reach the controller at {}: {error}",
                    path.display()
                )));
            }
        }
        match open_now(state_dir).await {
            Ok(store) => return Ok(Reached::Alone(store)),
            Err(StoreError::AlreadyOpen { .. }) if !out_of_patience(clock, began) => {
                clock.sleep(BETWEEN_LOOKS).await;
            }
            Err(StoreError::AlreadyOpen { path: store }) => {
                return Err(CommandFailure::Dependency(format!(
                    "another release-governor holds {}, and none answers at {}. It may be a \
                     command that takes long: try again",
                    store.display(),
                    path.display()
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends a request to the running controller.
async fn send<A: ControllerRequest>(
    stream: UnixStream,
    ask: &A,
) -> Result<A::Answer, CommandFailure> {
    let lost = |error: &dyn std::error::Error| {
        CommandFailure::Dependency(format!(
            "the controller ended before it answered ({error}). What it did is in its ledger: \
             see `status`"
        ))
    };
    let body = serde_json::to_vec(ask).map_err(|error| {
        CommandFailure::Dependency(format!("cannot say this to the controller: {error}"))
    })?;
    let request = Request::post(address::<A>())
        .header(header::HOST, "controller")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| CommandFailure::Dependency(error.to_string()))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| lost(&error))?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
    let code = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| lost(error.as_ref()))?.to_bytes();
    understood(code, &body)
}

fn understood<T: serde::de::DeserializeOwned>(
    code: StatusCode,
    body: &[u8],
) -> Result<T, CommandFailure> {
    if code == StatusCode::OK
        && let Ok(answer) = serde_json::from_slice(body)
    {
        return Ok(answer);
    }
    Err(serde_json::from_slice(body).unwrap_or_else(|_| {
        CommandFailure::Dependency(format!(
            "the controller's answer makes no sense (HTTP {code}): is it of another version than \
             this command?"
        ))
    }))
}
