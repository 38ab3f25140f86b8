//! The governing process: runs the controller, its socket, its web pages and the configuration
//! reload, and shuts them down gracefully.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::bootstrap::{self, Dependencies};
use crate::clock::Clock;
use crate::config::Config;
use crate::operations::{
    ApproveRequest, PauseRequest, ReconcileRequest, ResumeRequest, SetProductionRequest,
    TriggerRequest,
};
use crate::queries::{
    BacktestRequest, FleetHistoryRequest, HistoryRequest, OverviewRequest, ReadModel,
    SimulateRequest, StatusRequest,
};
use crate::request::CommandFailure;
use crate::rpc::{Routes, Socket};
use crate::{http, network};

mod reload;
mod signals;
mod upkeep;

pub use reload::{ConfigFile, Reload};
pub use signals::TerminalSignals;

use signals::Hangups;

/// How long after SIGTERM the process ends at the latest, even if something hangs. Users expect
/// it to exit within 5 s.
const LAST_MOMENT: Duration = Duration::from_millis(4_700);

/// Governs the repositories in `config` until SIGTERM or SIGINT. `config` was read from `file`.
///
/// # Errors
/// If it cannot start.
pub async fn run(config: &Config, file: ConfigFile) -> Result<(), CommandFailure> {
    let clock = Clock::system();
    let (stop, stopped) = watch::channel(false);
    let (mut signals, mut hangups) = (TerminalSignals::new()?, Hangups::new()?);
    let heard = file.clone();
    bootstrap::check_token(config)?;
    let governed = async {
        let listener = listen(config.server.listen).await?;
        let store = bootstrap::open_store(&config.state_dir, &clock).await?;
        let surroundings = bootstrap::surroundings(config, clock.clone(), store)?;
        govern(config, file, surroundings, listener, stopped).await
    };
    let told = async {
        let name = signals.next().await;
        tracing::info!("{name}: finishing what is in progress");
        stop.send_replace(true);
        clock.sleep(LAST_MOMENT).await;
    };
    tokio::select! {
        ended = governed => ended?,
        () = hangups.tell(&heard) => {}
        () = told => tracing::warn!("not everything finished in time; the ledger records it"),
    }
    tracing::info!("ended");
    Ok(())
}

/// Runs the controller, its socket, its web pages and the reload of `file` until `stop`.
///
/// # Errors
/// If they cannot start.
pub async fn govern(
    config: &Config,
    file: ConfigFile,
    surroundings: Dependencies,
    listener: TcpListener,
    stop: watch::Receiver<bool>,
) -> Result<(), CommandFailure> {
    let (clock, store) = (surroundings.clock.clone(), surroundings.store.clone());
    let controller = bootstrap::controller(config, surroundings, true)?;
    let socket = Socket::bind(&config.state_dir)?;
    if let Ok(address) = listener.local_addr() {
        let count = config.repositories.len();
        tracing::info!(%address, repositories = count, "governing {count} repositories; http://{address}");
    }
    let reload = Reload::of(controller.clone(), config.clone(), file);
    let in_force = reload.in_force();
    let pages = http::routes(ReadModel::on(controller.clone()).beside(in_force.clone()));
    let who = |_: &TcpStream| ();
    let peer = |address: &SocketAddr| Some(address.ip());
    tokio::join!(
        controller.run(stop.clone()),
        network::serve(listener, who, peer, pages, clock, stop.clone()),
        socket.serve(controller.clone(), in_force.clone(), routes(), stop.clone()),
        upkeep::prune_daily(&controller, &in_force, stop.clone()),
        reload.watch(stop),
    );
    if let Err(error) = store.close().await {
        tracing::warn!("the store could not be closed cleanly: {error}");
    }
    Ok(())
}

/// The requests that the socket accepts.
fn routes() -> Routes {
    Routes::new()
        .with::<StatusRequest>()
        .with::<OverviewRequest>()
        .with::<SimulateRequest>()
        .with::<BacktestRequest>()
        .with::<HistoryRequest>()
        .with::<FleetHistoryRequest>()
        .with::<TriggerRequest>()
        .with::<ApproveRequest>()
        .with::<PauseRequest>()
        .with::<ResumeRequest>()
        .with::<SetProductionRequest>()
        .with::<ReconcileRequest>()
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CommandFailure> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandFailure::Dependency(format!(
            "cannot listen on {address}: {error}. Free it, or set another `server.listen`"
        ))
    })
}
