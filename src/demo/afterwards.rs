//! After the story: something is left to decide, and whoever watches may try the commands.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::narrator::{Narrator, Who};
use super::stage::{Place, Stage, short};
use crate::clock::Clock;

/// How often statuses are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the story left behind for the reader.
pub(super) struct Leftover<'a> {
    pub(super) stage: &'a Stage,
    /// The commit that is held, in the shop.
    pub(super) held: String,
    /// The commit whose verification failed, in billing.
    pub(super) red: String,
}

impl<'a> Leftover<'a> {
    /// Pushes one more change, for somebody else to approve.
    pub(super) fn leave(stage: &'a Stage, red: &str) -> Self {
        let held = stage.shop.push("Change the login", "src/auth/login.rs");
        Self { stage, held, red: red.to_owned() }
    }

    /// The lines to try from another terminal.
    pub(super) fn commands(&self, program: &str, config: &Path) -> Vec<String> {
        let config = quoted(&config.to_string_lossy());
        let (shop, billing) = (self.stage.shop.name, self.stage.billing.name);
        let (held, red) = (short(&self.held), short(&self.red));
        [
            "status".to_owned(),
            format!("simulate {shop} {held} --show-paths"),
            format!("approve {shop} {held} --reason \"I have read it\" --as you"),
            format!("trigger {billing} {red}"),
            format!("pause {shop} --reason \"lunch\""),
            format!("resume {shop}"),
            format!("history {shop}"),
        ]
        .map(|command| format!("{program} {command} --config {config}"))
        .to_vec()
    }

    /// Tells each status that changes, for as long as somebody waits.
    pub(super) async fn watch(&self, narrator: &Narrator, clock: &Clock) {
        let watched: [(&Place, &str); 2] =
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

/// The program as it can be typed in this directory.
pub(super) fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "release-governor".to_owned() };
    let here = std::env::current_dir().ok();
    let shorter = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    quoted(&shorter.unwrap_or(&path).to_string_lossy())
}

/// A word as a shell takes it.
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
