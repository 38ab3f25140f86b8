//! The effective configuration in the format of the file, for display and for the fingerprint.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::{
    ApprovalMode, Branch, CalendarEntry, CalendarKind, CalendarSpan, EnvironmentApproval, Policy,
    RepoPattern, RunTitle, Signal, SignalKind, WorkflowName,
};

use super::{AppConfig, Config, TokenConfig};

/// Enough to distinguish two configurations.
const FINGERPRINT_BYTES: usize = 6;

impl Config {
    /// Every effective value under its key. Contains no secret: of a token, only its location.
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
            "repositories": self.repositories.iter().map(|one| policy(one)).collect::<Vec<_>>(),
            "freezes": self.calendar_of(CalendarKind::Freeze),
            "windows": self.calendar_of(CalendarKind::Window),
        })
    }

    /// The entries of this kind.
    fn calendar_of(&self, kind: CalendarKind) -> Vec<Value> {
        let entries = self.calendar.iter().filter(|entry| entry.kind == kind);
        entries.map(|one| entry(one)).collect()
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
        // Values that are not displayed must still change the fingerprint.
        let hidden: Vec<(&str, Vec<&str>)> = self
            .repositories
            .iter()
            .flat_map(|policy| policy.degraded.iter().chain(&policy.health_check))
            .map(|signal| {
                let headers = signal.access.headers.iter().map(|(_, value)| value.0.as_str());
                (signal.kind.url(), headers.collect())
            })
            .collect();
        let text = json!([self.effective(), approved, hidden]).to_string();
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An entry of `freezes` or `windows`, as it is written; null stands for a key that is left out.
fn entry(entry: &CalendarEntry) -> Value {
    let (mut weekly, mut from, mut to) = (Vec::new(), Value::Null, Value::Null);
    for span in &entry.spans {
        match span {
            CalendarSpan::Weekly { from, to } => {
                weekly.push(json!({ "from": from.to_string(), "to": to.to_string() }));
            }
            CalendarSpan::Once { from: begin, to: end } => {
                from = json!(begin.strftime(CIVIL).to_string());
                to = json!(end.strftime(CIVIL).to_string());
            }
        }
    }
    json!({
        "name": entry.name,
        "weekly": Some(weekly).filter(|weekly| !weekly.is_empty()),
        "from": from,
        "to": to,
        "zone": entry.zone.name(),
        "repositories": entry.selectors.repositories.as_ref().map(|patterns| {
            patterns.iter().map(RepoPattern::written).collect::<Vec<_>>()
        }),
        "environments": entry.selectors.environments,
        "reason": entry.reason,
        "owner": entry.owner,
    })
}

/// As single intervals are written.
const CIVIL: &str = "%Y-%m-%dT%H:%M:%S";

fn app(app: &AppConfig) -> Value {
    json!({
        "app_id": app.app_id,
        "private_key_file": app.private_key_file.display().to_string(),
        "installation_id": app.installation_id,
    })
}

/// The effective policy of one repository. Contains no secret.
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
        "run_title": policy.run_title.as_ref().map(RunTitle::written),
        "other_run_titles": titles(&policy.other_run_titles),
        "run_events": policy.run_events,
        "preview_refs": policy.preview_refs,
        "other_deploy_workflows": policy.other_deploy_workflows,
        "production_environment_name": policy.production_environment_name,
        "require_approval_for_first_deploy": policy.require_approval_for_first_deploy,
        "high_risk_paths": policy.high_risk_paths.written(),
        "medium_risk_paths": policy.medium_risk_paths.written(),
        "migration_paths": policy.migration_paths.written(),
        "workflow_files_high": policy.workflow_files_high,
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
        ("approval_command", json!(policy.approval_command.as_str())),
        ("approval_min_permission", json!(policy.approval_min_permission)),
        ("approval_allow_author", json!(policy.approval_allow_author)),
        ("approval_before_merge", json!(policy.approval_before_merge)),
        ("approval_teams", json!(policy.approval_teams)),
        ("raise_risk_contexts", json!(policy.raise_risk_contexts)),
        ("failure_types", json!(policy.failure_types)),
        ("failure_issue_on_recovery", json!(policy.failure_issue_on_recovery)),
        ("degraded", signals(&policy.degraded)),
        ("health_check", json!(policy.health_check.as_ref().map(signal))),
        ("post_deploy_watch_minutes", minutes(policy.post_deploy_watch)),
    ];
    if let Value::Object(keys) = &mut keys {
        keys.extend(more.map(|(key, value)| (key.to_owned(), value)));
    }
    keys
}

fn titles(titles: &[RunTitle]) -> Vec<&str> {
    titles.iter().map(RunTitle::written).collect()
}

/// The signals as they would be written: null, one mapping, or a list.
fn signals(signals: &[Signal]) -> Value {
    match signals {
        [] => Value::Null,
        [only] => typed(only),
        several => several.iter().map(typed).collect(),
    }
}

fn typed(one: &Signal) -> Value {
    let mut keys = signal(one);
    if let Value::Object(keys) = &mut keys {
        keys.insert("type".to_owned(), json!(one.kind.as_str()));
    }
    keys
}

fn signal(signal: &Signal) -> Value {
    let access = &signal.access;
    let file = |file: &Option<PathBuf>| file.as_ref().map(|file| file.display().to_string());
    let headers: serde_json::Map<String, Value> =
        access.headers.iter().map(|(name, _)| (name.clone(), json!(HIDDEN))).collect();
    let mut keys = json!({
        "name": signal.name,
        "url": without_secrets(signal.kind.url()),
        "headers": headers,
        "bearer_token_file": file(&access.bearer_token_file),
        "ca_file": file(&access.ca_file),
        "timeout": interval(access.timeout),
        "interval": interval(access.interval),
        "stale_after": interval(access.stale_after),
    });
    let own = match &signal.kind {
        SignalKind::Prometheus { query, degraded_when, url: _ } => {
            json!({
                "query": query,
                "degraded_when": degraded_when.map(|threshold| threshold.to_string()),
            })
        }
        SignalKind::Alertmanager { matchers, url: _ } => json!({ "matchers": matchers }),
        SignalKind::Http { expected_status, expected_value, when_unreachable, url: _ } => {
            json!({
                "expected_status": expected_status,
                "json_pointer": expected_value.as_ref().map(|value| &value.pointer),
                "expected_value": expected_value.as_ref().map(|value| &value.value),
                "when_unreachable": when_unreachable,
            })
        }
    };
    if let (Value::Object(keys), Value::Object(own)) = (&mut keys, own) {
        keys.extend(own);
    }
    keys
}

/// Replaces a secret.
const HIDDEN: &str = "***";

/// Hides the query of a URL, which may contain a key.
fn without_secrets(url: &str) -> String {
    match url.split_once('?') {
        Some((address, _)) => format!("{address}?{HIDDEN}"),
        None => url.to_owned(),
    }
}

fn minutes(duration: Duration) -> Value {
    number(duration.as_secs_f64() / 60.0)
}

/// A JSON integer if the number is whole.
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
