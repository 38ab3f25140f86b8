//! The tokio runtime of commands that use the network.

use std::future::Future;
use std::num::NonZero;

use crate::request::CommandFailure;

/// Maximum number of worker threads. Tasks spend nearly all their time waiting for GitHub, so one
/// thread per core of a large node would only cost memory.
const MOST_WORKERS: usize = 4;

/// Runs `future` to completion on a new runtime, and shuts the runtime down.
///
/// # Errors
/// The error of `future`, or [`CommandFailure::Dependency`] if no threads can be started.
pub fn in_runtime<T>(
    future: impl Future<Output = Result<T, CommandFailure>>,
) -> Result<T, CommandFailure> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    match threads.worker_threads(cores.min(MOST_WORKERS)).enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(future);
            // Do not wait for blocking threads: a DNS lookup that hangs must not delay the exit.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CommandFailure::Dependency(format!("cannot start threads: {error}"))),
    }
}
