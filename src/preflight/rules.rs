//! What would go wrong, as a pure function of what GitHub has: one function a question.

mod token;

use super::{ConfigFinding, Severity};
use crate::domain::{
    ApprovalMode, Named, Policy, RunTitle, Workflow, WorkflowFile, WorkflowName, WorkflowState,
};
use crate::github::{FileText, ReadError};
use crate::messages::plain;

use super::facts::{FactRead, PreflightFacts};

/// What the deploy workflow is given.
const INPUT: &str = "sha";
/// As many names as help to find the one that was meant.
const MOST_NAMES: usize = 8;

/// The questions, in the order in which a first week would ask them.
const RULES: &[fn(&Policy, &PreflightFacts, &mut Findings<'_>)] = &[
    reached,
    kept_its_name,
    takes_writes,
    has_the_branch,
    lists_workflows,
    verifies,
    verifies_the_events,
    deploys,
    deploy_file_is_there,
    deploy_file_takes_the_sha,
    deploy_titles_tell,
    deploys_by_others,
    deploy_file_is_pinned,
    token::may,
    token::user_may_push,
    token::sees_the_teams,
    takes_issues,
    has_the_label,
];

/// All that would go wrong with a repository.
pub(super) fn findings(policy: &Policy, facts: &PreflightFacts) -> Vec<ConfigFinding> {
    let mut found = Findings { policy, findings: Vec::new() };
    RULES.iter().for_each(|rule| rule(policy, facts, &mut found));
    found.findings
}

/// What was found of one repository.
struct Findings<'a> {
    policy: &'a Policy,
    findings: Vec<ConfigFinding>,
}

impl Findings<'_> {
    fn error(&mut self, key: &'static str, value: &str, message: impl Into<String>) {
        // Nothing is started where the repository is not enabled.
        let severity = if self.policy.enabled { Severity::Error } else { Severity::Warning };
        self.add(severity, key, value, message.into());
    }

    fn warning(&mut self, key: &'static str, value: &str, message: impl Into<String>) {
        self.add(Severity::Warning, key, value, message.into());
    }

    fn add(&mut self, severity: Severity, key: &str, value: &str, message: String) {
        self.findings.push(ConfigFinding {
            repository: Some(self.policy.repository.clone()),
            key: key.to_owned(),
            value: plain(value, 100),
            severity,
            message,
        });
    }
}

fn reached(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let name = policy.repository.to_string();
    match facts.repository.refused() {
        Some(ReadError::NotFound { .. }) => found.error(
            "name",
            &name,
            "GitHub knows no such repository, or hides it from the token: correct the name, or \
             give the token access to it",
        ),
        Some(error) => found.error("name", &name, error.to_string()),
        None => {}
    }
}

fn kept_its_name(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let Some(repository) = facts.repository.known().map(|found| &found.value) else { return };
    let (was, is) = (&policy.repository, &repository.name);
    if was == is {
        return;
    }
    if was.owner().eq_ignore_ascii_case(is.owner()) {
        let what = format!("it was renamed to {is}: put that name here before somebody takes this");
        found.warning("name", &was.to_string(), what);
    } else {
        let what = format!("it was transferred to {is}, which is not followed: put that name here");
        found.error("name", &was.to_string(), what);
    }
}

fn takes_writes(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    if policy.enabled && facts.repository.known().is_some_and(|found| found.value.archived) {
        found.error(
            "name",
            &policy.repository.to_string(),
            "it is archived and read-only: unarchive it, or set `enabled: false`",
        );
    }
}

fn has_the_branch(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let default = facts.repository.known().map(|found| found.value.default_branch.as_str());
    let named = policy.branch.as_ref().map(|branch| branch.as_str());
    let value = named.or(default).unwrap_or_default();
    match (&facts.tip, named) {
        (FactRead::Known(None), Some(_)) => {
            let is = default.unwrap_or_default();
            let what = format!("there is no such branch: correct it; the default branch is `{is}`");
            found.error("branch", value, what);
        }
        (FactRead::Known(None), None) => {
            found.error("branch", value, "the repository has no commits yet: push its first ones");
        }
        (FactRead::Refused(error), _) => found.error("branch", value, error.to_string()),
        (FactRead::Known(Some(_)) | FactRead::NotAsked | FactRead::Failed(_), _) => {}
    }
}

fn lists_workflows(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    if let Some(error) = facts.workflows.refused() {
        let value = policy.verification_workflow.as_str();
        found.error("verification_workflow_name", value, error.to_string());
    }
}

fn verifies(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let key = "verification_workflow_name";
    let without = "no commit is ever verified";
    is_there(key, &policy.verification_workflow, without, facts, found);
}

fn deploys(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let key = "deploy_workflow_name";
    match &policy.deploy_workflow {
        Some(name) => is_there(key, name, "nothing can be deployed", facts, found),
        None => found.warning(key, "", "it is empty: commits are judged, and nothing is deployed"),
    }
}

fn is_there(
    key: &'static str,
    name: &WorkflowName,
    without: &str,
    facts: &PreflightFacts,
    found: &mut Findings<'_>,
) {
    let Some(workflows) = facts.workflows.known() else { return };
    let what = match name.among(workflows) {
        Named::One(Workflow { state: WorkflowState::Active, .. }) => return,
        Named::One(Workflow { state: WorkflowState::Disabled(how), path, .. }) => format!(
            "{} is {}, so that {without}: enable it under Actions on GitHub",
            plain(path, 100),
            plain(how, 40).replace('_', " ")
        ),
        Named::Several(several) => format!(
            "{} workflows are called that ({}): give a file's name instead",
            several.len(),
            names(several.iter().map(|one| one.path.as_str()))
        ),
        Named::Nothing if workflows.is_empty() => {
            format!("the repository has no workflow at all, so that {without}: push one")
        }
        Named::Nothing => format!(
            "there is no such workflow, so that {without}: correct it; there are {}",
            names(workflows.iter().map(|one| one.path.trim_start_matches(".github/workflows/")))
        ),
    };
    found.error(key, name.as_str(), what);
}

fn verifies_the_events(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let name = policy.verification_workflow.as_str();
    let default = facts.repository.known().map(|found| found.value.default_branch.clone());
    let Some(branch) = policy.branch.clone().or(default) else { return };
    let Some(file) = parsed("verification_workflow_name", name, &facts.verification_file, found)
    else {
        return;
    };
    let never = |event: &String| file.never_runs(event, branch.as_str());
    let wanted = policy.verification_events.join(", ");
    if policy.verification_events.iter().all(never) {
        found.warning(
            "verification_events",
            &wanted,
            format!(
                "`{name}` runs on {} and never by one of these on `{branch}`: add one to its `on:`",
                names(file.events().into_iter())
            ),
        );
    } else if is_chosen(&policy.verification_events) && !file.has(MERGE_GROUP) {
        found.warning(
            "verification_events",
            &wanted,
            format!("`{name}` does not run on `merge_group`: add it to its `on:`, or a merge queue waits forever"),
        );
    }
}

const MERGE_GROUP: &str = "merge_group";
/// Which events count where nobody chose.
const COMMON_EVENTS: [&str; 4] = ["push", MERGE_GROUP, "workflow_dispatch", "schedule"];

/// Whether somebody asked for merge queues, which the default names in any case.
fn is_chosen(events: &[String]) -> bool {
    events.iter().any(|event| event == MERGE_GROUP) && events != COMMON_EVENTS.map(str::to_owned)
}

fn deploy_file_is_there(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let Some(name) = policy.deploy_workflow.as_ref().map(WorkflowName::as_str) else { return };
    let default = facts.repository.known().map(|found| found.value.default_branch.as_str());
    let default = default.unwrap_or_default();
    let at = policy.deploy_workflow_ref.as_ref().map_or(default, |at| at.as_str());
    if let Some(error) = facts.deploy_file.refused() {
        found.error("deploy_workflow_name", name, error.to_string());
    }
    if facts.deploy_file_default == FactRead::Known(None) {
        found.error(
            "deploy_workflow_name",
            name,
            format!("its file is not on the default branch `{default}`, where GitHub looks for it: merge it there"),
        );
    }
    match (&facts.deploy_ref, &facts.deploy_file) {
        (FactRead::Known(None), _) => {
            let what = "there is no such branch, and a tag is none: correct it";
            found.error("deploy_workflow_ref", at, what);
        }
        (_, FactRead::Known(None)) if at != default => found.error(
            "deploy_workflow_ref",
            at,
            format!("the file of `{name}` is not there, and GitHub starts it from there: add it"),
        ),
        _ => {}
    }
}

fn deploy_file_takes_the_sha(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let Some(name) = policy.deploy_workflow.as_ref().map(WorkflowName::as_str) else { return };
    let key = "deploy_workflow_name";
    let Some(file) = parsed(key, name, &facts.deploy_file, found) else { return };
    if !file.has("workflow_dispatch") {
        let what = "it has no `workflow_dispatch` trigger, so that GitHub refuses to start it: add \
                    one with the input `sha`";
        found.error(key, name, what);
        return;
    }
    if !file.has_input(INPUT) {
        let what = "its `workflow_dispatch` has no input `sha`, so that GitHub refuses to start \
                    it: declare one, of type string";
        found.error(key, name, what);
    }
    let others = file.required_besides(INPUT);
    if !others.is_empty() {
        let others = names(others.into_iter());
        let what =
            format!("it requires the input {others}, which is never sent: give it a default");
        found.error(key, name, what);
    }
}

/// Whether a run that somebody else starts tells its commit.
fn deploy_titles_tell(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let Some(name) = policy.deploy_workflow.as_ref().map(WorkflowName::as_str) else { return };
    let Some(file) = readable(&facts.deploy_file) else { return };
    if !file.has("workflow_dispatch") {
        return;
    }
    let key = "deploy_workflow_name";
    let tells = file.run_name().and_then(RunTitle::of_run_name).is_some()
        || (policy.run_title.is_some() && file.title_carries(INPUT));
    if !tells {
        let what = "its `run-name` does not carry `${{ inputs.sha }}`: a run that somebody else \
                    starts cannot be told, and leaves production uncertain. Add `run-name: Deploy \
                    ${{ inputs.sha }}`";
        found.warning(key, name, what);
    }
    let others = file.inputs_besides(INPUT);
    if !others.is_empty() && policy.run_title.is_none() {
        let others = names(others.into_iter());
        let what = format!(
            "it takes the input {others} besides `sha`, so that a title alone does not say what a \
             run deploys to production: set `run_title` to the titles that do, and \
             `other_run_titles` to those of other environments"
        );
        found.warning("run_title", "", what);
    }
}

fn deploys_by_others(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    for name in &policy.other_deploy_workflows {
        is_there(
            "other_deploy_workflows",
            name,
            "its effect on production is not visible",
            facts,
            found,
        );
    }
}

/// What the deploy workflow runs of other repositories is judged by nobody.
fn deploy_file_is_pinned(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let Some(name) = policy.deploy_workflow.as_ref().map(WorkflowName::as_str) else { return };
    let Some(file) = readable(&facts.deploy_file) else { return };
    let unpinned = file.unpinned();
    if !unpinned.is_empty() {
        let which = names(unpinned.into_iter());
        let what = format!(
            "it uses {which} of other repositories, which can change without a commit here that \
             is judged: pin each to a whole commit id"
        );
        found.warning("deploy_workflow_name", name, what);
    }
}

/// A file that can be read; what is wrong with another one is said once.
fn readable(file: &FactRead<Option<FileText>>) -> Option<WorkflowFile> {
    match file.known()?.as_ref()? {
        FileText::Text(text) => WorkflowFile::parse(text).ok(),
        FileText::TooLarge | FileText::NoText => None,
    }
}

/// What a workflow's file declares; none where it is not there or cannot be told.
fn parsed(
    key: &'static str,
    name: &str,
    file: &FactRead<Option<FileText>>,
    found: &mut Findings<'_>,
) -> Option<WorkflowFile> {
    let trouble = match file.known()?.as_ref()? {
        FileText::Text(text) => match WorkflowFile::parse(text) {
            Ok(file) => return Some(file),
            Err(why) => format!("its file cannot be read as YAML ({})", plain(&why, 200)),
        },
        FileText::TooLarge => "its file is too large to be read".to_owned(),
        FileText::NoText => "its file is not text".to_owned(),
    };
    let what = format!("{trouble}, so it is unknown what it declares: check it on GitHub");
    found.warning(key, name, what);
    None
}

fn takes_issues(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    if facts.repository.known().is_some_and(|found| !found.value.has_issues) {
        found.warning(
            "name",
            &policy.repository.to_string(),
            "issues are disabled: a failed deploy cannot open one. Enable them in the repository's settings",
        );
    }
}

fn has_the_label(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    if !policy.approval_modes.contains(&ApprovalMode::Label) {
        return;
    }
    let wanted = &policy.approval_label;
    match &facts.labels {
        FactRead::Known(Some(labels)) => {
            if !labels.iter().any(|label| label.to_lowercase() == wanted.to_lowercase()) {
                let what = "there is no such label, so that nobody can put it on a pull request: \
                            create it";
                found.warning("approval_label", wanted, what);
            }
        }
        FactRead::Refused(ReadError::Gone410 { .. }) => {}
        FactRead::Refused(error) => found.warning("approval_label", wanted, error.to_string()),
        FactRead::Known(None) | FactRead::NotAsked | FactRead::Failed(_) => {}
    }
}

/// Some names, in a row.
fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = all.len();
    if count == 0 {
        return "nothing".to_owned();
    }
    let shown: Vec<String> =
        all.take(MOST_NAMES).map(|name| format!("`{}`", plain(name, 100))).collect();
    let more = count.saturating_sub(MOST_NAMES);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

#[cfg(test)]
mod tests;
