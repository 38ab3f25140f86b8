//! The keys as they are written, and what holds where nobody wrote one.

use std::time::Duration;

use crate::domain::{
    ApprovalMode, Command, EnvironmentApproval, FailureType, HoldState, KNOWN_EVENTS, OnRecovery,
    PathPatterns, Permission, Policy, RepoName, WorkflowName,
};

/// What every variable of ours begins with.
pub const ENVIRONMENT_PREFIX: &str = "RELEASE_GOVERNOR_";

/// Where the chart mounts the token.
pub const DEFAULT_TOKEN_FILE: &str = "/var/run/secrets/github/token";

/// The sections of the file, besides `defaults` and `repositories`, and their keys.
pub const SECTIONS: &[(&str, &[&str])] = &[
    (
        "github",
        &["api_url", "token_file", "max_requests_per_minute", "identities", "app", "ca_file"],
    ),
    ("controller", &["poll_interval", "active_poll_interval", "max_concurrency"]),
    ("server", &["listen", "public_url"]),
    ("state", &["dir", "history_days"]),
];

/// The keys of `github.app`.
pub const APP_KEYS: &[&str] = &["app_id", "private_key_file", "installation_id"];

/// The keys of a repository besides its `name`, and of `defaults`.
pub const POLICY_KEYS: &[&str] = &[
    "enabled",
    "dry_run",
    "paused",
    "branch",
    "verification_workflow_name",
    "verification_events",
    "deploy_workflow_name",
    "deploy_workflow_ref",
    "run_title",
    "other_run_titles",
    "run_events",
    "preview_refs",
    "other_deploy_workflows",
    "production_environment_name",
    "require_approval_for_first_deploy",
    "high_risk_paths",
    "medium_risk_paths",
    "migration_paths",
    "workflow_files_high",
    "cooldown_minutes",
    "max_deploys_per_hour",
    "max_attempts_per_sha",
    "hold_after_rollback",
    "hold_low_when_degraded",
    "hold_state",
    "deploy_timeout_minutes",
    "approval_mode",
    "approval_label",
    "approval_command",
    "approval_min_permission",
    "approval_allow_author",
    "approval_before_merge",
    "approval_teams",
    "raise_risk_contexts",
    "dispatch_confirm_seconds",
    "status_context",
    "failure_types",
    "failure_issue_on_recovery",
    "degraded",
    "health_check",
    "post_deploy_watch_minutes",
];

/// Said instead of governing by less than the defaults.
pub(super) const DEFECTIVE_DEFAULTS: &str =
    "a built-in default is not valid: a defect of this program";

/// The policy of a repository about which nothing but its name is written; none where a default that
/// is written below is none, which is a defect.
pub(super) fn default_policy(repository: RepoName) -> Option<Policy> {
    Some(Policy {
        repository,
        enabled: true,
        dry_run: false,
        paused: None,
        branch: None,
        verification_workflow: WorkflowName::from("Verify main"),
        verification_events: ["push", "merge_group", "workflow_dispatch", "schedule"]
            .map(str::to_owned)
            .to_vec(),
        deploy_workflow: Some(WorkflowName::from("deploy.yml")),
        deploy_workflow_ref: None,
        run_title: None,
        other_run_titles: Vec::new(),
        run_events: KNOWN_EVENTS.map(str::to_owned).to_vec(),
        preview_refs: Vec::new(),
        other_deploy_workflows: Vec::new(),
        production_environment_name: "production".to_owned(),
        require_approval_for_first_deploy: false,
        high_risk_paths: PathPatterns::new(HIGH_RISK_PATHS).ok()?,
        medium_risk_paths: PathPatterns::new(MEDIUM_RISK_PATHS).ok()?,
        migration_paths: PathPatterns::new::<&str>(&[]).ok()?,
        workflow_files_high: true,
        cooldown: Duration::from_secs(30 * 60),
        max_deploys_per_hour: 6,
        max_attempts_per_sha: 1,
        hold_after_rollback: true,
        hold_low_when_degraded: false,
        degraded: Vec::new(),
        health_check: None,
        post_deploy_watch: Duration::from_secs(10 * 60),
        hold_state: HoldState::Failure,
        deploy_timeout: Duration::from_secs(120 * 60),
        approval_modes: vec![ApprovalMode::Environment],
        approval_label: "release:approved".to_owned(),
        approval_command: Command::new("/approve").ok()?,
        approval_min_permission: Permission::Write,
        approval_allow_author: false,
        approval_before_merge: true,
        approval_teams: Vec::new(),
        raise_risk_contexts: Vec::new(),
        dispatch_confirm: Duration::from_secs(300),
        status_context: "booty/release-governor".to_owned(),
        failure_types: vec![FailureType {
            pattern: "health*check".to_owned(),
            label: "deploy:health-check-failed".to_owned(),
        }],
        failure_issue_on_recovery: OnRecovery::Comment,
        identities: Vec::new(),
        approved_by_environment: EnvironmentApproval::Nothing,
    })
}

/// What can break or open production at once: pipelines, data, access, infrastructure, and what
/// pins the code of others.
const HIGH_RISK_PATHS: &[&str] = &[
    ".github/workflows/**",
    ".github/actions/**",
    "**/migrations/**",
    "**/auth/**",
    "infra/**",
    "terraform/**",
    "**/Cargo.lock",
    "**/package-lock.json",
    "**/npm-shrinkwrap.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/bun.lock",
    "**/bun.lockb",
    "**/deno.lock",
    "**/go.sum",
    "**/go.work.sum",
    "**/poetry.lock",
    "**/uv.lock",
    "**/pdm.lock",
    "**/pylock.toml",
    "**/Pipfile.lock",
    "**/conda-lock.yml",
    "**/pixi.lock",
    "**/Gemfile.lock",
    "**/composer.lock",
    "**/packages.lock.json",
    "**/gradle.lockfile",
    "**/buildscript-gradle.lockfile",
    "**/mix.lock",
    "**/rebar.lock",
    "**/pubspec.lock",
    "**/Podfile.lock",
    "**/Cartfile.resolved",
    "**/Package.resolved",
    "**/stack.yaml.lock",
    "**/cabal.project.freeze",
    "**/conan.lock",
    "**/flake.lock",
    "**/MODULE.bazel.lock",
    "**/Chart.lock",
    "**/.terraform.lock.hcl",
];

/// What says which code of others is wanted.
const MEDIUM_RISK_PATHS: &[&str] = &[
    "**/Cargo.toml",
    "**/package.json",
    "**/pnpm-workspace.yaml",
    "**/deno.json",
    "**/deno.jsonc",
    "**/go.mod",
    "**/go.work",
    "**/pyproject.toml",
    "**/requirements*.txt",
    "**/requirements*.in",
    "**/requirements/*.txt",
    "**/setup.py",
    "**/setup.cfg",
    "**/Pipfile",
    "**/environment.yml",
    "**/pixi.toml",
    "**/Gemfile",
    "**/*.gemspec",
    "**/composer.json",
    "**/pom.xml",
    "**/build.gradle",
    "**/build.gradle.kts",
    "**/settings.gradle",
    "**/settings.gradle.kts",
    "**/libs.versions.toml",
    "**/build.sbt",
    "**/*.csproj",
    "**/*.fsproj",
    "**/*.vbproj",
    "**/packages.config",
    "**/Directory.Packages.props",
    "**/mix.exs",
    "**/rebar.config",
    "**/pubspec.yaml",
    "**/Podfile",
    "**/Cartfile",
    "**/Package.swift",
    "**/project.clj",
    "**/deps.edn",
    "**/*.cabal",
    "**/stack.yaml",
    "**/conanfile.txt",
    "**/conanfile.py",
    "**/vcpkg.json",
    "**/flake.nix",
    "**/MODULE.bazel",
    "**/Chart.yaml",
];
