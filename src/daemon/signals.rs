//! Unix signals that the governing process handles.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::ConfigFile;
use crate::request::CommandFailure;

/// The signals that shut the process down gracefully: SIGTERM and SIGINT.
pub struct TerminalSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl TerminalSignals {
    /// Starts to listen. From now on, these signals no longer kill the process.
    ///
    /// # Errors
    /// If the system refuses the signal handlers.
    pub fn new() -> Result<Self, CommandFailure> {
        let failed =
            |error| CommandFailure::Dependency(format!("cannot listen to signals: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Waits for the next signal and returns its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, which requests a check of the configuration file.
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Starts to listen. From now on, this signal no longer kills the process.
    ///
    /// # Errors
    /// If the system refuses the signal handler.
    pub(super) fn new() -> Result<Self, CommandFailure> {
        let heard = signal(SignalKind::hangup());
        heard.map(Self).map_err(|error| {
            CommandFailure::Dependency(format!("cannot listen to signals: {error}"))
        })
    }

    /// Requests a poll of the file for each signal. Never returns.
    pub(super) async fn tell(&mut self, file: &ConfigFile) {
        while self.0.recv().await.is_some() {
            tracing::info!("SIGHUP: checking the configuration");
            file.look_now();
        }
        std::future::pending().await
    }
}
