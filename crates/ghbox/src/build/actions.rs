//! Test API: workflows and runs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;

use super::Repo;
use crate::actions::{AutoProgress, StartRun, Workflow};
use crate::dispatch::{Dispatch, Refused, dispatch};
use crate::ids::next;
use crate::misuse;
use crate::repository::Repository;
use crate::runs::{JobSpec, Origin, Run, RunView};

impl Repo {
    /// The id of a workflow, by its file name.
    #[must_use]
    pub fn workflow_id(&self, file: &str) -> u64 {
        self.workflow(file, |workflow| workflow.id)
    }

    /// Sets a workflow's state: `active`, `disabled_manually`, `disabled_inactivity`.
    pub fn set_workflow_state(&self, file: &str, activity: &str) {
        self.workflow(file, |workflow| activity.clone_into(&mut workflow.activity));
    }

    /// Whether pushes start this workflow automatically, if its file has that trigger.
    pub fn runs_on_push(&self, file: &str, automatic: bool) {
        self.workflow(file, |workflow| workflow.runs_on_push = automatic);
    }

    /// Makes new runs and new attempts of a workflow progress by themselves.
    pub fn auto_progress(&self, file: &str, progress: AutoProgress) {
        self.workflow(file, |workflow| workflow.progress = Some(progress));
    }

    /// Leaves new runs of a workflow unchanged until the story changes them.
    pub fn stop_progress(&self, file: &str) {
        self.workflow(file, |workflow| workflow.progress = None);
    }

    fn workflow<R>(&self, file: &str, act: impl FnOnce(&mut Workflow) -> R) -> R {
        self.here(|repository| match repository.actions.workflow_mut(file) {
            Some(workflow) => act(workflow),
            None => misuse(format_args!("the workflow {file} of {}", repository.name)),
        })
    }

    /// Starts a run of a workflow and returns its id.
    pub fn start_run(&self, file: &str, start: StartRun) -> u64 {
        let workflow_id = self.workflow_id(file);
        let fork = start.fork.as_ref().map(|name| self.fork(name));
        self.with(|world| world.user(&start.actor));
        self.change(|repository, now, ids| {
            let inputs: BTreeMap<String, String> =
                start.input_sha.iter().map(|sha| ("sha".to_owned(), sha.clone())).collect();
            let origin = Origin {
                event: start.event,
                head_branch: start.head_branch,
                title: repository.title_of_commit(&start.head_sha),
                head_sha: start.head_sha,
                head_repository: fork,
                actor: start.actor,
                input_sha: start.input_sha,
            };
            let id = repository.start_run(workflow_id, origin, &inputs, now, ids);
            let run = id.and_then(|id| repository.actions.runs.get_mut(&id));
            let Some(run) = run else { misuse(format_args!("a run of {file}")) };
            if let Some(title) = start.title {
                run.title = title;
            }
            run.id
        })
    }

    /// The id of a fork, which is created on first use.
    pub(super) fn fork(&self, full_name: &str) -> u64 {
        let (owner, name) = full_name.split_once('/').unwrap_or(("stranger", full_name));
        self.with(|world| {
            if let Some(known) = world.repository_named(full_name) {
                return known.id;
            }
            world.user(owner);
            let id = next(&mut world.ids.repository);
            let mut fork = Repository::new(id, owner, name, world.now);
            fork.fork = true;
            world.names.insert(full_name.to_lowercase(), id);
            world.repositories.insert(id, fork);
            id
        })
    }

    /// Dispatches a workflow as a person does on GitHub's website, and returns the run's id.
    pub fn dispatch_by_hand(&self, file: &str, reference: &str, sha: &str, by: &str) -> u64 {
        self.with(|world| world.user(by));
        let inputs = BTreeMap::from([("sha".to_owned(), sha.to_owned())]);
        let started = self.change(|repository, now, ids| {
            dispatch(repository, file, reference, &inputs, by, now, ids)
        });
        match started {
            Ok(id) => id,
            Err(Refused::NotFound) => misuse(format_args!("the workflow {file}")),
            Err(Refused::Unprocessable(words)) => misuse(words),
        }
    }

    /// Sets the status of a run's latest attempt, and its conclusion if it is `completed`.
    pub fn set_run(&self, run: u64, status: &str, conclusion: Option<&str>) {
        self.change(|repository, now, ids| {
            let run = find(repository, run);
            run.current.plan = None;
            run.set(status, conclusion, now, ids);
            repository.actions.release_pending(now, ids);
        });
    }

    /// Completes a run.
    pub fn finish_run(&self, run: u64, conclusion: &str) {
        self.set_run(run, "completed", Some(conclusion));
    }

    /// Replaces the jobs of a run's latest attempt.
    pub fn set_jobs(&self, run: u64, jobs: &[JobSpec]) {
        self.change(|repository, _, ids| find(repository, run).put_jobs(jobs, ids));
    }

    /// Re-runs a run: a new attempt with the same id and the same place in lists.
    pub fn rerun(&self, run: u64, by: &str) {
        self.with(|world| world.user(by));
        self.change(|repository, now, _| {
            find(repository, run);
            repository.actions.rerun(run, by, now)
        });
    }

    pub fn delete_run(&self, run: u64) {
        self.here(|repository| repository.actions.runs.remove(&run));
    }

    /// Hides a run from all lists for this long. It is still found by its id.
    pub fn hide_run_for(&self, run: u64, length: Duration) {
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        self.change(|repository, now, _| {
            let until = now.checked_add(length).unwrap_or(jiff::Timestamp::MAX);
            find(repository, run).hidden_until = Some(until);
        });
    }

    /// Makes the search index miss a run, so that no filtered list shows it.
    pub fn index_misses(&self, run: u64, missed: bool) {
        self.here(|repository| find(repository, run).missed_by_index = missed);
    }

    /// Sets a run's branch to null, as GitHub does once the branch is deleted or renamed.
    pub fn forget_branch_of(&self, run: u64) {
        self.change(|repository, now, _| {
            let run = find(repository, run);
            run.head_branch = None;
            run.note(now);
        });
    }

    /// Sets how far the service that dates runs is ahead of the one that dates statuses.
    /// Negative means behind.
    pub fn set_clock_of_runs(&self, ahead: SignedDuration) {
        self.here(|repository| repository.actions.clock_ahead = ahead);
    }

    /// How long new runs take to appear in unfiltered lists.
    pub fn set_list_lag(&self, lag: Duration) {
        let lag = SignedDuration::try_from(lag).unwrap_or(SignedDuration::MAX);
        self.here(|repository| repository.actions.list_lag = lag);
    }

    /// How long new runs and changes of existing runs take to appear in filtered lists.
    pub fn set_index_lag(&self, lag: Duration) {
        let lag = SignedDuration::try_from(lag).unwrap_or(SignedDuration::MAX);
        self.here(|repository| repository.actions.index_lag = lag);
    }

    /// Stops the search index, so that filtered lists stay as they are now, or lets it catch
    /// up.
    pub fn stop_index(&self, stopped: bool) {
        self.change(|repository, now, _| {
            repository.actions.index_stopped_at = stopped.then_some(now);
        });
    }

    /// All dispatches that GitHub accepted, oldest first.
    #[must_use]
    pub fn dispatches(&self) -> Vec<Dispatch> {
        self.here(|repository| repository.actions.dispatches.clone())
    }

    /// How many times this sha was dispatched.
    #[must_use]
    pub fn dispatches_of(&self, sha: &str) -> usize {
        self.dispatches().iter().filter(|dispatch| dispatch.sha() == Some(sha)).count()
    }

    #[must_use]
    pub fn run(&self, id: u64) -> RunView {
        let runs = self.runs();
        let found = runs.into_iter().find(|run| run.id == id);
        found.unwrap_or_else(|| misuse(format_args!("the run {id}")))
    }

    /// A fingerprint that changes whenever the result of [`Repo::runs`] or [`Repo::dispatches`]
    /// does.
    #[must_use]
    pub fn runs_mark(&self) -> (usize, usize, usize) {
        self.here(|repository| {
            let runs = repository.actions.runs.values();
            let revisions = runs.map(Run::revision).sum();
            (repository.actions.runs.len(), revisions, repository.actions.dispatches.len())
        })
    }

    /// All runs of all workflows, oldest first, including those that no list shows yet.
    #[must_use]
    pub fn runs(&self) -> Vec<RunView> {
        let html_url = self.with(|world| world.server.html_url.clone());
        self.here(|repository| {
            let page = format!("{html_url}/{}/actions/runs", repository.full_name());
            let runs = repository.actions.runs.values();
            runs.map(|run| view(run, format!("{page}/{}", run.id))).collect()
        })
    }
}

fn find(repository: &mut Repository, run: u64) -> &mut Run {
    match repository.actions.runs.get_mut(&run) {
        Some(run) => run,
        None => misuse(format_args!("the run {run} of {}", repository.name)),
    }
}

fn view(run: &Run, html_url: String) -> RunView {
    RunView {
        id: run.id,
        workflow_id: run.workflow_id,
        event: run.event.clone(),
        head_branch: run.head_branch.clone(),
        head_sha: run.head_sha.clone(),
        title: run.title.clone(),
        attempt: run.attempt_number(),
        status: run.current.status.clone(),
        conclusion: run.current.conclusion.clone(),
        triggering_actor: run.current.triggering_actor.clone(),
        created_at: run.created_at,
        started_at: run.current.started_at,
        html_url,
        input_sha: run.input_sha.clone(),
    }
}
