//! Parses the policy keys: one line for each, with its parser and the field it sets.

use std::time::Duration;

use crate::domain::{
    ApprovalCommand, ApprovalMode, Branch, FailureType, PathPatterns, Policy, RefPattern, RepoName,
    RunTitle, Team, WorkflowName,
};

use figment::value::Value;

use super::keys::{
    APPROVAL_MODES, FAILURE_TYPE_KEYS, HOLD_STATES, ON_RECOVERY, PERMISSIONS, names,
};
use super::mistake::{MOST_PATTERNS, Mistakes, meant};
use super::run_events::events;
use super::shape::words;
use super::signals;
use super::values::{
    Setting, Unit, boolean, count_of, items, line, one_of, or_null, put, text, texts, whole, word,
};

/// GitHub's limit for the name of a label.
pub(super) const LONGEST_LABEL: usize = 50;
/// GitHub's limit for the context of a commit status.
pub(super) const LONGEST_CONTEXT: usize = 255;
/// Maximum length, in characters, of names, titles and reasons.
pub(super) const LONGEST_LINE: usize = 255;
/// Maximum size, in bytes, of one list of patterns, which are compiled together.
const LARGEST_PATTERNS: usize = 128 * 1024;
/// Upper bound of counts; far above any useful value.
pub(super) const MOST: u32 = 1_000_000;

/// Sets the field for `key` from `entry`. Returns false if `key` is not a policy key.
pub(super) fn set(policy: &mut Policy, key: &str, entry: &Setting<'_>, m: &mut Mistakes) -> bool {
    let p = policy;
    match key {
        "enabled" => put(&mut p.enabled, boolean(entry, m)),
        "dry_run" => put(&mut p.dry_run, boolean(entry, m)),
        "paused" => put(&mut p.paused, or_null(entry, m, reason)),
        "branch" => put(&mut p.branch, or_null(entry, m, git_ref)),
        "verification_workflow_name" => {
            let expected = "a workflow's name or file name, as in ci.yml";
            let name = line(entry, m, LONGEST_LINE, expected);
            put(&mut p.verification_workflow, name.map(|n| WorkflowName::from(n.as_str())));
        }
        "verification_events" => put(&mut p.verification_events, events(entry, m, "verified")),
        "deploy_workflow_name" => put(&mut p.deploy_workflow, deploy_workflow(entry, m)),
        "deploy_workflow_ref" => put(&mut p.deploy_workflow_ref, or_null(entry, m, git_ref)),
        "production_environment_name" => {
            let name = line(entry, m, LONGEST_LINE, "an environment's name");
            put(&mut p.production_environment_name, name);
        }
        "high_risk_paths" => put(&mut p.high_risk_paths, patterns(entry, m)),
        "medium_risk_paths" => put(&mut p.medium_risk_paths, patterns(entry, m)),
        "migration_paths" => put(&mut p.migration_paths, patterns(entry, m)),
        "workflow_files_high" => put(&mut p.workflow_files_high, boolean(entry, m)),
        "cooldown_minutes" => put(&mut p.cooldown, count_of(entry, m, Unit::Minutes, 0)),
        "max_deploys_per_hour" => put(&mut p.max_deploys_per_hour, whole(entry, m, 1..=MOST)),
        "max_attempts_per_sha" => put(&mut p.max_attempts_per_sha, whole(entry, m, 1..=MOST)),
        "hold_after_rollback" => put(&mut p.hold_after_rollback, boolean(entry, m)),
        "hold_low_when_degraded" => put(&mut p.hold_low_when_degraded, boolean(entry, m)),
        "hold_state" => {
            put(&mut p.hold_state, word(entry, m, &HOLD_STATES));
        }
        "deploy_timeout_minutes" => {
            put(&mut p.deploy_timeout, count_of(entry, m, Unit::Minutes, 0));
        }
        "dispatch_confirm_seconds" => {
            put(&mut p.dispatch_confirm, count_of(entry, m, Unit::Seconds, 1));
        }
        "status_context" => {
            let expected = "a line of at most 255 characters";
            put(&mut p.status_context, line(entry, m, LONGEST_CONTEXT, expected));
        }
        "failure_types" => put(&mut p.failure_types, failure_types(entry, m)),
        "failure_issue_on_recovery" => {
            put(&mut p.failure_issue_on_recovery, word(entry, m, &ON_RECOVERY));
        }
        "degraded" => put(&mut p.degraded, signals::degraded(entry, m)),
        "health_check" => put(&mut p.health_check, signals::health_check(entry, m)),
        "post_deploy_watch_minutes" => {
            put(&mut p.post_deploy_watch, count_of(entry, m, Unit::Minutes, 0));
        }
        _ => return set_deploys(p, key, entry, m) || set_approval(p, key, entry, m),
    }
    true
}

/// The keys that determine which runs deploy what.
fn set_deploys(p: &mut Policy, key: &str, entry: &Setting<'_>, m: &mut Mistakes) -> bool {
    match key {
        "run_title" => put(&mut p.run_title, or_null(entry, m, run_title)),
        "other_run_titles" => put(&mut p.other_run_titles, run_titles(entry, m)),
        "run_events" => put(&mut p.run_events, events(entry, m, "deployed")),
        "preview_refs" => put(&mut p.preview_refs, ref_patterns(entry, m)),
        "other_deploy_workflows" => put(&mut p.other_deploy_workflows, workflows(entry, m)),
        _ => return false,
    }
    true
}

/// A title pattern with a placeholder for the commit id.
fn run_title(entry: &Setting<'_>, m: &mut Mistakes) -> Option<RunTitle> {
    let expected = "a title that holds {sha}, as in \"Deploy {sha} by *\", or null";
    let title = title_pattern(entry, m, expected)?;
    if !title.names_a_sha() {
        entry.wrong(m, expected);
        return None;
    }
    Some(title)
}

fn run_titles(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<RunTitle>> {
    let expected = "titles of runs, as in \"Deploy {sha} to staging\"";
    let items = items(entry, m, expected)?;
    let titles: Vec<RunTitle> =
        items.iter().filter_map(|item| title_pattern(item, m, expected)).collect();
    (titles.len() == items.len()).then_some(titles)
}

fn title_pattern(entry: &Setting<'_>, m: &mut Mistakes, expected: &str) -> Option<RunTitle> {
    let written = line(entry, m, LONGEST_LINE, expected)?;
    match RunTitle::new(&written) {
        Ok(title) => Some(title),
        Err(error) => {
            entry.wrong(m, format_args!("{expected}: this one {error}"));
            None
        }
    }
}

/// Names of branches and tags, with `*` and `**` as in GitHub's branch filters.
fn ref_patterns(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<RefPattern>> {
    let expected = "branches or tags without refs/heads/, as in preview/**";
    let items = items(entry, m, expected)?;
    let mut patterns = Vec::new();
    for item in &items {
        let Some(written) = line(item, m, LONGEST_LINE, expected) else { continue };
        if written.starts_with("refs/") || written.contains(['?', '[', '!', '+', ' ']) {
            item.wrong(m, expected);
        } else {
            patterns.push(RefPattern::new(&written));
        }
    }
    (patterns.len() == items.len()).then_some(patterns)
}

fn workflows(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<WorkflowName>> {
    let expected = "workflows' names or file names, as in rollback.yml";
    let items = items(entry, m, expected)?;
    let names: Vec<WorkflowName> = items
        .iter()
        .filter_map(|item| line(item, m, LONGEST_LINE, expected))
        .map(|name| WorkflowName::from(name.as_str()))
        .collect();
    (names.len() == items.len()).then_some(names)
}

/// GitHub may take this long to list a run without anything being wrong.
const SHORTEST_CONFIRM: Duration = Duration::from_secs(60);

/// Warnings about policies that are allowed but risky.
pub(super) fn warnings(policies: &[Policy]) -> impl Iterator<Item = String> {
    let files = named(policies, |policy| !policy.workflow_files_high).map(|names| {
        format!(
            "workflow_files_high is false for {names}: whoever may push can change what verifies \
             and deploys without an approval, unless high_risk_paths lists .github/workflows/**"
        )
    });
    let confirm = named(policies, |policy| policy.dispatch_confirm < SHORTEST_CONFIRM);
    let confirm = confirm.map(|names| {
        format!(
            "dispatch_confirm_seconds is below {} for {names}: where an answer is lost and GitHub \
             shows the run later than that, the commit is deployed twice",
            SHORTEST_CONFIRM.as_secs()
        )
    });
    files.into_iter().chain(confirm)
}

/// The first repository that satisfies `is_so`, and how many others do.
fn named(policies: &[Policy], is_so: impl Fn(&Policy) -> bool) -> Option<String> {
    let names: Vec<&RepoName> =
        policies.iter().filter(|policy| is_so(policy)).map(|policy| &policy.repository).collect();
    let (first, rest) = names.split_first()?;
    let others = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    Some(format!("{first}{others}"))
}

fn set_approval(p: &mut Policy, key: &str, entry: &Setting<'_>, m: &mut Mistakes) -> bool {
    match key {
        "require_approval_for_first_deploy" => {
            put(&mut p.require_approval_for_first_deploy, boolean(entry, m));
        }
        "approval_mode" => put(&mut p.approval_modes, approval_modes(entry, m)),
        "approval_label" => {
            let expected = "a label's name of at most 50 characters";
            put(&mut p.approval_label, line(entry, m, LONGEST_LABEL, expected));
        }
        "approval_command" => put(&mut p.approval_command, command(entry, m)),
        "approval_min_permission" => {
            put(&mut p.approval_min_permission, word(entry, m, &PERMISSIONS));
        }
        "approval_allow_author" => put(&mut p.approval_allow_author, boolean(entry, m)),
        "approval_before_merge" => put(&mut p.approval_before_merge, boolean(entry, m)),
        "approval_teams" => {
            let owner = p.repository.owner().to_owned();
            put(&mut p.approval_teams, teams(entry, &owner, m));
        }
        "raise_risk_contexts" => put(&mut p.raise_risk_contexts, contexts(entry, m)),
        _ => return false,
    }
    true
}

fn reason(entry: &Setting<'_>, m: &mut Mistakes) -> Option<String> {
    let expected = "a reason in words, as in \"incident 42\", or null";
    let reason = line(entry, m, LONGEST_LINE, expected)?;
    let is_switch = matches!(
        reason.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "1" | "0"
    );
    if is_switch {
        entry.wrong(m, expected);
        return None;
    }
    Some(reason)
}

/// The short name of a branch or tag. Source of the rejected forms: git-check-ref-format(1).
fn git_ref(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Branch> {
    let expected = "a branch's name without refs/heads/, as in main, or null";
    let name = line(entry, m, LONGEST_LINE, expected)?;
    let is_bad = name.starts_with("refs/")
        || name.starts_with(['/', '-'])
        || name.ends_with(['/', '.'])
        || name.ends_with(".lock")
        || ["..", "@{", "//"].iter().any(|bad| name.contains(bad))
        || name.contains([' ', '~', '^', ':', '?', '*', '[', '\\']);
    if is_bad {
        entry.wrong(m, expected);
        return None;
    }
    Some(Branch::from(name))
}

/// The empty string disables deploys.
fn deploy_workflow(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Option<WorkflowName>> {
    let expected = "a workflow's name or file name, as in deploy.yml, or \"\" for none";
    let name = text(entry, m, expected)?;
    if name.is_empty() {
        return Some(None);
    }
    let name = line(entry, m, LONGEST_LINE, expected)?;
    Some(Some(WorkflowName::from(name.as_str())))
}

fn patterns(entry: &Setting<'_>, m: &mut Mistakes) -> Option<PathPatterns> {
    let expected = "path patterns, as in \"**/migrations/**\"";
    let written = texts(entry, m, expected)?;
    if let Some(compiled) = m.compiled(&written) {
        return Some(compiled);
    }
    let bytes: usize = written.iter().map(String::len).sum();
    if bytes > LARGEST_PATTERNS {
        let most = LARGEST_PATTERNS >> 10;
        entry.refuse(m, format!("has {} KiB of patterns: expected at most {most}", bytes >> 10));
        return None;
    }
    if !m.may_compile(written.len()) {
        entry.refuse(
            m,
            format!("takes the file beyond {MOST_PATTERNS} patterns in different lists"),
        );
        return None;
    }
    if let Ok(patterns) = PathPatterns::new(&written) {
        m.note_compiled(&patterns);
        return Some(patterns);
    }
    // Compile patterns one by one, so that each mistake names its own key.
    let mut is_told = false;
    for (item, pattern) in items(entry, m, expected)?.iter().zip(&written) {
        for error in PathPatterns::new(&[pattern]).err().unwrap_or_default() {
            item.wrong(m, format_args!("a pattern as in .gitignore: this one {}", error.why));
            is_told = true;
        }
    }
    if !is_told {
        entry.wrong(m, "patterns that compile together: these are too many");
    }
    None
}

fn approval_modes(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<ApprovalMode>> {
    let is_list = matches!(entry.value, Value::Array(..)) || entry.origin.is_environment;
    if !is_list {
        return word(entry, m, &APPROVAL_MODES).map(|mode| vec![mode]);
    }
    let mut modes = Vec::new();
    let mut complete = true;
    for item in items(entry, m, &one_of(&words(&APPROVAL_MODES)))? {
        match word(&item, m, &APPROVAL_MODES) {
            Some(mode) if !modes.contains(&mode) => modes.push(mode),
            Some(_) => {}
            None => complete = false,
        }
    }
    if modes.is_empty() && complete {
        entry.wrong(m, "at least one of environment, label or comment");
        return None;
    }
    complete.then_some(modes)
}

/// Teams as `org/team`, or as `team` for a team of the repository's owner.
fn teams(entry: &Setting<'_>, owner: &str, m: &mut Mistakes) -> Option<Vec<Team>> {
    let expected = "teams, as in acme/release-captains";
    let mut teams = Vec::new();
    let mut complete = true;
    let written = texts(entry, m, expected)?;
    for (item, name) in items(entry, m, expected)?.iter().zip(&written) {
        let (org, slug) = name.split_once('/').unwrap_or((owner, name));
        match Team::new(org, slug) {
            Some(team) if !teams.contains(&team) => teams.push(team),
            Some(_) => {}
            None => {
                item.wrong(
                    m,
                    "ORG/TEAM by the team's name in addresses, as in acme/release-captains",
                );
                complete = false;
            }
        }
    }
    complete.then_some(teams)
}

/// Contexts of commit statuses, and labels: one name may be both.
fn contexts(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<String>> {
    let expected = "contexts of commit statuses, or labels, as in security/scan";
    let mut complete = true;
    let names = texts(entry, m, expected)?;
    for (item, name) in items(entry, m, expected)?.iter().zip(&names) {
        if name.trim().is_empty() || name.chars().count() > LONGEST_CONTEXT {
            item.wrong(m, "a context or a label of at most 255 characters, as in security/scan");
            complete = false;
        }
    }
    complete.then_some(names)
}

fn command(entry: &Setting<'_>, m: &mut Mistakes) -> Option<ApprovalCommand> {
    let expected = "a line that a comment can give, as in /approve";
    match ApprovalCommand::new(&text(entry, m, expected)?) {
        Ok(command) => Some(command),
        Err(error) => {
            entry.wrong(m, format_args!("{expected}: this one {}", error.why));
            None
        }
    }
}

fn failure_types(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<FailureType>> {
    let items = items(entry, m, "mappings with `pattern` and `label`")?;
    let count = items.len();
    let types: Vec<FailureType> = items.iter().filter_map(|item| failure_type(item, m)).collect();
    (types.len() == count).then_some(types)
}

fn failure_type(entry: &Setting<'_>, m: &mut Mistakes) -> Option<FailureType> {
    let Value::Dict(_, fields) = &entry.value else {
        entry.wrong(m, "a mapping with `pattern` and `label`");
        return None;
    };
    let (mut pattern, mut label) = (None, None);
    let mut complete = true;
    for (name, value) in fields {
        let key = format!("{}.{name}", entry.key);
        let field = Setting { value: value.clone(), key, origin: entry.origin };
        match name.as_str() {
            "pattern" => pattern = line(&field, m, LONGEST_LINE, "a part of a step's name"),
            "label" => label = line(&field, m, LONGEST_LABEL, "a label's name"),
            _ => {
                let known = names(FAILURE_TYPE_KEYS);
                let meant = meant(name, known).unwrap_or("pattern or label");
                field.refuse(m, format!("is not a known key: did you mean {meant}?"));
                complete = false;
            }
        }
    }
    for missing in names(FAILURE_TYPE_KEYS).iter().filter(|name| !fields.contains_key(**name)) {
        entry.refuse(m, format!("lacks the key `{missing}`"));
    }
    complete.then_some(FailureType { pattern: pattern?, label: label? })
}
