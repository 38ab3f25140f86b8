//! GitHub Actions in one repository: workflows, their runs, and automatic progress.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::dispatch::Dispatch;
use super::git::Tree;
use super::ids::{Ids, next};
use super::runs::{Origin, Plan, Run};
use super::workflow_file;

/// How new runs of a workflow progress by themselves, on the box's clock.
#[derive(Clone)]
pub struct AutoProgress {
    queued_for: SignedDuration,
    runs_for: SignedDuration,
    ends_in: Arc<dyn Fn(&str) -> String + Send + Sync>,
    failed_step: Option<String>,
}

impl AutoProgress {
    /// Runs stay queued for `queued_for`, run for `runs_for`, then succeed.
    #[must_use]
    pub fn new(queued_for: Duration, runs_for: Duration) -> Self {
        AutoProgress {
            queued_for: SignedDuration::try_from(queued_for).unwrap_or(SignedDuration::MAX),
            runs_for: SignedDuration::try_from(runs_for).unwrap_or(SignedDuration::MAX),
            ends_in: Arc::new(|_| "success".to_owned()),
            failed_step: None,
        }
    }

    /// Sets the conclusion of every run.
    #[must_use]
    pub fn conclusion(mut self, conclusion: &str) -> Self {
        let conclusion = conclusion.to_owned();
        self.ends_in = Arc::new(move |_| conclusion.clone());
        self
    }

    /// Computes a run's conclusion from its sha: the `sha` input of a dispatch, otherwise the
    /// run's `head_sha`. The function runs while the box is locked, so it must not call the
    /// box.
    #[must_use]
    pub fn conclusion_of(mut self, f: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.ends_in = Arc::new(f);
        self
    }

    /// Names the step that fails when a run fails.
    #[must_use]
    pub fn failed_step(mut self, name: &str) -> Self {
        self.failed_step = Some(name.to_owned());
        self
    }

    fn plan(&self, from: Timestamp, sha: &str) -> Plan {
        let starts_at = from.checked_add(self.queued_for).unwrap_or(Timestamp::MAX);
        let conclusion = (self.ends_in)(sha);
        let failed = conclusion == "failure";
        Plan {
            starts_at,
            ends_at: starts_at.checked_add(self.runs_for).unwrap_or(Timestamp::MAX),
            conclusion,
            failed_step: self.failed_step.clone().filter(|_| failed),
        }
    }
}

/// A run to be started by hand: `StartRun::push("main", &sha)`.
#[derive(Clone, Debug)]
pub struct StartRun {
    pub(super) event: String,
    pub(super) head_branch: Option<String>,
    pub(super) head_sha: String,
    pub(super) actor: String,
    pub(super) title: Option<String>,
    pub(super) fork: Option<String>,
    pub(super) input_sha: Option<String>,
}

impl StartRun {
    /// A run for an event, on a branch or tag, at a commit.
    #[must_use]
    pub fn of(event: &str, head_branch: &str, head_sha: &str) -> Self {
        StartRun {
            event: event.to_owned(),
            head_branch: Some(head_branch.to_owned()),
            head_sha: head_sha.to_owned(),
            actor: "dev".to_owned(),
            title: None,
            fork: None,
            input_sha: None,
        }
    }

    /// A run for a push.
    #[must_use]
    pub fn push(branch: &str, sha: &str) -> Self {
        Self::of("push", branch, sha)
    }

    /// Sets the user who starts the run.
    #[must_use]
    pub fn by(mut self, login: &str) -> Self {
        login.clone_into(&mut self.actor);
        self
    }

    /// Sets the title that lists show, instead of the first line of the commit message.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.title = Some(title.to_owned());
        self
    }

    /// Makes this a run from a fork, as for a pull request.
    #[must_use]
    pub fn from_fork(mut self, full_name: &str) -> Self {
        self.fork = Some(full_name.to_owned());
        self
    }

    /// Removes the branch. GitHub reports null once a branch is deleted.
    #[must_use]
    pub fn without_branch(mut self) -> Self {
        self.head_branch = None;
        self
    }

    /// Sets the `sha` input, which no API shows.
    #[must_use]
    pub fn input_sha(mut self, sha: &str) -> Self {
        self.input_sha = Some(sha.to_owned());
        self
    }
}

pub(super) struct Workflow {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) path: String,
    /// `active`, `disabled_manually`, `deleted` and so on.
    pub(super) activity: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) runs: u64,
    pub(super) runs_on_push: bool,
    pub(super) progress: Option<AutoProgress>,
}

#[derive(Default)]
pub(super) struct Actions {
    pub(super) workflows: Vec<Workflow>,
    pub(super) runs: BTreeMap<u64, Run>,
    pub(super) dispatches: Vec<Dispatch>,
    /// How far the clock that dates runs is ahead of every other clock.
    pub(super) clock_ahead: SignedDuration,
    /// How long new runs take to appear in unfiltered lists.
    pub(super) list_lag: SignedDuration,
    /// How long new runs and status changes take to appear in filtered lists.
    pub(super) index_lag: SignedDuration,
    /// When the search index stopped updating, if it did.
    pub(super) index_stopped_at: Option<Timestamp>,
}

impl Actions {
    /// Finds a workflow by id, file name or path, as the API does.
    pub(super) fn workflow(&self, key: &str) -> Option<&Workflow> {
        self.workflows.iter().find(|workflow| workflow.is_called(key))
    }

    pub(super) fn workflow_mut(&mut self, key: &str) -> Option<&mut Workflow> {
        self.workflows.iter_mut().find(|workflow| workflow.is_called(key))
    }

    /// Updates the list of workflows to match the tree of the default branch.
    pub(super) fn follow(&mut self, tree: &Tree, now: Timestamp, ids: &mut Ids) {
        for (path, blob) in tree.iter().filter(|(path, _)| is_workflow(path)) {
            let name = workflow_file::parse(&blob.content).name.unwrap_or_else(|| path.clone());
            let known = self.workflows.iter_mut().find(|workflow| workflow.path == *path);
            match known {
                Some(workflow) => {
                    workflow.name = name;
                    if workflow.activity == "deleted" {
                        "active".clone_into(&mut workflow.activity);
                    }
                }
                None => self.workflows.push(Workflow {
                    id: next(&mut ids.workflow),
                    name,
                    path: path.clone(),
                    activity: "active".to_owned(),
                    created_at: now,
                    updated_at: now,
                    runs: 0,
                    runs_on_push: false,
                    progress: None,
                }),
            }
        }
        for workflow in &mut self.workflows {
            if !tree.contains_key(&workflow.path) && workflow.activity != "deleted" {
                "deleted".clone_into(&mut workflow.activity);
                workflow.updated_at = now;
            }
        }
    }

    /// Starts a run of a workflow. In a concurrency group, the run waits for the one in
    /// progress, and cancels an older one that also waits.
    pub(super) fn start(
        &mut self,
        workflow_id: u64,
        origin: Origin,
        concurrency: Option<String>,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<u64> {
        let workflow = self.workflows.iter_mut().find(|workflow| workflow.id == workflow_id)?;
        workflow.runs += 1;
        let id = next(&mut ids.run);
        let mut run = Run::new(id, workflow, origin, now);
        let dated = now.saturating_add(self.clock_ahead).unwrap_or(now);
        (run.created_at, run.current.started_at) = (dated, dated);
        run.current.plan = workflow.plan_for(&run, now);
        run.concurrency = concurrency;
        if let Some(group) = &run.concurrency {
            let mut busy = false;
            let same = |other: &&mut Run| other.concurrency.as_ref() == Some(group);
            for other in self.runs.values_mut().filter(same).filter(|other| !other.is_finished()) {
                if other.current.status == "pending" {
                    other.set("completed", Some("cancelled"), now, ids);
                } else {
                    busy = true;
                }
            }
            if busy {
                run.set("pending", None, now, ids);
            }
        }
        self.runs.insert(id, run);
        Some(id)
    }

    /// Starts a new attempt of a run.
    pub(super) fn rerun(&mut self, run_id: u64, by: &str, now: Timestamp) -> bool {
        let Some(run) = self.runs.get_mut(&run_id) else { return false };
        run.rerun(by, now);
        run.current.started_at = now.saturating_add(self.clock_ahead).unwrap_or(now);
        let workflow = self.workflows.iter().find(|workflow| workflow.id == run.workflow_id);
        run.current.plan = workflow.and_then(|workflow| workflow.plan_for(run, now));
        true
    }

    /// Moves runs along their plans, with the times at which each change was due.
    pub(super) fn progress_until(&mut self, now: Timestamp, ids: &mut Ids) {
        for run in self.runs.values_mut().filter(|run| run.current.plan.is_some()) {
            let Some(plan) = run.current.plan.clone() else { continue };
            if run.current.status == "queued" && plan.starts_at <= now {
                run.set("in_progress", None, plan.starts_at, ids);
            }
            if run.current.status == "in_progress" && plan.ends_at <= now {
                run.set("completed", Some(&plan.conclusion), plan.ends_at, ids);
            }
        }
        self.release_pending(now, ids);
    }

    /// When the next automatic change is due; `None` if none is.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let plans = self.runs.values().filter_map(|run| Some((run, run.current.plan.as_ref()?)));
        plans
            .map(|(run, plan)| match run.current.status.as_str() {
                "queued" => plan.starts_at,
                _ => plan.ends_at,
            })
            .min()
    }

    /// Queues runs that waited for their concurrency group once no other run of the group is
    /// unfinished.
    pub(super) fn release_pending(&mut self, now: Timestamp, ids: &mut Ids) {
        let pending: Vec<u64> = self
            .runs
            .values()
            .filter(|run| run.current.status == "pending" && run.concurrency.is_some())
            .map(|run| run.id)
            .collect();
        for id in pending {
            let Some(group) = self.runs.get(&id).map(|run| run.concurrency.clone()) else {
                continue;
            };
            let busy = self
                .runs
                .values()
                .any(|run| run.id != id && run.concurrency == group && !run.is_finished());
            if let Some(run) = self.runs.get_mut(&id).filter(|_| !busy) {
                run.set("queued", None, now, ids);
                let workflow =
                    self.workflows.iter().find(|workflow| workflow.id == run.workflow_id);
                run.current.plan = workflow.and_then(|workflow| workflow.plan_for(run, now));
            }
        }
    }
}

impl Workflow {
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn is_called(&self, key: &str) -> bool {
        self.id.to_string() == key || self.file_name() == key || self.path == key
    }

    fn plan_for(&self, run: &Run, now: Timestamp) -> Option<Plan> {
        let sha = run.input_sha.as_ref().unwrap_or(&run.head_sha);
        self.progress.as_ref().map(|progress| progress.plan(now, sha))
    }
}

pub(super) fn is_workflow(path: &str) -> bool {
    path.strip_prefix(".github/workflows/").is_some_and(|file| {
        !file.contains('/')
            && std::path::Path::new(file)
                .extension()
                .is_some_and(|extension| extension == "yml" || extension == "yaml")
    })
}

/// A run's title from its workflow's `run-name`. Only inputs are expanded; every other
/// expression becomes empty.
pub(super) fn title_from(template: &str, inputs: &BTreeMap<String, String>) -> String {
    let mut title = String::new();
    let mut rest = template;
    while let Some((before, (expression, after))) =
        rest.split_once("${{").and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        let expression = expression.trim();
        let input = expression
            .strip_prefix("inputs.")
            .or_else(|| expression.strip_prefix("github.event.inputs."));
        title.push_str(before);
        title.push_str(input.and_then(|name| inputs.get(name)).map_or("", String::as_str));
        rest = after;
    }
    title.push_str(rest);
    title
}
