//! The configuration in force, as the file would say it: for people, and for its fingerprint.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::{ApprovalMode, Branch, EnvironmentApproval, Policy, WorkflowName};

use super::{AppConfig, Config, TokenConfig};

/// Enough to tell two configurations apart.
const FINGERPRINT_BYTES: usize = 6;

impl Config {
    /// Every effective value under its key. Holds no secret: of a token only where it is.
    #[must_use]
    pub fn effective(&self) -> Value {
        let token_file = match &self.github.token {
            TokenConfig::File(path) => Some(path.display().to_string()),
            TokenConfig::Value(_) | TokenConfig::App(_) | TokenConfig::Missing => None,
        };
        let app = match &self.github.token {
            TokenConfig::App(app) => Some(self::app(app)),
            TokenConfig::File(_) | TokenConfig::Value(_) | TokenConfig::Missing => None,
        };
        json!({
            "github": {
                "api_url": self.github.api_url,
                "token_file": token_file,
                "app": app,
                "ca_file": self.github.ca_file.as_ref().map(|file| file.display().to_string()),
                "max_requests_per_minute": self.github.max_requests_per_minute,
                "identities": self.github.identities,
            },
            "controller": {
                "poll_interval": interval(self.controller.poll_interval),
                "active_poll_interval": interval(self.controller.active_poll_interval),
                "max_concurrency": self.controller.max_concurrency,
            },
            "server": {
                "listen": self.server.listen.to_string(),
                "public_url": self.server.public_url,
            },
            "state": {
                "dir": self.state_dir.display().to_string(),
                "history_days": self.history_days,
            },
            "repositories": self.repositories.iter().map(policy).collect::<Vec<_>>(),
        })
    }

    pub(super) fn fingerprint(&self) -> String {
        let approved: Vec<Vec<&str>> = self
            .repositories
            .iter()
            .map(|policy| match &policy.approved_by_environment {
                EnvironmentApproval::Nothing => Vec::new(),
                EnvironmentApproval::Everything => vec!["*"],
                EnvironmentApproval::Shas(shas) => shas.iter().map(|sha| sha.as_str()).collect(),
            })
            .collect();
        let text = json!([self.effective(), approved]).to_string();
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn app(app: &AppConfig) -> Value {
    json!({
        "app_id": app.app_id,
        "private_key_file": app.private_key_file.display().to_string(),
        "installation_id": app.installation_id,
    })
}

/// One repository's keys, with their values in force. None of them is a secret.
#[must_use]
pub fn policy(policy: &Policy) -> Value {
    let mut keys = json!({
        "name": policy.repository,
        "enabled": policy.enabled,
        "dry_run": policy.dry_run,
        "paused": policy.paused,
        "branch": policy.branch.as_ref().map(Branch::as_str),
        "verification_workflow_name": policy.verification_workflow,
        "verification_events": policy.verification_events,
        "deploy_workflow_name": policy.deploy_workflow.as_ref().map_or("", WorkflowName::as_str),
        "deploy_workflow_ref": policy.deploy_workflow_ref.as_ref().map(Branch::as_str),
        "production_environment_name": policy.production_environment_name,
        "require_approval_for_first_deploy": policy.require_approval_for_first_deploy,
        "high_risk_paths": policy.high_risk_paths.written(),
        "medium_risk_paths": policy.medium_risk_paths.written(),
        "migration_paths": policy.migration_paths.written(),
        "cooldown_minutes": minutes(policy.cooldown),
        "max_deploys_per_hour": policy.max_deploys_per_hour,
        "max_attempts_per_sha": policy.max_attempts_per_sha,
        "hold_after_rollback": policy.hold_after_rollback,
        "hold_low_when_degraded": policy.hold_low_when_degraded,
        "hold_state": policy.hold_state,
        "deploy_timeout_minutes": minutes(policy.deploy_timeout),
        "dispatch_confirm_seconds": number(policy.dispatch_confirm.as_secs_f64()),
        "status_context": policy.status_context,
    });
    let modes: Vec<&str> =
        policy.approval_modes.iter().copied().map(ApprovalMode::as_str).collect();
    let mode = match modes.as_slice() {
        [only] => json!(only),
        _ => json!(modes),
    };
    let more = [
        ("approval_mode", mode),
        ("approval_label", json!(policy.approval_label)),
        ("approval_command", json!(policy.approval_command)),
        ("approval_min_permission", json!(policy.approval_min_permission)),
        ("approval_allow_author", json!(policy.approval_allow_author)),
        ("failure_types", json!(policy.failure_types)),
        ("failure_issue_on_recovery", json!(policy.failure_issue_on_recovery)),
        ("degraded", Value::Null),
    ];
    if let Value::Object(keys) = &mut keys {
        keys.extend(more.map(|(key, value)| (key.to_owned(), value)));
    }
    keys
}

fn minutes(duration: Duration) -> Value {
    number(duration.as_secs_f64() / 60.0)
}

/// Whole where it is whole.
fn number(number: f64) -> Value {
    match format!("{number}").parse::<u64>() {
        Ok(whole) => json!(whole),
        Err(_) => json!(number),
    }
}

fn interval(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}
