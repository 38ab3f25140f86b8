//! Workflows, their runs, and the jobs of a run.

use super::{RunFilter, RunPage, none_if_missing};
use crate::domain::{Job, RepoName, Run, RunId, RunRef, Workflow, WorkflowId};
use crate::github::ask::{ReadRequest, encoded};
use crate::github::error::ReadError;
use crate::github::{Reader, wire};

/// 1,000 workflows, more than GitHub allows in a repository.
const WORKFLOW_PAGES: u32 = 10;
/// 3,000 jobs. A matrix creates at most 256, and a run has few of them.
const JOB_PAGES: u32 = 30;

impl Reader {
    /// The workflows of a repository, including disabled ones.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn workflows(&self, name: &RepoName) -> Result<Vec<Workflow>, ReadError> {
        let what = format!("list the workflows of {name}");
        let path = format!("/repos/{name}/actions/workflows?per_page=100");
        let ask = ReadRequest::new("list_workflows", what, path);
        let parse = |body: &[u8]| wire::parse::<wire::WireWorkflows>(body)?.domain();
        self.all_pages(ask, WORKFLOW_PAGES, parse).await
    }

    /// A page of a workflow's runs; page 1 has the newest 100. A malformed run fails the whole
    /// page: if it were left out, it would look as if it did not exist.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn runs(
        &self,
        name: &RepoName,
        workflow: WorkflowId,
        filter: &RunFilter,
        page: u32,
    ) -> Result<RunPage, ReadError> {
        let what = format!("list the runs of workflow {workflow} in {name}");
        let mut path = format!("/repos/{name}/actions/workflows/{workflow}/runs?per_page=100");
        let filters = [
            ("branch", filter.branch.as_ref().map(|branch| encoded(branch.as_str()))),
            ("event", filter.event.as_ref().map(|event| encoded(&event.0))),
            ("status", filter.status.as_deref().map(encoded)),
            ("head_sha", filter.head_sha.as_ref().map(ToString::to_string)),
            ("page", (page > 1).then(|| page.to_string())),
        ];
        for (key, value) in filters {
            if let Some(value) = value {
                path = format!("{path}&{key}={value}");
            }
        }
        let parse = |body: &[u8]| wire::parse::<wire::WireRuns>(body)?.domain(page);
        let found = self.list_page(&ReadRequest::new("list_runs", what, path), &parse).await?;
        Ok(RunPage { runs: found.value, has_next: found.next.is_some() })
    }

    /// The latest attempt of a run; `None` if the run was deleted.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn run(&self, name: &RepoName, run: RunId) -> Result<Option<Run>, ReadError> {
        let what = format!("read run {run} of {name}");
        let path = format!("/repos/{name}/actions/runs/{run}");
        self.a_run(ReadRequest::new("get_run", what, path)).await
    }

    /// The requested attempt of a run; `None` if the run was deleted.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn run_attempt(&self, name: &RepoName, at: RunRef) -> Result<Option<Run>, ReadError> {
        let RunRef { id, attempt } = at;
        let what = format!("read attempt {attempt} of run {id} of {name}");
        let path = format!("/repos/{name}/actions/runs/{id}/attempts/{attempt}");
        self.a_run(ReadRequest::new("get_run_attempt", what, path)).await
    }

    async fn a_run(&self, ask: ReadRequest) -> Result<Option<Run>, ReadError> {
        let parse = |body: &[u8]| wire::parse::<wire::WireRun>(body).map(|found| found.domain());
        none_if_missing(self.one(&ask, parse).await)
    }

    /// The jobs of one attempt of a run.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn jobs(&self, name: &RepoName, at: RunRef) -> Result<Vec<Job>, ReadError> {
        let RunRef { id, attempt } = at;
        let what = format!("list the jobs of attempt {attempt} of run {id} of {name}");
        let path = format!("/repos/{name}/actions/runs/{id}/attempts/{attempt}/jobs?per_page=100");
        let ask = ReadRequest::new("list_jobs", what, path);
        let parse = |body: &[u8]| wire::parse::<wire::WireJobs>(body)?.domain();
        self.all_pages(ask, JOB_PAGES, parse).await
    }
}
