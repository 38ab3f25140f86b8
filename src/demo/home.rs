//! The demo's temporary directory: configuration, token, state and log.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::request::CommandFailure;
use crate::telemetry::logs;

/// Maximum length of the temporary directory's path. The socket's path below it must fit into a
/// Unix socket address, which holds 107 bytes.
const LONGEST_TEMPORARY: usize = 50;

/// A directory below the system's temporary directory. Dropping this removes it.
pub(super) struct Home {
    dir: PathBuf,
}

impl Home {
    /// Creates the directory, accessible only to its owner.
    pub(super) fn new(clock: &Clock) -> Result<Self, CommandFailure> {
        let mark: String = clock.chance::<4>().iter().map(|byte| format!("{byte:02x}")).collect();
        let temporary = std::env::temp_dir();
        let fits = temporary.as_os_str().len() <= LONGEST_TEMPORARY;
        let parent = if fits { temporary } else { PathBuf::from("/tmp") };
        let dir = parent.join(format!("governor-demo-{mark}"));
        DirBuilder::new().mode(0o700).create(&dir).map_err(|error| cannot("make", &dir, &error))?;
        Ok(Self { dir })
    }

    /// The path of the configuration file.
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("config.yaml")
    }

    /// The path of the controller's log file.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("governor.log")
    }

    /// Sends the log of this process to the log file, so that it does not mix with the narration.
    pub(super) fn keep_log(&self) -> Result<(), CommandFailure> {
        let path = self.log();
        let file = File::create(&path).map_err(|error| cannot("make", &path, &error))?;
        logs::init_into(file).map_err(|error| CommandFailure::Usage(error.to_string()))
    }

    /// Writes the configuration file and the token file that it refers to.
    pub(super) fn furnish(&self, setting: &DemoSetup<'_>) -> Result<(), CommandFailure> {
        let write = |path: &Path, text: &str| {
            fs::write(path, text).map_err(|error| cannot("write", path, &error))
        };
        let token = self.dir.join("token");
        write(&token, setting.token)?;
        write(&self.config(), &setting.yaml(&token, &self.dir.join("state")))
    }

    /// The last lines of the log.
    pub(super) fn end_of_log(&self, lines: usize) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // If removal fails, the system cleans up its temporary directory.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> CommandFailure {
    CommandFailure::Dependency(format!("cannot {what} {}: {error}", path.display()))
}

/// The values of the configuration file.
pub(super) struct DemoSetup<'a> {
    /// The URL of the fake GitHub.
    pub(super) api_url: &'a str,
    /// The address of the controller's pages and metrics.
    pub(super) listen: &'a str,
    /// The token that the fake GitHub accepts.
    pub(super) token: &'a str,
    /// The governed repositories, each with its `dispatch_confirm_seconds`, if not the default.
    pub(super) repositories: &'a [(&'static str, Option<u32>)],
}

impl DemoSetup<'_> {
    fn yaml(&self, token_file: &Path, state: &Path) -> String {
        // A JSON string is valid YAML, whatever characters the path contains.
        let quoted = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
        let mut text = format!(
            "# The demo's configuration. Every key that is not here has its default.\n\
             github:\n  api_url: {}\n  token_file: {}\n  max_requests_per_minute: 0\n\
             controller:\n  poll_interval: 500ms\n  active_poll_interval: 200ms\n\
             server:\n  listen: {}\n\
             state:\n  dir: {}\n\
             # What would be the health page of what is deployed: here it is the governor's own.\n\
             defaults:\n  degraded: {{type: http, name: production, url: \"http://{}/healthz\", \
             interval: 2s}}\n\
             repositories:\n",
            self.api_url,
            quoted(token_file),
            self.listen,
            quoted(state),
            self.listen,
        );
        for (name, confirm) in self.repositories {
            text.push_str(&format!("  - name: {name}\n"));
            if let Some(seconds) = confirm {
                text.push_str(&format!("    dispatch_confirm_seconds: {seconds}\n"));
            }
        }
        text
    }
}
