//! Support for commands that run until a signal arrives or the reader of their output is gone.

use std::future::Future;
use std::os::fd::AsFd as _;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::unix::pipe;

use crate::clock::Clock;
use crate::daemon::TerminalSignals;
use crate::request::CommandFailure;

/// The reader of a command's output. It is gone after a signal, or when it closes the pipe.
pub(super) struct Audience {
    signals: TerminalSignals,
    clock: Clock,
}

impl Audience {
    /// # Errors
    /// If the signal handlers cannot be installed.
    pub(super) fn new(clock: Clock) -> Result<Self, CommandFailure> {
        Ok(Self { signals: TerminalSignals::new()?, clock })
    }

    /// The output of `future`. `None` if the reader is gone before it completes.
    pub(super) async fn unless_gone<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.signals.next() => None,
            () = pipe_closed() => None,
            value = future => Some(value),
        }
    }

    /// Waits for `time`. Returns `false` if the reader is gone before it has passed.
    pub(super) async fn waits(&mut self, time: Duration) -> bool {
        let slept = self.clock.sleep(time);
        self.unless_gone(slept).await.is_some()
    }
}

/// Completes when the reading end of stdout is closed. Never completes if stdout is not a pipe.
async fn pipe_closed() {
    // `from_owned_fd` would make the pipe non-blocking for every process that shares it.
    if let Ok(output) = std::io::stdout().as_fd().try_clone_to_owned()
        && let Ok(pipe) = pipe::Sender::from_owned_fd_unchecked(output)
        && pipe.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
