//! Shell completion. The generated script calls this program, which knows the configured
//! repositories.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, CompletionCandidate, Shell};

use super::NAME;
use super::args::{Arguments, CONFIG_FILE, CONFIG_VARIABLE};
use crate::config;
use crate::request::CommandFailure;

/// The completion script sets this variable to request candidates. It is not a configuration
/// variable.
const VARIABLE: &str = "_RELEASE_GOVERNOR_COMPLETE";

/// Answers a completion request. Returns `false` if this invocation is not one.
///
/// # Errors
/// If the shell is unknown, or the candidates cannot be written.
pub(super) fn answered(arguments: &[OsString]) -> Result<bool, CommandFailure> {
    let asked = CompleteEnv::with_factory(Arguments::command).var(VARIABLE);
    let here = std::env::current_dir().ok();
    asked
        .try_complete(arguments.iter().cloned(), here.as_deref())
        .map_err(|error| CommandFailure::Usage(format!("cannot complete: {error}")))
}

/// The completion script for `shell`.
pub(super) fn script(shell: Shell) -> Result<String, CommandFailure> {
    let failed = |why: String| CommandFailure::Dependency(format!("cannot make the script: {why}"));
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells.completer(&name).ok_or_else(|| failed(format!("no {name} is known")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, NAME, NAME, NAME, &mut script)
        .map_err(|error| failed(error.to_string()))?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// The repositories of the configuration that the typed command line uses. Empty if the
/// configuration is invalid.
pub(super) fn repositories() -> Vec<CompletionCandidate> {
    let file = named_file().or_else(|| std::env::var_os(CONFIG_VARIABLE)).map(PathBuf::from);
    let file = file.unwrap_or_else(|| CONFIG_FILE.into());
    let text = |value: OsString| value.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let Ok(config) = config::load(&file, variables) else { return Vec::new() };
    let names = config.repositories.iter().map(|policy| policy.repository.to_string());
    names.map(CompletionCandidate::new).collect()
}

/// The value of `--config` on the command line that is being completed.
fn named_file() -> Option<OsString> {
    let mut words = std::env::args_os().skip_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next();
        }
        if let Some(file) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(file.into());
        }
    }
    None
}
