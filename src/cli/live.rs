//! Commands that go on until somebody ends them, or nobody reads them any more.

use std::future::Future;
use std::os::fd::AsFd as _;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::unix::pipe;

use crate::clock::Clock;
use crate::daemon::TerminalSignals;
use crate::request::CommandFailure;

/// Somebody who watches: until a signal, or until they close the pipe.
pub(super) struct Audience {
    signals: TerminalSignals,
    clock: Clock,
}

impl Audience {
    /// Whoever reads the standard output.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn new(clock: Clock) -> Result<Self, CommandFailure> {
        Ok(Self { signals: TerminalSignals::new()?, clock })
    }

    /// What `future` gives; none where they leave before.
    pub(super) async fn unless_gone<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.signals.next() => None,
            () = pipe_closed() => None,
            value = future => Some(value),
        }
    }

    /// Waits. False where they leave before.
    pub(super) async fn waits(&mut self, time: Duration) -> bool {
        let slept = self.clock.sleep(time);
        self.unless_gone(slept).await.is_some()
    }
}

/// Completes when nobody can read the standard output any more; never for what is no pipe.
async fn pipe_closed() {
    // Unchecked: a check would make the pipe non-blocking, for all who write to it.
    if let Ok(output) = std::io::stdout().as_fd().try_clone_to_owned()
        && let Ok(pipe) = pipe::Sender::from_owned_fd_unchecked(output)
        && pipe.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
