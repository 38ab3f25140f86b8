//! The signals of a process that governs.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::ConfigFile;
use crate::request::CommandFailure;

/// The signals that end a process in good order.
pub struct TerminalSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl TerminalSignals {
    /// From now on these signals end nothing by themselves.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> Result<Self, CommandFailure> {
        let failed =
            |error| CommandFailure::Dependency(format!("cannot listen to signals: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// The name of the next one.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The signal by which people say that a configuration has changed.
pub(super) struct Hangups(Signal);

impl Hangups {
    /// From now on this signal ends nothing by itself.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn new() -> Result<Self, CommandFailure> {
        let heard = signal(SignalKind::hangup());
        heard.map(Self).map_err(|error| {
            CommandFailure::Dependency(format!("cannot listen to signals: {error}"))
        })
    }

    /// Has the file looked at for each; never ends by itself.
    pub(super) async fn tell(&mut self, file: &ConfigFile) {
        while self.0.recv().await.is_some() {
            tracing::info!("SIGHUP: checking the configuration");
            file.look_now();
        }
        std::future::pending().await
    }
}
