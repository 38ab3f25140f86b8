//! A runtime for the commands that talk to somebody.

use std::future::Future;

use crate::commands::Failure;

/// What `future` gives, on a runtime of its own that ends with it.
///
/// # Errors
/// Its own, or that the system has no threads left.
pub fn in_runtime<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(future);
            // A lookup that hangs on a thread of its own must not hold up the end.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::Dependency(format!("cannot start threads: {error}"))),
    }
}
