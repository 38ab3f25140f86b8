//! Workflows, runs and jobs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::git::email;
use super::{Wire, maybe_time, time};
use crate::actions::Workflow;
use crate::ids::node_id;
use crate::repository::Repository;
use crate::runs::{Attempt, Job, Run};

/// How many runs are cached as text, at about 12 kB each.
const MOST_TEXTS: usize = 5_000;

impl Wire<'_> {
    pub(crate) fn workflow(&self, repository: &Repository, workflow: &Workflow) -> Value {
        let pages = self.pages_of(repository);
        let (id, file) = (workflow.id, workflow.file_name());
        let mut shown = json!({
            "id": id,
            "node_id": node_id("W", id),
            "name": workflow.name,
            "path": workflow.path,
            "state": workflow.activity,
            "created_at": time(workflow.created_at),
            "updated_at": time(workflow.updated_at),
            "url": format!("{}/actions/workflows/{id}", self.api_of(repository)),
            "html_url":
                format!("{pages}/blob/{}/{}", repository.default_branch, workflow.path),
            "badge_url": format!("{pages}/workflows/{file}/badge.svg"),
        });
        if workflow.activity == "deleted"
            && let Some(fields) = shown.as_object_mut()
        {
            fields.insert("deleted_at".to_owned(), Value::from(time(workflow.updated_at)));
        }
        shown
    }

    /// The latest attempt of a run as JSON text, cached until something changes.
    pub(crate) fn run_text(&self, repository: &Repository, run: &Run) -> Arc<str> {
        let number = run.attempt_number();
        let mark = self.mark_of(repository, run);
        let mut texts = self.world.run_texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= MOST_TEXTS {
            texts.clear();
        }
        match texts.get(&(run.id, number)) {
            Some((made_from, text)) if *made_from == mark => Arc::clone(text),
            Some(_) | None => {
                let text = self.run(repository, run, number, &run.current).to_string();
                let text = Arc::from(text);
                texts.insert((run.id, number), (mark, Arc::clone(&text)));
                text
            }
        }
    }

    /// A hash of everything in a run's JSON that can change.
    fn mark_of(&self, repository: &Repository, run: &Run) -> u64 {
        let mut hash = DefaultHasher::new();
        let from = run.head_repository.and_then(|id| self.world.repositories.get(&id));
        for home in [Some(repository), from].into_iter().flatten() {
            (home.full_name(), home.private, home.fork).hash(&mut hash);
        }
        (self.api, &self.world.server.html_url, run.revision(), &run.title).hash(&mut hash);
        for login in [&run.actor, &run.current.triggering_actor, &repository.owner] {
            let ghost = self.world.is_gone(login).then_some(self.world.server.ghost);
            (self.world.known_user(login).kind.word(), ghost).hash(&mut hash);
        }
        repository.git.commit(&run.head_sha).is_some().hash(&mut hash);
        hash.finish()
    }

    /// A run with the data of one of its attempts. The other fields are the same for all
    /// attempts.
    pub(crate) fn run(
        &self,
        repository: &Repository,
        run: &Run,
        number: u64,
        attempt: &Attempt,
    ) -> Value {
        let api = format!("{}/actions/runs/{}", self.api_of(repository), run.id);
        let suite = run.id + 10_000_000_000;
        let home = self.minimal_repository(repository);
        let from = run.head_repository.and_then(|id| self.world.repositories.get(&id));
        let head_repository = from.map_or_else(|| home.clone(), |r| self.minimal_repository(r));
        let previous = (number > 1).then(|| format!("{api}/attempts/{}", number - 1));
        let mut shown = json!({
            "id": run.id,
            "name": run.workflow_name,
            "node_id": node_id("WFR", run.id),
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.path,
            "display_title": run.title,
            "run_number": run.number,
            "event": run.event,
            "status": attempt.status,
            "conclusion": attempt.conclusion,
            "workflow_id": run.workflow_id,
            "check_suite_id": suite,
            "check_suite_node_id": node_id("CS", suite),
            "url": api,
            "html_url": self.run_page(repository, run.id),
            "pull_requests": [],
            "created_at": time(run.created_at),
            "updated_at": time(attempt.updated_at),
            "actor": self.login(&run.actor),
            "run_attempt": number,
            "referenced_workflows": [],
            "run_started_at": time(attempt.started_at),
            "triggering_actor": self.login(&attempt.triggering_actor),
            "jobs_url": format!("{api}/jobs"),
            "logs_url": format!("{api}/logs"),
            "check_suite_url": format!("{}/check-suites/{suite}", self.api_of(repository)),
            "artifacts_url": format!("{api}/artifacts"),
            "cancel_url": format!("{api}/cancel"),
            "rerun_url": format!("{api}/rerun"),
            "previous_attempt_url": previous,
            "workflow_url":
                format!("{}/actions/workflows/{}", self.api_of(repository), run.workflow_id),
        });
        if let Some(fields) = shown.as_object_mut() {
            // Inserted here because a single `json!` exceeds the macro's recursion limit.
            fields.insert("head_commit".to_owned(), self.head_commit(repository, run));
            fields.insert("repository".to_owned(), home);
            fields.insert("head_repository".to_owned(), head_repository);
        }
        shown
    }

    /// The URL of the run's web page.
    pub(crate) fn run_page(&self, repository: &Repository, run_id: u64) -> String {
        format!("{}/actions/runs/{run_id}", self.pages_of(repository))
    }

    fn head_commit(&self, repository: &Repository, run: &Run) -> Value {
        let from = run.head_repository.and_then(|id| self.world.repositories.get(&id));
        let git = &from.unwrap_or(repository).git;
        let Some(commit) = git.commit(&run.head_sha).or(repository.git.commit(&run.head_sha))
        else {
            return Value::Null;
        };
        let person = json!({ "name": commit.author, "email": email(&commit.author) });
        json!({
            "id": commit.sha,
            "tree_id": commit.tree_sha,
            "message": commit.message,
            "timestamp": time(commit.date),
            "author": person,
            "committer": person,
        })
    }

    pub(crate) fn job(&self, repository: &Repository, run: &Run, attempt: u64, job: &Job) -> Value {
        let api = self.api_of(repository);
        let steps = job.steps.iter().zip(1u64..).map(|(step, number)| {
            json!({
                "name": step.name,
                "status": step.status,
                "conclusion": step.conclusion,
                "number": number,
                "started_at": time(job.created_at),
                "completed_at": step.conclusion.as_ref().and(maybe_time(job.completed_at)),
            })
        });
        let on_runner = !job.steps.is_empty();
        json!({
            "id": job.id,
            "run_id": run.id,
            "workflow_name": run.workflow_name,
            "head_branch": run.head_branch,
            "run_url": format!("{api}/actions/runs/{}", run.id),
            "run_attempt": attempt,
            "node_id": node_id("CR", job.id),
            "head_sha": run.head_sha,
            "url": format!("{api}/actions/jobs/{}", job.id),
            "html_url": format!("{}/job/{}", self.run_page(repository, run.id), job.id),
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": time(job.created_at),
            "started_at": time(job.created_at),
            "completed_at": maybe_time(job.completed_at),
            "name": job.name,
            "steps": steps.collect::<Value>(),
            "check_run_url": format!("{api}/check-runs/{}", job.id),
            "labels": ["ubuntu-latest"],
            "runner_id": on_runner.then_some(1),
            "runner_name": on_runner.then_some("GitHub Actions 1"),
            "runner_group_id": on_runner.then_some(0),
            "runner_group_name": on_runner.then_some("GitHub Actions"),
        })
    }
}
