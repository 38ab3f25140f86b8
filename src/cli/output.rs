//! Where the words go. Nobody listening is no failure.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::request::CommandFailure;

use super::render::clean;
use crate::messages::tame_json;

/// How wide the terminal is; `None` where the output is not one, and lines may be long.
#[must_use]
pub fn width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Writes `text` to the standard output, in colour on a terminal only.
///
/// # Errors
/// When it cannot be written, but for a reader that went away.
pub fn print(text: &str) -> Result<(), CommandFailure> {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CommandFailure::Dependency(format!("cannot write to the standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes `value` to the standard output as JSON.
///
/// # Errors
/// When it cannot be written, but for a reader that went away.
pub fn print_json(value: &impl Serialize) -> Result<(), CommandFailure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(tame_json(text) + "\n")),
        Err(error) => Err(CommandFailure::Dependency(format!("cannot write as JSON: {error}"))),
    }
}

/// Writes `value` to the standard output as JSON on one line.
///
/// # Errors
/// As [`print_json`].
pub fn print_json_line(value: &impl Serialize) -> Result<(), CommandFailure> {
    match serde_json::to_string(value) {
        Ok(text) => print(&(tame_json(text) + "\n")),
        Err(error) => Err(CommandFailure::Dependency(format!("cannot write as JSON: {error}"))),
    }
}

/// Writes one line to the standard error.
pub fn say(kind: &str, text: &str) {
    // Where not even this can be written, nothing is left to say.
    let _ = writeln!(anstream::stderr(), "{kind}: {}", clean(text));
}
