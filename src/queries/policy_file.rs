//! A policy that is supposed, on its way to the controller that judges by it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::controller::Controller;
use crate::domain::{Policy, RepoName};

use crate::request::CommandFailure;

/// A file of policy keys, or a whole configuration: its name and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// As it was given; its ending tells its language.
    pub name: String,
    text: String,
}

impl PolicyFile {
    /// A message that holds the largest file: JSON takes up to two bytes for one, but of control
    /// characters.
    pub(super) const LARGEST_MESSAGE: usize = 9 * 1024 * 1024;

    /// Reads a file. Whether it is a good policy, the controller finds out.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(path: &Path) -> Result<Self, CommandFailure> {
        let text =
            config::text_of(path).map_err(|errors| CommandFailure::Usage(errors.to_string()))?;
        Ok(Self { name: path.display().to_string(), text })
    }

    /// Its policy for a governed repository.
    pub(super) fn policy(
        &self,
        at: &Controller,
        name: &RepoName,
    ) -> Result<Policy, CommandFailure> {
        let governed = at.snapshot(name).ok_or_else(|| {
            CommandFailure::NotFound(format!(
                "{name} is not governed here: it is not in the configuration"
            ))
        })?;
        let policy = config::policy_of(&self.name, &self.text, &governed.policy);
        policy.map_err(|errors| CommandFailure::Usage(errors.to_string()))
    }
}
