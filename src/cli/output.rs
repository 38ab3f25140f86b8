//! Output to stdout and stderr. A closed pipe is not an error.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::request::CommandFailure;

use super::render::clean;
use crate::messages::tame_json;

/// The width of the terminal in columns. `None` if stdout is not a terminal, so that lines need
/// not be wrapped.
#[must_use]
pub fn width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Writes `text` to stdout, in color only on a terminal.
///
/// # Errors
/// [`CommandFailure::Dependency`] if the write fails for another reason than a closed pipe.
pub fn print(text: &str) -> Result<(), CommandFailure> {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CommandFailure::Dependency(format!("cannot write to the standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes `value` to stdout as indented JSON.
///
/// # Errors
/// As [`print`].
pub fn print_json(value: &impl Serialize) -> Result<(), CommandFailure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(tame_json(text) + "\n")),
        Err(error) => Err(CommandFailure::Dependency(format!("cannot write as JSON: {error}"))),
    }
}

/// Writes `value` to stdout as JSON on one line.
///
/// # Errors
/// As [`print`].
pub fn print_json_line(value: &impl Serialize) -> Result<(), CommandFailure> {
    match serde_json::to_string(value) {
        Ok(text) => print(&(tame_json(text) + "\n")),
        Err(error) => Err(CommandFailure::Dependency(format!("cannot write as JSON: {error}"))),
    }
}

/// Writes a message such as `error: …` to stderr.
pub fn say(kind: &str, text: &str) {
    // If stderr is closed, there is nowhere left to report the error.
    let _ = writeln!(anstream::stderr(), "{kind}: {}", clean(text));
}
