//! The controller's Unix socket: whoever can open it may operate it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
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
use crate::controller::Controller;
use crate::domain::secrets::hide;

use super::drift::{ADDRESS, RunningConfig};
use super::serve::stopped;
use super::{
    ApproveRequest, BacktestRequest, Caller, CommandFailure, ControllerRequest,
    FleetHistoryRequest, HistoryRequest, OverviewRequest, PauseRequest, ReconcileRequest, Reload,
    ResumeRequest, SetProductionRequest, SimulateRequest, StatusRequest, TriggerRequest, serve,
};

const FILE: &str = "release-governor.sock";
/// Where the socket is made, out of everybody's reach until its mode is right.
const NURSERY: &str = ".sock";
/// `sun_path` of Linux has 108 bytes, and ends in a zero.
const LONGEST_PATH: usize = 107;
/// Commands at once.
const MOST_COMMANDS: usize = 64;
/// How long commands that are under way may go on after `stop`.
const GRACE: Duration = Duration::from_millis(3_500);

/// Where the socket of a controller with this state directory is.
///
/// # Errors
/// A path that is too long for the system.
pub fn socket_path(state_dir: &Path) -> Result<PathBuf, CommandFailure> {
    let path = state_dir.join(FILE);
    let length = path.as_os_str().as_bytes().len();
    if length > LONGEST_PATH {
        return Err(CommandFailure::Usage(format!(
            "the socket's path {} has {length} bytes, and the system takes at most \
             {LONGEST_PATH}: set a shorter `state.dir`",
            path.display()
        )));
    }
    Ok(path)
}

/// The socket, bound. It leaves with the controller.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds the socket in a state directory whose store this process holds: what lies there
    /// under the socket's name is a dead process's.
    ///
    /// # Errors
    /// Where the path is too long, or the system says no.
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

    /// Answers commands until `stop`.
    pub async fn serve(
        self,
        controller: Controller,
        reload: Reload,
        mut stop: watch::Receiver<bool>,
    ) {
        let clock = controller.shared().clock.clone();
        let desk =
            SocketState { controller, reload, clock: clock.clone(), under_way: Arc::default() };
        let app = routes(desk.clone());
        let served = serve(self.listener, Caller::of_socket, |_| None, app, clock, stop.clone());
        let finished = async {
            stopped(&mut stop).await;
            desk.finish().await;
        };
        tokio::join!(served, finished);
        // The next process replaces it anyway.
        let _ = fs::remove_file(&self.path);
    }
}

/// Between `bind` and `chmod` a socket has the mode of the process's umask: it is made in a
/// directory that nobody else can enter, and moved, in place of a dead process's.
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

/// What the routes share.
#[derive(Clone)]
struct SocketState {
    controller: Controller,
    reload: Reload,
    clock: Clock,
    /// Commands that write go on when their asker hangs up: none is cut off between two requests.
    /// By their kind, each of which has places of its own: whatever else waits for GitHub, a pause
    /// finds one.
    under_way: Arc<Mutex<BTreeMap<&'static str, CommandPlaces>>>,
}

/// The commands of one kind.
struct CommandPlaces {
    places: Arc<Semaphore>,
    going_on: JoinSet<()>,
}

impl Default for CommandPlaces {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_COMMANDS)), going_on: JoinSet::new() }
    }
}

fn routes(desk: SocketState) -> Router {
    fn route<A: ControllerRequest>(router: Router<SocketState>) -> Router<SocketState> {
        let answered = post(answer::<A>).layer(DefaultBodyLimit::max(A::LARGEST));
        router.route(&address::<A>(), answered)
    }
    let router = route::<HistoryRequest>(route::<FleetHistoryRequest>(Router::new()));
    let router = route::<OverviewRequest>(route::<BacktestRequest>(router));
    let router =
        route::<StatusRequest>(route::<SimulateRequest>(route::<TriggerRequest>(route::<
            ApproveRequest,
        >(router))));
    let router =
        route::<PauseRequest>(route::<ResumeRequest>(route::<SetProductionRequest>(router)));
    let router = router.route(ADDRESS, get(running_config));
    route::<ReconcileRequest>(router).with_state(desk)
}

/// Where a command is sent to.
pub(super) fn address<A: ControllerRequest>() -> String {
    format!("/v1/{}", A::NAME)
}

async fn running_config(State(desk): State<SocketState>) -> Response {
    Json(RunningConfig::of(&desk.reload)).into_response()
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
            // It ends with its asker: nothing is left half done.
            let answer = ask.carry_out(controller, caller).await;
            drop(place);
            return answer;
        }
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            let _place = place;
            // Nobody waits for it any more where this fails.
            let _ = sender.send(ask.carry_out(controller, caller).await);
        };
        self.under_way.lock().await.entry(A::NAME).or_default().going_on.spawn(work);
        receiver.await.unwrap_or_else(|_| {
            let text = "the command ended in the middle; the ledger holds what was done: see \
                        `status`";
            Err(CommandFailure::Dependency(text.to_owned()))
        })
    }

    /// Waits for what is under way, for a moment; the ledger holds what is cut off then.
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

/// An answer for a person's terminal or a program's file, without what has the form of a secret.
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
