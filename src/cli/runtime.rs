//! A runtime for the commands that talk to somebody.

use std::future::Future;
use std::num::NonZero;

use crate::request::CommandFailure;

/// Threads for what never blocks. Nearly all of it waits for GitHub: more of them, as a large node
/// would have, cost memory and serve nobody.
const MOST_WORKERS: usize = 4;

/// What `future` gives, on a runtime of its own that ends with it.
///
/// # Errors
/// Its own, or that the system has no threads left.
pub fn in_runtime<T>(
    future: impl Future<Output = Result<T, CommandFailure>>,
) -> Result<T, CommandFailure> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    match threads.worker_threads(cores.min(MOST_WORKERS)).enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(future);
            // A lookup that hangs on a thread of its own must not hold up the end.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CommandFailure::Dependency(format!("cannot start threads: {error}"))),
    }
}
