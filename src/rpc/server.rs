//! The controller's Unix socket. Anyone who can open it may operate the controller.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::UnixListener;
use tokio::sync::{Mutex, Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::ConfigInForce;
use crate::controller::Controller;
use crate::domain::secrets::hide;

use super::address::{address, socket_path};
use super::running_config::{ADDRESS, RunningConfig};
use crate::network::{serve, stopped};
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// The directory in which the socket is created. No other user can enter it while the socket does
/// not have its final mode.
const NURSERY: &str = ".sock";
/// The maximum number of concurrent commands of one kind.
const MOST_COMMANDS: usize = 64;
/// How long running commands may continue after `stop`.
const GRACE: Duration = Duration::from_millis(3_500);

/// The bound socket. Its file is removed when the controller stops.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds the socket in a state directory. This process must hold the store there, so that an
    /// existing socket can only be that of a dead process.
    ///
    /// # Errors
    /// If the path is too long or taken by another kind of file, or the system refuses.
    pub fn bind(state_dir: &Path) -> Result<Self, CommandFailure> {
        let path = socket_path(state_dir)?;
        let failed = |error: io::Error| {
            CommandFailure::Dependency(format!(
                "cannot make the socket {}: {error}",
                path.display()
            ))
        };
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.file_type().is_socket()) {
            return Err(CommandFailure::Dependency(format!(
                "cannot make the socket {}: something else has that name. Move it away",
                path.display()
            )));
        }
        let listener = bind_for_us_alone(state_dir, &path).map_err(failed)?;
        Ok(Self { listener, path })
    }

    /// Serves the requests of `routes` until `stop`.
    pub async fn serve(
        self,
        controller: Controller,
        in_force: ConfigInForce,
        routes: Routes,
        mut stop: watch::Receiver<bool>,
    ) {
        let clock = controller.shared().clock.clone();
        let desk =
            SocketState { controller, in_force, clock: clock.clone(), under_way: Arc::default() };
        let app = routes.0.with_state(desk.clone());
        let served = serve(self.listener, Caller::of_socket, |_| None, app, clock, stop.clone());
        let finished = async {
            stopped(&mut stop).await;
            desk.finish().await;
        };
        tokio::join!(served, finished);
        // If this fails, the next process replaces the file.
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds a socket that only this user can open. Between `bind` and `chmod`, its mode depends on
/// the umask. It is therefore created in a directory that no other user can enter, and then moved
/// to `path`, where it replaces the socket of a dead process.
fn bind_for_us_alone(state_dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let nursery = state_dir.join(NURSERY);
    let _ = fs::remove_dir_all(&nursery);
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let young = nursery.join("s");
    let listener = UnixListener::bind(&young)?;
    fs::set_permissions(&young, Permissions::from_mode(0o600))?;
    fs::rename(&young, path)?;
    fs::remove_dir(&nursery)?;
    Ok(listener)
}

/// The requests that a socket accepts.
pub struct Routes(Router<SocketState>);

impl Routes {
    /// Only the route that reports the configuration in force.
    #[must_use]
    pub fn new() -> Self {
        Self(Router::new().route(ADDRESS, get(running_config)))
    }

    /// Adds requests of this kind.
    #[must_use]
    pub fn with<R: ControllerRequest>(self) -> Self {
        let answered = post(answer::<R>).layer(DefaultBodyLimit::max(R::LARGEST));
        Self(self.0.route(&address::<R>(), answered))
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

/// State shared by the routes.
#[derive(Clone)]
struct SocketState {
    controller: Controller,
    in_force: ConfigInForce,
    clock: Clock,
    /// The running commands by kind. Each kind has its own permits, so that `pause` is accepted
    /// however many other commands wait for GitHub. A command that writes continues when its
    /// client disconnects, so that it is not cut off between two requests to GitHub.
    under_way: Arc<Mutex<BTreeMap<&'static str, CommandPlaces>>>,
}

/// The permits of one kind of command, and its running commands that write.
struct CommandPlaces {
    places: Arc<Semaphore>,
    going_on: JoinSet<()>,
}

impl Default for CommandPlaces {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_COMMANDS)), going_on: JoinSet::new() }
    }
}

async fn running_config(State(desk): State<SocketState>) -> Response {
    Json(RunningConfig::of(&desk.in_force)).into_response()
}

async fn answer<A: ControllerRequest>(
    State(desk): State<SocketState>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let ask: A = match serde_json::from_slice(&body) {
        Ok(ask) => ask,
        Err(error) => {
            let text = format!("the controller does not understand this command: {error}");
            return failed(&CommandFailure::Usage(text));
        }
    };
    match desk.carried_out(ask, caller).await {
        Ok(answer) => json(&answer),
        Err(failure) => failed(&failure),
    }
}

impl SocketState {
    async fn carried_out<A: ControllerRequest>(
        &self,
        ask: A,
        caller: Caller,
    ) -> Result<A::Answer, CommandFailure> {
        let place = {
            let mut under_way = self.under_way.lock().await;
            let kind = under_way.entry(A::NAME).or_default();
            while kind.going_on.try_join_next().is_some() {}
            Arc::clone(&kind.places).try_acquire_owned().map_err(|_| {
                let (most, name) = (MOST_COMMANDS, A::NAME);
                let text = format!(
                    "the controller is already running {most} `{name}` commands: try again"
                );
                CommandFailure::Dependency(text)
            })?
        };
        let controller = self.controller.clone();
        if !ask.writes() {
            // It ends when its client disconnects. It only reads, so nothing stays half done.
            let answer = ask.carry_out(controller, caller).await;
            drop(place);
            return answer;
        }
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            let _place = place;
            // This fails if the client has disconnected.
            let _ = sender.send(ask.carry_out(controller, caller).await);
        };
        self.under_way.lock().await.entry(A::NAME).or_default().going_on.spawn(work);
        receiver.await.unwrap_or_else(|_| {
            let text = "the command ended in the middle; the ledger holds what was done: see \
                        `status`";
            Err(CommandFailure::Dependency(text.to_owned()))
        })
    }

    /// Waits up to [`GRACE`] for running commands, then aborts them. The ledger records what they
    /// did.
    async fn finish(&self) {
        let mut under_way = self.under_way.lock().await;
        let ended = async {
            for kind in under_way.values_mut() {
                while kind.going_on.join_next().await.is_some() {}
            }
        };
        let _ = self.clock.timeout(GRACE, ended).await;
        under_way.values_mut().for_each(|kind| kind.going_on.abort_all());
    }
}

/// A JSON answer, with everything that looks like a secret redacted.
fn json<T: Serialize>(answer: &T) -> Response {
    let text = serde_json::to_string(answer).unwrap_or_else(|_| "null".to_owned());
    ([(header::CONTENT_TYPE, "application/json")], hide(&text).into_owned()).into_response()
}

fn failed(failure: &CommandFailure) -> Response {
    let code = match failure {
        CommandFailure::Usage(_) => StatusCode::BAD_REQUEST,
        CommandFailure::NotFound(_) => StatusCode::NOT_FOUND,
        CommandFailure::Dependency(_) => StatusCode::BAD_GATEWAY,
    };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(failure)).into_response()
}
