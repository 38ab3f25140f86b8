//! One row, one sentence.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion: it names the line that was wrong"
)]

use insta::assert_snapshot;

use super::*;
use crate::config;
use crate::domain::{Branch, RepoId, Repository, WorkflowId};
use crate::github::{Granted, Located, PermissionProbe, RepositoryAccess};

const VERIFY: &str = "on:\n  push: {branches: [main]}\n  merge_group:\n";
const DEPLOY: &str = "run-name: Deploy ${{ inputs.sha }}\non:\n  workflow_dispatch:\n    inputs:\n      \
                      sha: {required: true}\n";

/// The least permissions that the governor works with (design, section 6, 18).
const LEAST: &[(&str, &str)] = &[
    ("metadata", "read"),
    ("contents", "read"),
    ("pull_requests", "read"),
    ("actions", "write"),
    ("statuses", "write"),
    ("issues", "write"),
];

fn policy(keys: &str) -> Policy {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("governor.yaml");
    std::fs::write(&file, format!("repositories: [{{name: acme/shop, {keys}}}]\n")).unwrap();
    config::load(&file, std::iter::empty()).unwrap().repositories.remove(0).as_ref().clone()
}

fn workflow(id: u64, name: &str, file: &str, state: &str) -> Workflow {
    let state = match state {
        "active" => WorkflowState::Active,
        other => WorkflowState::Disabled(other.to_owned()),
    };
    Workflow {
        id: WorkflowId::from(id),
        name: name.to_owned(),
        path: format!(".github/workflows/{file}"),
        state,
        updated_at: String::new(),
        html_url: String::new(),
    }
}

fn text(text: &str) -> FactRead<Option<FileText>> {
    FactRead::Known(Some(FileText::Text(text.to_owned())))
}

/// A repository that is as the defaults say.
fn good() -> PreflightFacts {
    let tip = "a".repeat(40).parse().unwrap();
    let repository = Repository {
        id: RepoId::from(1),
        name: "acme/shop".parse().unwrap(),
        default_branch: Branch::from("main"),
        archived: false,
        has_issues: true,
        html_url: String::new(),
    };
    PreflightFacts {
        granted: Granted::Scopes(vec!["repo".to_owned()]),
        repository: FactRead::Known(Located { value: repository, redirected: false }),
        access: FactRead::Known(RepositoryAccess { private: true, push: Some(true) }),
        tip: FactRead::Known(Some(tip)),
        workflows: FactRead::Known(vec![
            workflow(1, "Verify main", "verify.yml", "active"),
            workflow(2, "Deploy", "deploy.yml", "active"),
        ]),
        verification_file: text(VERIFY),
        deploy_file_default: text(DEPLOY),
        deploy_ref: FactRead::Known(Some("a".repeat(40).parse().unwrap())),
        deploy_file: text(DEPLOY),
        labels: FactRead::NotAsked,
        probes: Vec::new(),
    }
}

fn told_with(keys: &str, change: impl FnOnce(&mut PreflightFacts)) -> String {
    let mut facts = good();
    change(&mut facts);
    let line = |one: &ConfigFinding| {
        let severity = one.severity.as_str();
        format!("{severity} {} `{}`: {}", one.key, one.value, one.message)
    };
    let found = findings(&policy(keys), &facts);
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn told(change: impl FnOnce(&mut PreflightFacts)) -> String {
    told_with("", change)
}

fn repository(facts: &mut PreflightFacts) -> &mut Repository {
    let FactRead::Known(found) = &mut facts.repository else { panic!("it was not reached") };
    &mut found.value
}

fn refused<T>(permission: &str) -> FactRead<T> {
    FactRead::Refused(ReadError::Refused {
        what: "list the statuses of acme/shop".to_owned(),
        status: 403,
        words: "Resource not accessible".to_owned(),
        permission: Some(permission.to_owned()),
    })
}

#[test]
fn a_repository_that_is_as_it_should_be_has_no_findings() {
    assert_eq!(told(|_| {}), "");
    assert_eq!(
        told(|facts| *facts = PreflightFacts::nothing(Granted::NotTold { of_a_user: true })),
        ""
    );
}

#[test]
fn a_repository_is_reached_under_its_own_name_and_takes_writes() {
    let gone = |facts: &mut PreflightFacts| {
        *facts = PreflightFacts::nothing(facts.granted.clone());
        let (what, words) = ("read the repository acme/shop".to_owned(), "Not Found".to_owned());
        facts.repository = FactRead::Refused(ReadError::NotFound { what, words });
    };
    assert_snapshot!(told(gone), @r"error name `acme/shop`: GitHub knows no such repository, or hides it from the token: correct the name, or give the token access to it");
    let renamed =
        |facts: &mut PreflightFacts| repository(facts).name = "acme/store".parse().unwrap();
    assert_snapshot!(told(renamed), @r"warning name `acme/shop`: it was renamed to acme/store: put that name here before somebody takes this");
    let sold = |facts: &mut PreflightFacts| repository(facts).name = "evil/shop".parse().unwrap();
    assert_snapshot!(told(sold), @r"error name `acme/shop`: it was transferred to evil/shop, which is not followed: put that name here");
    let archived = |facts: &mut PreflightFacts| repository(facts).archived = true;
    assert_snapshot!(told(archived), @r"error name `acme/shop`: it is archived and read-only: unarchive it, or set `enabled: false`");
    assert_eq!(told_with("enabled: false", archived), "");
    assert_snapshot!(told(|facts| repository(facts).has_issues = false), @r"warning name `acme/shop`: issues are disabled: a failed deploy cannot open one. Enable them in the repository's settings");
}

#[test]
fn a_branch_exists() {
    let gone = |facts: &mut PreflightFacts| facts.tip = FactRead::Known(None);
    assert_snapshot!(told_with("branch: trunk", gone), @r"error branch `trunk`: there is no such branch: correct it; the default branch is `main`");
    assert_snapshot!(told(gone), @r"error branch `main`: the repository has no commits yet: push its first ones");
}

#[test]
fn workflows_are_found_once_and_enabled() {
    let listed = |workflows: Vec<Workflow>| {
        |facts: &mut PreflightFacts| {
            facts.workflows = FactRead::Known(workflows);
            facts.verification_file = FactRead::NotAsked;
            facts.deploy_file = FactRead::NotAsked;
            facts.deploy_file_default = FactRead::NotAsked;
        }
    };
    assert_snapshot!(told(listed(vec![])), @r"
    error verification_workflow_name `Verify main`: the repository has no workflow at all, so that no commit is ever verified: push one
    error deploy_workflow_name `deploy.yml`: the repository has no workflow at all, so that nothing can be deployed: push one
    ");
    let others = vec![workflow(1, "CI", "ci.yml", "active"), workflow(2, "X", "x.yml", "active")];
    assert_snapshot!(told(listed(others)), @r"
    error verification_workflow_name `Verify main`: there is no such workflow, so that no commit is ever verified: correct it; there are `ci.yml`, `x.yml`
    error deploy_workflow_name `deploy.yml`: there is no such workflow, so that nothing can be deployed: correct it; there are `ci.yml`, `x.yml`
    ");
    let two = vec![
        workflow(1, "Verify main", "a.yml", "active"),
        workflow(2, "Verify main", "b.yml", "active"),
        workflow(3, "Deploy", "deploy.yml", "disabled_manually"),
    ];
    assert_snapshot!(told(listed(two)), @r"
    error verification_workflow_name `Verify main`: 2 workflows are called that (`.github/workflows/a.yml`, `.github/workflows/b.yml`): give a file's name instead
    error deploy_workflow_name `deploy.yml`: .github/workflows/deploy.yml is disabled manually, so that nothing can be deployed: enable it under Actions on GitHub
    ");
    assert_snapshot!(told_with("deploy_workflow_name: ''", |_| {}), @r"warning deploy_workflow_name ``: it is empty: commits are judged, and nothing is deployed");
    let hidden = |facts: &mut PreflightFacts| facts.workflows = refused("actions=read");
    assert_snapshot!(told(hidden), @r#"error verification_workflow_name `Verify main`: cannot list the statuses of acme/shop: GitHub said 403 "Resource not accessible". Grant the token actions=read"#);
}

#[test]
fn the_verification_runs_by_an_event_that_counts() {
    let runs_on =
        |on: &'static str| |facts: &mut PreflightFacts| facts.verification_file = text(on);
    assert_snapshot!(told(runs_on("on: [pull_request]")), @r"warning verification_events `push, merge_group, workflow_dispatch, schedule`: `Verify main` runs on `pull_request` and never by one of these on `main`: add one to its `on:`");
    assert_snapshot!(told(runs_on("on: {push: {branches: [develop]}}")), @r"warning verification_events `push, merge_group, workflow_dispatch, schedule`: `Verify main` runs on `push` and never by one of these on `main`: add one to its `on:`");
    assert_eq!(told(runs_on("on: [push]")), "", "the default names merge queues in any case");
    assert_snapshot!(
        told_with("verification_events: [push, merge_group]", runs_on("on: [push]")), @r"warning verification_events `push, merge_group`: `Verify main` does not run on `merge_group`: add it to its `on:`, or a merge queue waits forever");
    assert_snapshot!(told(runs_on("on: [push")), @r"warning verification_workflow_name `Verify main`: its file cannot be read as YAML (unclosed bracket '['), so it is unknown what it declares: check it on GitHub");
}

#[test]
fn the_deploy_workflow_takes_the_sha_and_nothing_else_and_says_it() {
    let says = |on: &'static str| |facts: &mut PreflightFacts| facts.deploy_file = text(on);
    assert_snapshot!(told(says("on: push")), @r"error deploy_workflow_name `deploy.yml`: it has no `workflow_dispatch` trigger, so that GitHub refuses to start it: add one with the input `sha`");
    assert_snapshot!(told(says("on: workflow_dispatch")), @r"
    error deploy_workflow_name `deploy.yml`: its `workflow_dispatch` has no input `sha`, so that GitHub refuses to start it: declare one, of type string
    warning deploy_workflow_name `deploy.yml`: its `run-name` does not carry `${{ inputs.sha }}`: a run that somebody else starts cannot be told, and leaves production uncertain. Add `run-name: Deploy ${{ inputs.sha }}`
    ");
    let two = "run-name: ${{ inputs.sha }}\non: {workflow_dispatch: {inputs: {sha: {}, region: {required: true}}}}";
    assert_snapshot!(told(says(two)), @r"
    error deploy_workflow_name `deploy.yml`: it requires the input `region`, which is never sent: give it a default
    warning run_title ``: it takes the input `region` besides `sha`, so that a title alone does not say what a run deploys to production: set `run_title` to the titles that do, and `other_run_titles` to those of other environments
    ");
    let large =
        |facts: &mut PreflightFacts| facts.deploy_file = FactRead::Known(Some(FileText::TooLarge));
    assert_snapshot!(told(large), @r"warning deploy_workflow_name `deploy.yml`: its file is too large to be read, so it is unknown what it declares: check it on GitHub");
}

#[test]
fn the_deploy_workflow_is_where_github_looks_for_it() {
    let merged_nowhere =
        |facts: &mut PreflightFacts| facts.deploy_file_default = FactRead::Known(None);
    assert_snapshot!(told_with("deploy_workflow_ref: release", merged_nowhere), @r"error deploy_workflow_name `deploy.yml`: its file is not on the default branch `main`, where GitHub looks for it: merge it there");
    let elsewhere = |facts: &mut PreflightFacts| facts.deploy_file = FactRead::Known(None);
    assert_snapshot!(told_with("deploy_workflow_ref: release", elsewhere), @r"error deploy_workflow_ref `release`: the file of `deploy.yml` is not there, and GitHub starts it from there: add it");
    let no_ref = |facts: &mut PreflightFacts| {
        facts.deploy_ref = FactRead::Known(None);
        facts.deploy_file = FactRead::Known(None);
    };
    assert_snapshot!(told_with("deploy_workflow_ref: release", no_ref), @"error deploy_workflow_ref `release`: there is no such branch, and a tag is none: correct it");
}

#[test]
fn the_token_may_what_a_governor_needs() {
    let scopes = |scopes: &'static [&'static str]| {
        |facts: &mut PreflightFacts| {
            facts.granted = Granted::Scopes(scopes.iter().map(|&scope| scope.to_owned()).collect());
        }
    };
    assert_snapshot!(told(scopes(&["public_repo", "read:org"])), @r"error token `repo`: the token lacks the scope `repo`; it has public_repo, read:org: add it");
    assert_snapshot!(told(scopes(&[])), @r"error token `repo`: the token lacks the scope `repo`; it has no scope: add it");
    let public = |facts: &mut PreflightFacts| {
        scopes(&["public_repo"])(facts);
        facts.access = FactRead::Known(RepositoryAccess { private: false, push: Some(true) });
    };
    assert_eq!(told(public), "");

    let granted = |pairs: &'static [(&'static str, &'static str)]| {
        |facts: &mut PreflightFacts| {
            let owned = pairs.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned()));
            facts.granted = Granted::Permissions(owned.collect());
            facts.access = FactRead::Known(RepositoryAccess { private: true, push: Some(false) });
        }
    };
    assert_eq!(told(granted(LEAST)), "");
    let little = &[("metadata", "read"), ("contents", "write"), ("actions", "read")];
    assert_snapshot!(told(granted(little)), @r"
    error token `pull_requests: read`: the App's installation has `none` there: grant it, and accept it
    error token `actions: write`: the App's installation has `read` there: grant it, and accept it
    error token `statuses: write`: the App's installation has `none` there: grant it, and accept it
    error token `issues: write`: the App's installation has `none` there: grant it, and accept it
    ");
    let reads = &[
        ("metadata", "read"),
        ("contents", "read"),
        ("pull_requests", "read"),
        ("actions", "read"),
        ("statuses", "read"),
        ("issues", "read"),
    ];
    assert_eq!(told_with("dry_run: true", granted(reads)), "");
}

#[test]
fn where_github_does_not_tell_reads_are_tried() {
    let fine_grained = |facts: &mut PreflightFacts| {
        facts.granted = Granted::NotTold { of_a_user: true };
        facts.access = FactRead::Known(RepositoryAccess { private: true, push: Some(false) });
        facts.probes = vec![
            (PermissionProbe::Statuses, refused("statuses=read")),
            (PermissionProbe::Issues, FactRead::Known(())),
            (
                PermissionProbe::PullRequests,
                FactRead::Failed(ReadError::Transport { what: String::new(), why: String::new() }),
            ),
        ];
    };
    assert_snapshot!(told(fine_grained), @r#"
    error token `statuses: write`: cannot list the statuses of acme/shop: GitHub said 403 "Resource not accessible". Grant the token statuses=read
    error token `push`: the token's user may not push there, and GitHub takes no dispatch and no status from them: give them write access
    "#);
    // An App's token has no user who might push.
    let app = |facts: &mut PreflightFacts| {
        facts.granted = Granted::NotTold { of_a_user: false };
        facts.access = FactRead::Known(RepositoryAccess { private: true, push: Some(false) });
    };
    assert_eq!(told(app), "");
}

#[test]
fn the_token_sees_who_belongs_to_the_teams_that_approve() {
    let keys = "approval_mode: comment, approval_teams: [captains, acme/sre]";
    let scopes = |scopes: &'static [&'static str]| {
        |facts: &mut PreflightFacts| {
            facts.granted = Granted::Scopes(scopes.iter().map(|&scope| scope.to_owned()).collect());
        }
    };
    assert_snapshot!(told_with(keys, scopes(&["repo"])), @"error approval_teams `acme/captains, acme/sre`: no members are visible, so nobody can approve: the token lacks the scope `read:org`: add it");
    assert_eq!(told_with(keys, scopes(&["repo", "read:org"])), "");
    assert_eq!(told_with(keys, scopes(&["repo", "admin:org"])), "");
    assert_eq!(told_with("approval_mode: comment", scopes(&["repo"])), "");
    let by_an_operator = "approval_mode: environment, approval_teams: [captains]";
    assert_eq!(told_with(by_an_operator, scopes(&["repo"])), "");

    let app = |members: Option<&'static str>| {
        move |facts: &mut PreflightFacts| {
            let all = LEAST.iter().copied().chain(members.map(|level| ("members", level)));
            let owned = all.map(|(name, level)| (name.to_owned(), level.to_owned()));
            facts.granted = Granted::Permissions(owned.collect());
        }
    };
    assert_snapshot!(told_with(keys, app(None)), @"error approval_teams `acme/captains, acme/sre`: no members are visible, so nobody can approve: the App lacks the organization's `members: read`: grant it, and accept it");
    assert_eq!(told_with(keys, app(Some("read"))), "");
    assert_eq!(told_with(keys, |facts| facts.granted = Granted::NotTold { of_a_user: true }), "");
}

#[test]
fn the_label_that_approves_exists() {
    let labels = |labels: &'static [&'static str]| {
        |facts: &mut PreflightFacts| {
            facts.labels =
                FactRead::Known(Some(labels.iter().map(|&label| label.to_owned()).collect()));
        }
    };
    let mode = "approval_mode: [label, environment]";
    assert_snapshot!(told_with(mode, labels(&["bug"])), @r"warning approval_label `release:approved`: there is no such label, so that nobody can put it on a pull request: create it");
    assert_eq!(told_with(mode, labels(&["Release:Approved"])), "");
    assert_eq!(told_with(mode, |facts| facts.labels = FactRead::Known(None)), "");
    assert_eq!(told(labels(&[])), "", "nobody approves by label there");
}
