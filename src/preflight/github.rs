//! `check-config --github`: what would go wrong in the first week, found before it.
//!
//! Facts are read with the real token, and nothing is written; rules are a pure function of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::{Config, TokenConfig};
use crate::controller::Controller;
use crate::domain::{Policy, RepoName};
use crate::github::{Granted, ReadError, Reader};
use crate::messages::date_time;
use crate::store::Store;

use super::{ConfigFinding, Preflight, Severity, Unchecked};
use crate::bootstrap::{controller, surroundings};
use crate::request::CommandFailure;

use super::facts::PreflightFacts;

/// Repositories that are asked about at once.
const AT_ONCE: usize = 8;
/// Requests of a settled pass (design, S8).
const REQUESTS_OF_A_PASS: f64 = 3.0;

/// Looks whether GitHub matches the configuration.
///
/// # Errors
/// Where there is no token, or none may be sent to the address.
pub async fn preflight(config: &Config, clock: Clock) -> Result<Preflight, CommandFailure> {
    let surroundings = surroundings(config, clock, Store::in_memory())?;
    let controller = controller(config, surroundings, false)?;
    let mut preflight = Preflight::default();
    preflight.findings.extend(pace_suffices(config));
    let tokens = tokens(&controller, config).await;
    if tokens.values().any(|token| matches!(token, Ok(Granted::NotTold { .. }))) {
        preflight.notes.push(NOT_TOLD.to_owned());
    }
    let credential = Credential::of(config);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for policy in config.repositories.iter().cloned() {
        let reader = reader_of(&controller, &policy.repository);
        let granted = match tokens.get(reader.credential()) {
            Some(Ok(granted)) => granted.clone(),
            Some(Err(error)) => {
                preflight.unchecked.push(credential.untold(&policy.repository, error));
                continue;
            }
            None => Granted::NotTold { of_a_user: false },
        };
        let (places, credential) = (Arc::clone(&places), credential.clone());
        tasks.spawn(async move {
            let _place = places.acquire_owned().await;
            of_one(&reader, &policy, granted, &credential).await
        });
    }
    while let Some(ended) = tasks.join_next().await {
        let Ok((findings, unchecked)) = ended else {
            return Err(CommandFailure::Dependency(
                "a check ended early: this is a bug".to_owned(),
            ));
        };
        preflight.findings.extend(findings);
        preflight.unchecked.extend(unchecked);
    }
    preflight.findings.sort();
    preflight.unchecked.sort();
    Ok(preflight)
}

const NOT_TOLD: &str = "GitHub does not tell what this token may write: whether it may start \
                        workflows, set statuses and open issues shows with the first of them. \
                        Grant it actions, statuses and issues: write";

/// Reads GitHub with the credentials of this repository.
fn reader_of(controller: &Controller, repository: &RepoName) -> Reader {
    controller.shared().readers.of(repository)
}

/// What GitHub tells of each credential, by its name; also whether it takes it.
async fn tokens(
    controller: &Controller,
    config: &Config,
) -> BTreeMap<String, Result<Granted, ReadError>> {
    let mut tokens = BTreeMap::new();
    for policy in &config.repositories {
        let reader = reader_of(controller, &policy.repository);
        let credential = reader.credential().to_owned();
        if let Entry::Vacant(unknown) = tokens.entry(credential) {
            unknown.insert(reader.granted().await);
        }
    }
    tokens
}

async fn of_one(
    reader: &Reader,
    policy: &Policy,
    granted: Granted,
    credential: &Credential,
) -> (Vec<ConfigFinding>, Vec<Unchecked>) {
    let facts = PreflightFacts::read(reader, policy, granted).await;
    let name = &policy.repository;
    let failures = facts.failures().into_iter();
    let unchecked = failures.map(|error| credential.unchecked(name, error)).collect();
    (super::rules::findings(policy, &facts), unchecked)
}

/// Where the credential comes from: the key, and what of its value may be shown.
#[derive(Clone)]
struct Credential {
    key: &'static str,
    value: String,
    api_url: String,
}

impl Credential {
    fn of(config: &Config) -> Self {
        let (key, value) = match &config.github.token {
            TokenConfig::File(path) => ("github.token_file", path.display().to_string()),
            TokenConfig::Value(_) => ("GITHUB_TOKEN", "(not shown)".to_owned()),
            TokenConfig::App(app) => ("github.app.app_id", app.app_id.clone()),
            TokenConfig::Missing => ("github.token_file", String::new()),
        };
        Self { key, value, api_url: config.github.api_url.clone() }
    }

    /// GitHub did not even tell of the credential.
    fn untold(&self, repository: &RepoName, error: &ReadError) -> Unchecked {
        self.or_of(repository, error, "github.api_url", &self.api_url)
    }

    /// GitHub did not tell of the repository.
    fn unchecked(&self, repository: &RepoName, error: &ReadError) -> Unchecked {
        self.or_of(repository, error, "name", &repository.to_string())
    }

    /// What was not told is the credential's trouble, or else that of this key.
    fn or_of(&self, of: &RepoName, error: &ReadError, key: &str, value: &str) -> Unchecked {
        match error {
            ReadError::BadCredentials { .. } => unchecked(of, self.key, self.value.clone(), error),
            ReadError::NotFound { .. }
            | ReadError::Refused { .. }
            | ReadError::Moved { .. }
            | ReadError::Gone410 { .. }
            | ReadError::ToldToWait { .. }
            | ReadError::Server { .. }
            | ReadError::Transport { .. }
            | ReadError::EmptyList { .. }
            | ReadError::Malformed { .. }
            | ReadError::TooMany { .. } => unchecked(of, key, value.to_owned(), error),
        }
    }
}

fn unchecked(repository: &RepoName, key: &str, value: String, error: &ReadError) -> Unchecked {
    let (key, message) = (key.to_owned(), no_answer(error));
    Unchecked { repository: repository.clone(), key, value, message }
}

/// Why there is no answer, and what to do: a check asks once.
fn no_answer(error: &ReadError) -> String {
    match error {
        ReadError::BadCredentials { why, .. } => why.clone(),
        ReadError::ToldToWait { until, .. } => {
            format!("GitHub told us to wait until {}: check again then", date_time(*until))
        }
        ReadError::Server { what, status, .. } => {
            format!("cannot {what}: GitHub failed with {status}: check again later")
        }
        ReadError::Transport { what, why } => format!(
            "cannot {what}: {why}: see whether `github.api_url` is right, and reached from here"
        ),
        ReadError::NotFound { .. }
        | ReadError::Refused { .. }
        | ReadError::Moved { .. }
        | ReadError::Gone410 { .. }
        | ReadError::EmptyList { .. }
        | ReadError::Malformed { .. }
        | ReadError::TooMany { .. } => error.to_string(),
    }
}

/// Whether the pace lets every repository be looked at as often as is asked for.
fn pace_suffices(config: &Config) -> Option<ConfigFinding> {
    let pace = config.github.max_requests_per_minute;
    let enabled = config.repositories.iter().filter(|policy| policy.enabled).count();
    let requests = REQUESTS_OF_A_PASS * f64::from(u32::try_from(enabled).unwrap_or(u32::MAX));
    let interval = config.controller.poll_interval.as_secs_f64().max(0.1);
    let needed = (requests * 60.0 / interval).ceil();
    if pace == 0 || needed <= f64::from(pace) {
        return None;
    }
    let stretched = Duration::from_secs_f64(requests * 60.0 / f64::from(pace)).as_secs();
    Some(ConfigFinding {
        repository: None,
        key: "github.max_requests_per_minute".to_owned(),
        value: pace.to_string(),
        severity: Severity::Warning,
        message: format!(
            "{enabled} settled repositories every {interval} s take {needed} requests a minute: \
             each will be looked at about every {stretched} s. Raise `controller.poll_interval`, \
             or this where the server allows it"
        ),
    })
}
