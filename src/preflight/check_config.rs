//! `check-config`: is the configuration good, and what does it come to?

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::config::{self, Config};
use crate::domain::{ApprovalMode, Branch, Policy, RepoName, WorkflowName};

use crate::request::CommandFailure;

use super::calendar;

mod limits;

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Checked {
    /// One line: what is governed.
    pub summary: String,
    /// What is allowed, but worth a word.
    pub warnings: Vec<String>,
    /// The repositories, in the configuration's order.
    pub repositories: Vec<CheckedRepository>,
    /// How many settled repositories each credential's limits carry, and how many it has.
    pub limits: Vec<String>,
    /// How many repositories each freeze and window applies to.
    pub calendar: Vec<String>,
    /// Every effective value under its key.
    pub effective: Value,
    /// The configuration itself.
    pub config: Config,
}

/// What a person asks first about a repository's policy.
#[derive(Clone, Debug)]
pub struct CheckedRepository {
    /// `owner/name`.
    pub repository: RepoName,
    /// The release branch, where it is not the default one.
    pub branch: Option<Branch>,
    /// What verifies.
    pub verification: WorkflowName,
    /// What deploys, if anything does.
    pub deploy: Option<WorkflowName>,
    /// The ways to approve.
    pub approval: Vec<ApprovalMode>,
    /// What keeps it from shipping.
    pub notes: Vec<String>,
}

/// Checks the file at `path` under `environment`, at this time.
///
/// # Errors
/// All of its mistakes.
pub fn check_config(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
    now: Timestamp,
) -> Result<Checked, CommandFailure> {
    let config = config::load(path, environment)
        .map_err(|mistakes| CommandFailure::Usage(mistakes.to_string()))?;
    Ok(Checked {
        summary: summary(path, &config),
        warnings: warnings(&config, now),
        limits: limits::lines(&config),
        repositories: config.repositories.iter().map(|policy| repository(policy)).collect(),
        calendar: calendar::coverage(&config),
        effective: config.effective(),
        config,
    })
}

fn warnings(config: &Config, now: Timestamp) -> Vec<String> {
    let own = config.warnings.iter().cloned();
    own.chain(limits::warnings(config)).chain(calendar::endless(config, now)).collect()
}

fn repository(policy: &Policy) -> CheckedRepository {
    let notes = [
        (!policy.enabled).then(|| "not enabled".to_owned()),
        policy.dry_run.then(|| "dry run".to_owned()),
        policy.paused.as_ref().map(|why| format!("paused: {why}")),
    ];
    CheckedRepository {
        repository: policy.repository.clone(),
        branch: policy.branch.clone(),
        verification: policy.verification_workflow.clone(),
        deploy: policy.deploy_workflow.clone(),
        approval: policy.approval_modes.clone(),
        notes: notes.into_iter().flatten().collect(),
    }
}

fn summary(path: &Path, config: &Config) -> String {
    let count = config.repositories.len();
    let noun = if count == 1 { "repository" } else { "repositories" };
    format!("ok: {count} {noun} in {} ({})", path.display(), config.digest)
}
