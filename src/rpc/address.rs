//! The addresses of a controller: the path of its socket, and the URL path of each request.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::request::{CommandFailure, ControllerRequest};

const FILE: &str = "release-governor.sock";
/// On Linux, `sun_path` has 108 bytes, including the terminating zero.
const LONGEST_PATH: usize = 107;

/// The path of the socket of a controller with this state directory.
///
/// # Errors
/// If the path is too long for the system.
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

/// The URL path of a request.
pub(super) fn address<A: ControllerRequest>() -> String {
    format!("/v1/{}", A::NAME)
}
