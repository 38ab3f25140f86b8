//! After the scenario: one commit is held, so that the reader can try the commands.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::narrator::{Narrator, Who};
use super::stage::{Stage, StagedRepository, short};
use crate::clock::Clock;

const PROGRAM: &str = "release-governor";
/// The interval at which statuses are checked.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long to wait for the held commit's status before the commands are printed.
const LONGEST_DECISION: Duration = Duration::from_secs(10);

/// The commits that the reader can try commands on.
pub(super) struct Leftover<'a> {
    pub(super) stage: &'a Stage,
    /// The held commit, in `acme/shop`.
    pub(super) held: String,
    /// The commit whose verification failed, in `acme/billing`.
    pub(super) red: String,
}

impl<'a> Leftover<'a> {
    /// Pushes a high-risk change, which the reader can approve.
    pub(super) fn leave(stage: &'a Stage, red: &str) -> Self {
        let held = stage.shop.push("Change the login", "src/auth/login.rs");
        Self { stage, held, red: red.to_owned() }
    }

    /// Waits until the commit is held, so that the commands show it. On timeout the demo continues;
    /// the commands then show it a little later.
    pub(super) async fn is_held(&self, clock: &Clock) {
        let decided = async {
            while self.stage.shop.status(&self.held).is_none() {
                clock.sleep(LOOK_EVERY).await;
            }
        };
        let _ = clock.timeout(LONGEST_DECISION, decided).await;
    }

    /// Commands to try in another terminal, each with what it shows.
    pub(super) fn commands(&self) -> [(String, &'static str); 6] {
        let (shop, billing) = (self.stage.shop.name, self.stage.billing.name);
        let (held, red) = (short(&self.held), short(&self.red));
        [
            ("status".to_owned(), "how the four repositories stand"),
            (format!("simulate {shop} {held} --show-paths"), "why it is held, and by which path"),
            (format!("approve {shop} {held} --reason \"I read it\" --as you"), "it ships at once"),
            (
                format!("trigger {billing} {red}"),
                "is refused, and says why: its verification failed",
            ),
            (
                format!("pause {shop} --reason lunch"),
                "nothing starts there any more until `resume`",
            ),
            (format!("history {shop}"), "what was decided, done and said"),
        ]
    }

    /// Prints each status that changes. Never returns.
    pub(super) async fn watch(&self, narrator: &Narrator, clock: &Clock) {
        let watched: [(&StagedRepository, &str); 2] =
            [(&self.stage.shop, &self.held), (&self.stage.billing, &self.red)];
        let mut told = BTreeMap::new();
        told.insert(self.red.clone(), self.stage.billing.status(&self.red));
        loop {
            for (place, sha) in watched {
                let status = place.status(sha);
                if let Some(status) = &status
                    && told.get(sha) != Some(&Some(status.clone()))
                {
                    let (text, state) = (&status.description, &status.state);
                    narrator.says(Who::Governor, &format!("{}: {text} [{state}]", place.name));
                    told.insert(sha.to_owned(), Some(status.clone()));
                }
            }
            clock.sleep(LOOK_EVERY).await;
        }
    }
}

/// The program's name, and the `export` commands with which a shell finds the program and the
/// demo's configuration.
pub(super) fn surroundings(config: &Path) -> (String, Vec<String>) {
    let export = |key: &str, value: &str| format!("export {key}={value}");
    let mut lines = vec![export("RELEASE_GOVERNOR_CONFIG", &quoted(&config.to_string_lossy()))];
    let Ok(path) = std::env::current_exe() else { return (PROGRAM.to_owned(), lines) };
    let name = path.file_name().map_or_else(|| PROGRAM.into(), |name| name.to_string_lossy());
    let directory = path.parent().unwrap_or(Path::new("/"));
    let searched = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&searched).any(|one| one == directory) {
        let here = std::env::current_dir().ok();
        let below = here.as_deref().and_then(|here| directory.strip_prefix(here).ok());
        lines.push(match below {
            Some(below) => export("PATH", &format!("\"$PWD\"/{}:\"$PATH\"", quoted_path(below))),
            None => export("PATH", &format!("{}:\"$PATH\"", quoted_path(directory))),
        });
    }
    (quoted(&name), lines)
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// Quotes a word for the shell, if necessary.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(quoted("/tmp/a-b_c.yaml"), "/tmp/a-b_c.yaml");
        assert_eq!(quoted("/tmp/it's here"), r"'/tmp/it'\''s here'");
    }
}
