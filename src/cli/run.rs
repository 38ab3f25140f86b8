//! `run`: the controller with all that belongs to it, from the first log line to the last.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::commands::{self, CommandFailure, ConfigFile, Dependencies, ReadModel, Reload, Socket};
use crate::config::Config;
use crate::http;

use super::live::{Hangups, TerminalSignals};

/// Kubernetes and people expect an end within 5 s of SIGTERM, whatever hangs.
const LAST_MOMENT: Duration = Duration::from_millis(4_700);

/// Governs as `config` says, which was read from `file`, until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting.
pub(super) async fn run(config: &Config, file: ConfigFile) -> Result<(), CommandFailure> {
    let clock = Clock::system();
    let (stop, stopped) = watch::channel(false);
    let (mut signals, mut hangups) = (TerminalSignals::new()?, Hangups::new()?);
    let heard = file.clone();
    commands::check_token(config)?;
    let governed = async {
        let listener = listen(config.server.listen).await?;
        let store = commands::open_store(&config.state_dir, &clock).await?;
        let surroundings = commands::surroundings(config, clock.clone(), store)?;
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

/// The controller, its socket, its pages, and the watch on `file`, until `stop`.
///
/// # Errors
/// What keeps them from starting.
pub async fn govern(
    config: &Config,
    file: ConfigFile,
    surroundings: Dependencies,
    listener: TcpListener,
    stop: watch::Receiver<bool>,
) -> Result<(), CommandFailure> {
    let (clock, store) = (surroundings.clock.clone(), surroundings.store.clone());
    let controller = commands::controller(config, surroundings, true)?;
    let socket = Socket::bind(&config.state_dir)?;
    if let Ok(address) = listener.local_addr() {
        let count = config.repositories.len();
        tracing::info!(%address, repositories = count, "governing {count} repositories; http://{address}");
    }
    let reload = Reload::of(controller.clone(), config.clone(), file);
    let pages = http::routes(ReadModel::on(controller.clone()).beside(reload.clone()));
    let who = |_: &TcpStream| ();
    let peer = |address: &SocketAddr| Some(address.ip());
    tokio::join!(
        controller.run(stop.clone()),
        commands::serve(listener, who, peer, pages, clock, stop.clone()),
        socket.serve(controller.clone(), reload.clone(), stop.clone()),
        commands::prune_daily(&controller, &reload, stop.clone()),
        reload.watch(stop),
    );
    if let Err(error) = store.close().await {
        tracing::warn!("the store could not be closed cleanly: {error}");
    }
    Ok(())
}

/// Binds the address that is to be served.
async fn listen(address: SocketAddr) -> Result<TcpListener, CommandFailure> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandFailure::Dependency(format!(
            "cannot listen on {address}: {error}. Free it, or set another `server.listen`"
        ))
    })
}
