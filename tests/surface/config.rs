//! How the configuration is interpreted, and how its mistakes are reported.

mod calendar;
mod changes;
mod mistakes;
mod precedence;
mod schema;
mod signals;

use std::path::PathBuf;

use release_governor::config::{self, Config, ConfigErrors};
use release_governor::domain::Policy;
use tempfile::TempDir;

/// A configuration file and an environment, in a separate directory.
pub(crate) struct Written {
    directory: TempDir,
    name: &'static str,
    environment: Vec<(String, String)>,
}

pub(crate) fn yaml(text: &str) -> Written {
    file("governor.yaml", text)
}

pub(crate) fn file(name: &'static str, text: impl AsRef<[u8]>) -> Written {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), text).unwrap();
    Written { directory, name, environment: Vec::new() }
}

impl Written {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(self.name)
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        let loaded = config::load(&self.path(), self.environment.iter().cloned());
        // Whatever a test is about, editors and Helm must not reject a valid file.
        if loaded.is_ok() && self.environment.is_empty() {
            schema::takes(&self.path());
        }
        loaded
    }

    fn good(&self) -> Config {
        self.load().unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn only(&self) -> Policy {
        self.good().repositories.remove(0).as_ref().clone()
    }

    /// The mistakes as users see them, without the directory.
    pub(crate) fn mistakes(&self) -> String {
        let mistakes = self.load().expect_err("a mistake").to_string();
        mistakes.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

const SHOP: &str = "repositories: [{name: acme/shop}]\n";

fn shop() -> Written {
    yaml(SHOP)
}

/// A repository with these keys.
fn shop_with(keys: &str) -> Written {
    yaml(&format!("repositories:\n  - name: acme/shop\n    {keys}\n"))
}
