//! Log output: text for a terminal, JSON for log collectors.

use std::env;
use std::io::{self, IsTerminal, Write, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::domain::secrets::hide;

/// Variables of the filter, in order of precedence.
const VARIABLES: [&str; 2] = ["RELEASE_GOVERNOR_LOG", "RUST_LOG"];
const FORMAT_VARIABLE: &str = "RELEASE_GOVERNOR_LOG_FORMAT";
/// The default filter: our own messages from INFO on, libraries' from WARN on.
const DEFAULT_FILTER: &str = "info,hyper=warn,hyper_util=warn,h2=warn,rustls=warn,tower=warn,\
     octocrab=warn,tokio=warn";

/// Why logging could not be initialized.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is invalid.
    #[error(
        "{variable}=`{filter}` is not a log filter: {why}. Expected one such as `info` or `release_governor=debug`"
    )]
    Filter {
        /// The variable that contains the filter.
        variable: &'static str,
        filter: String,
        why: String,
    },
    /// The format is unknown.
    #[error("{FORMAT_VARIABLE}=`{0}` is not a log format. Expected `json` or `text`")]
    Format(String),
    /// Logging was already initialized.
    #[error("the log is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// Initializes logging to standard error. The format is the one set in the environment,
/// otherwise text on a terminal and JSON elsewhere.
///
/// # Errors
/// An invalid filter or format, or a second call.
pub fn init() -> Result<(), LogError> {
    let filter = filter(|variable| env::var(variable).ok())?;
    let as_json = as_json(env::var(FORMAT_VARIABLE).ok(), stderr().is_terminal())?;
    let lines = tracing_subscriber::fmt::layer().with_writer(|| Hiding(stderr()));
    let registry = tracing_subscriber::registry().with(filter);
    if as_json {
        registry.with(lines.json().flatten_event(true)).try_init()?;
    } else {
        let in_colour = stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(in_colour).with_target(false)).try_init()?;
    }
    Ok(())
}

/// Initializes logging as text to a file, for commands that use standard error for something
/// else.
///
/// # Errors
/// An invalid filter, or a second call.
pub fn init_into(file: std::fs::File) -> Result<(), LogError> {
    let filter = filter(|variable| env::var(variable).ok())?;
    let lines = tracing_subscriber::fmt::layer().with_writer(LogFile(file)).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(lines.with_target(false)).try_init()?;
    Ok(())
}

struct LogFile(std::fs::File);

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Hiding<&'a std::fs::File>;

    fn make_writer(&'a self) -> Self::Writer {
        Hiding(&self.0)
    }
}

/// Redacts text that looks like a secret, because much of what is logged was written by others.
/// Each line must be written with one call.
struct Hiding<W>(W);

impl<W: Write> Write for Hiding<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(hide(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn as_json(format: Option<String>, is_terminal: bool) -> Result<bool, LogError> {
    let format = format.unwrap_or_default();
    match format.trim() {
        "" => Ok(!is_terminal),
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err(LogError::Format(format)),
    }
}

fn filter(variable: impl Fn(&str) -> Option<String>) -> Result<EnvFilter, LogError> {
    for name in VARIABLES {
        if let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) {
            return EnvFilter::try_new(&text).map_err(|error| LogError::Filter {
                variable: name,
                filter: text,
                why: error.to_string(),
            });
        }
    }
    Ok(EnvFilter::new(DEFAULT_FILTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_holds_a_secret() {
        let mut written = Vec::new();
        Hiding(&mut written)
            .write_all(b"moved to https://x/?t=ghp_0123456789abcdefghij\n")
            .unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), "moved to https://x/?t=[token]\n");
    }

    #[test]
    fn our_own_variable_wins_and_a_bad_filter_is_named() {
        let both = |name: &str| Some(if name == "RUST_LOG" { "warn" } else { "debug" }.to_owned());
        assert_eq!(filter(both).unwrap().to_string(), "debug");
        assert!(filter(|_| None).unwrap().to_string().contains("octocrab=warn"));
        let bad = filter(|_| Some("a=b=c".into())).unwrap_err().to_string();
        assert!(bad.starts_with("RELEASE_GOVERNOR_LOG=`a=b=c`"), "{bad}");
    }

    #[test]
    fn lines_are_json_away_from_a_terminal_unless_the_environment_says_otherwise() {
        let given = |format: &str, is_terminal| as_json(Some(format.to_owned()), is_terminal);
        assert!(as_json(None, false).unwrap() && !as_json(None, true).unwrap());
        assert!(given(" ", false).unwrap() && given("json", true).unwrap());
        assert!(!given("text", false).unwrap());
        let bad = given("xml", false).unwrap_err().to_string();
        assert_eq!(
            bad,
            "RELEASE_GOVERNOR_LOG_FORMAT=`xml` is not a log format. Expected `json` or `text`"
        );
    }
}
