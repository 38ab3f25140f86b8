//! `check-config`: is the configuration good, and what does it come to?

use std::path::Path;

use serde_json::Value;

use crate::config::{self, Config};

use super::Failure;

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Checked {
    /// One line: what is governed.
    pub summary: String,
    /// What is allowed, but worth a word.
    pub warnings: Vec<String>,
    /// Every effective value under its key.
    pub effective: Value,
}

/// Checks the file at `path` under `environment`.
///
/// # Errors
/// All of its mistakes.
pub fn check_config(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Checked, Failure> {
    let config =
        config::load(path, environment).map_err(|mistakes| Failure::Usage(mistakes.to_string()))?;
    Ok(Checked {
        summary: summary(path, &config),
        warnings: config.warnings.clone(),
        effective: config.effective(),
    })
}

fn summary(path: &Path, config: &Config) -> String {
    let count = config.repositories.len();
    let noun = if count == 1 { "repository" } else { "repositories" };
    format!("ok: {count} {noun} in {} ({})", path.display(), config.digest)
}
