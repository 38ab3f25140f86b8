//! Workflow runs: their attempts, jobs and steps, and the history of their status.

use jiff::Timestamp;

use super::ids::{Ids, next};

/// A run, as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    pub id: u64,
    pub workflow_id: u64,
    /// The event that started it.
    pub event: String,
    /// The branch or tag that it runs on.
    pub head_branch: Option<String>,
    /// The commit that it runs on. For a dispatch, the tip of the ref.
    pub head_sha: String,
    pub title: String,
    /// The number of the latest attempt, which the other fields describe.
    pub attempt: u64,
    /// `queued`, `in_progress`, `completed` and so on.
    pub status: String,
    pub conclusion: Option<String>,
    /// The user who started this attempt.
    pub triggering_actor: String,
    /// When the run was created.
    pub created_at: Timestamp,
    /// When this attempt started.
    pub started_at: Timestamp,
    pub html_url: String,
    /// The `sha` input of a dispatch, which no API shows.
    pub input_sha: Option<String>,
}

/// A job to be added to a run: `JobSpec::new("deploy").step("Migrate", "success")`.
#[derive(Clone, Debug)]
pub struct JobSpec {
    name: String,
    steps: Vec<(String, String)>,
}

impl JobSpec {
    /// A job without steps: one that never started.
    #[must_use]
    pub fn new(name: &str) -> Self {
        JobSpec { name: name.to_owned(), steps: Vec::new() }
    }

    /// Adds a step with this conclusion. An empty conclusion means that the step is still
    /// running.
    #[must_use]
    pub fn step(mut self, name: &str, conclusion: &str) -> Self {
        self.steps.push((name.to_owned(), conclusion.to_owned()));
        self
    }
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) conclusion: Option<String>,
}

/// The planned automatic progress of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) conclusion: String,
    pub(super) failed_step: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) triggering_actor: String,
    pub(super) jobs: Vec<Job>,
    pub(super) plan: Option<Plan>,
}

impl Attempt {
    pub(super) fn new(at: Timestamp, by: &str) -> Self {
        Attempt {
            status: "queued".to_owned(),
            conclusion: None,
            started_at: at,
            updated_at: at,
            triggering_actor: by.to_owned(),
            jobs: Vec::new(),
            plan: None,
        }
    }
}

/// A status change, with the time from which the search index can know it.
#[derive(Clone, Debug)]
struct Change {
    at: Timestamp,
    status: String,
    conclusion: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) workflow_id: u64,
    pub(super) workflow_name: String,
    pub(super) path: String,
    pub(super) number: u64,
    pub(super) event: String,
    pub(super) head_branch: Option<String>,
    pub(super) head_sha: String,
    pub(super) head_repository: Option<u64>,
    pub(super) title: String,
    pub(super) actor: String,
    pub(super) created_at: Timestamp,
    pub(super) input_sha: Option<String>,
    pub(super) concurrency: Option<String>,
    /// The search index never finds it.
    pub(super) missed_by_index: bool,
    /// Until then, no list shows it.
    pub(super) hidden_until: Option<Timestamp>,
    pub(super) past: Vec<Attempt>,
    pub(super) current: Attempt,
    changes: Vec<Change>,
}

/// The data of a new run that does not follow from its workflow.
pub(super) struct Origin {
    pub(super) event: String,
    pub(super) head_branch: Option<String>,
    pub(super) head_sha: String,
    pub(super) head_repository: Option<u64>,
    pub(super) title: String,
    pub(super) actor: String,
    pub(super) input_sha: Option<String>,
}

impl Run {
    pub(super) fn new(
        id: u64,
        workflow: &super::actions::Workflow,
        origin: Origin,
        at: Timestamp,
    ) -> Self {
        let current = Attempt::new(at, &origin.actor);
        let mut run = Run {
            id,
            workflow_id: workflow.id,
            workflow_name: workflow.name.clone(),
            path: workflow.path.clone(),
            number: workflow.runs,
            event: origin.event,
            head_branch: origin.head_branch,
            head_sha: origin.head_sha,
            head_repository: origin.head_repository,
            title: origin.title,
            actor: origin.actor,
            created_at: at,
            input_sha: origin.input_sha,
            concurrency: None,
            missed_by_index: false,
            hidden_until: None,
            past: Vec::new(),
            current,
            changes: Vec::new(),
        };
        run.note(at);
        run
    }

    pub(super) fn attempt_number(&self) -> u64 {
        u64::try_from(self.past.len()).unwrap_or(u64::MAX).saturating_add(1)
    }

    pub(super) fn attempt(&self, number: u64) -> Option<&Attempt> {
        if number == self.attempt_number() {
            return Some(&self.current);
        }
        self.past.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Increases with every change.
    pub(super) fn revision(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.current.status == "completed"
    }

    /// Status and conclusion at that time; `None` if the run did not exist yet.
    pub(super) fn known_at(&self, at: Timestamp) -> Option<(&str, Option<&str>)> {
        let change = self.changes.iter().rev().find(|change| change.at <= at)?;
        Some((&change.status, change.conclusion.as_deref()))
    }

    /// Sets the status of the latest attempt, and updates its jobs accordingly.
    pub(super) fn set(
        &mut self,
        status: &str,
        conclusion: Option<&str>,
        at: Timestamp,
        ids: &mut Ids,
    ) {
        let ran = matches!(conclusion, Some("success" | "failure" | "timed_out" | "neutral"));
        if status == "in_progress" || ran {
            self.start_job(at, ids);
        }
        let attempt = &mut self.current;
        status.clone_into(&mut attempt.status);
        attempt.conclusion = conclusion.map(str::to_owned);
        attempt.updated_at = at;
        if status == "completed" {
            let failed_step = attempt.plan.take().and_then(|plan| plan.failed_step);
            for job in attempt.jobs.iter_mut().filter(|job| job.completed_at.is_none()) {
                job.finish(conclusion.unwrap_or("success"), failed_step.as_deref(), at);
            }
        }
        self.note(at);
    }

    /// Starts a new attempt. The id, the place in lists and `created_at` stay.
    pub(super) fn rerun(&mut self, by: &str, at: Timestamp) {
        let finished = std::mem::replace(&mut self.current, Attempt::new(at, by));
        self.past.push(finished);
        self.note(at);
    }

    pub(super) fn put_jobs(&mut self, jobs: &[JobSpec], ids: &mut Ids) {
        let attempt = &mut self.current;
        let jobs = jobs.iter().map(|spec| Job::from_spec(spec, attempt.started_at, ids));
        attempt.jobs = jobs.collect();
    }

    fn start_job(&mut self, at: Timestamp, ids: &mut Ids) {
        if self.current.jobs.is_empty() {
            let setup = JobSpec::new("work").step("Set up job", "success").step("Run make", "");
            self.current.jobs.push(Job::from_spec(&setup, at, ids));
        }
    }

    /// Records a change of the run.
    pub(super) fn note(&mut self, at: Timestamp) {
        self.changes.push(Change {
            at,
            status: self.current.status.clone(),
            conclusion: self.current.conclusion.clone(),
        });
    }
}

impl Job {
    fn from_spec(spec: &JobSpec, at: Timestamp, ids: &mut Ids) -> Self {
        let steps: Vec<Step> = spec.steps.iter().map(|(name, end)| Step::new(name, end)).collect();
        let running = steps.is_empty() || steps.iter().any(|step| step.conclusion.is_none());
        let failed = steps.iter().any(|step| step.conclusion.as_deref() == Some("failure"));
        let conclusion = if failed { "failure" } else { "success" };
        Job {
            id: next(&mut ids.job),
            name: spec.name.clone(),
            status: if steps.is_empty() {
                "queued".to_owned()
            } else if running {
                "in_progress".to_owned()
            } else {
                "completed".to_owned()
            },
            conclusion: (!running).then(|| conclusion.to_owned()),
            created_at: at,
            completed_at: (!running).then_some(at),
            steps,
        }
    }

    fn finish(&mut self, conclusion: &str, failed_step: Option<&str>, at: Timestamp) {
        // A run has more possible conclusions than a job.
        let conclusion = match conclusion {
            "startup_failure" | "stale" => "failure",
            other => other,
        };
        "completed".clone_into(&mut self.status);
        self.conclusion = Some(conclusion.to_owned());
        self.completed_at = Some(at);
        for step in self.steps.iter_mut().filter(|step| step.conclusion.is_none()) {
            step.status = "completed";
            step.conclusion = Some(conclusion.to_owned());
            if let Some(name) = failed_step {
                name.clone_into(&mut step.name);
            }
        }
    }
}

impl Step {
    fn new(name: &str, conclusion: &str) -> Self {
        let running = conclusion.is_empty();
        Step {
            name: name.to_owned(),
            status: if running { "in_progress" } else { "completed" },
            conclusion: (!running).then(|| conclusion.to_owned()),
        }
    }
}
