//! Where a controller is asked: its socket, and the path of each request there.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::request::{CommandFailure, ControllerRequest};

const FILE: &str = "release-governor.sock";
/// `sun_path` of Linux has 108 bytes, and ends in a zero.
const LONGEST_PATH: usize = 107;

/// Where the socket of a controller with this state directory is.
///
/// # Errors
/// A path that is too long for the system.
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

/// Where a command is sent to.
pub(super) fn address<A: ControllerRequest>() -> String {
    format!("/v1/{}", A::NAME)
}
