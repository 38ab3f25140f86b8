//! All requests that change anything on GitHub, one function each.

use std::sync::Arc;

use serde_json::{Value, json};

use super::statuses::NewStatus;
use crate::domain::{Branch, IssueNumber, Login, Mark, RepoName, RunId, Sha, StatusId, WorkflowId};
use crate::github::{
    MayLeave, Reader, WriteAnswer, WriteFailure, WriteMethod, WriteRequest, Writer,
};

/// Returns why nothing may be written at all, if so.
pub type Forbidden = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The writer, and the reader of the pass that writes, so that a slow write counts as a wait of
/// that pass.
#[derive(Clone, Copy)]
pub(super) struct WriteRoute<'a> {
    pub(super) writer: &'a Writer,
    pub(super) reader: &'a Reader,
    /// Why nothing may be written at all. Called right before each request is sent, because
    /// reading and waiting for a slot may have taken minutes.
    pub(super) forbidden: &'a Forbidden,
}

impl WriteRoute<'_> {
    async fn send(self, request: WriteRequest) -> Result<WriteAnswer, WriteFailure> {
        self.send_if(request, Arc::new(|| Ok(()))).await
    }

    async fn send_if(
        self,
        request: WriteRequest,
        may_leave: MayLeave,
    ) -> Result<WriteAnswer, WriteFailure> {
        let forbidden = Arc::clone(self.forbidden);
        let may_leave = Arc::new(move || forbidden().map_or_else(|| may_leave(), Err));
        self.reader.waiting(Box::pin(self.writer.send_if(request, may_leave))).await
    }
}

/// A status that GitHub accepted.
pub(super) struct AcceptedStatus {
    /// Its id, and GitHub's time.
    pub(super) mark: Mark,
    /// Our login, as reported by GitHub.
    pub(super) creator: Option<Login>,
}

/// Writes a commit status.
pub(super) async fn set_status(
    way: WriteRoute<'_>,
    repository: &RepoName,
    sha: &Sha,
    context: &str,
    status: &NewStatus,
    urgent: bool,
    may_leave: MayLeave,
) -> Result<AcceptedStatus, WriteFailure> {
    let mut body = json!({
        "state": status.state.as_str(),
        "description": status.description,
        "context": context,
    });
    if let (Some(url), Some(body)) = (&status.target_url, body.as_object_mut()) {
        body.insert("target_url".to_owned(), json!(url));
    }
    let path = format!("/statuses/{sha}");
    let request = WriteRequest {
        method: WriteMethod::Post,
        repository: repository.clone(),
        path,
        body,
        urgent,
        operation: "create_status",
    };
    let answer = way.send_if(request, may_leave).await?;
    if answer.status != 201 {
        let why = format!("GitHub said {} to a status", answer.status);
        return Err(WriteFailure::Unknown { why });
    }
    let id = answer.body.get("id").and_then(Value::as_u64);
    let at = answer.body.get("created_at").and_then(Value::as_str);
    let (Some(id), Some(at)) = (id, at.and_then(|at| at.parse().ok())) else {
        let why = "GitHub accepted a status but returned no id or time".to_owned();
        return Err(WriteFailure::Unknown { why });
    };
    let creator = answer.body.pointer("/creator/login").and_then(Value::as_str).map(Login::from);
    let mark = Mark { id: StatusId::from(id), at, target_url: status.target_url.clone() };
    Ok(AcceptedStatus { mark, creator })
}

/// Starts a workflow run. GitHub's answer may name it.
pub(super) async fn create_dispatch(
    way: WriteRoute<'_>,
    repository: &RepoName,
    workflow: WorkflowId,
    deploy_ref: &Branch,
    sha: &Sha,
    run_details: bool,
    may_leave: MayLeave,
) -> Result<Option<RunId>, WriteFailure> {
    // Sent as a full ref, because a tag may have the same name as the branch.
    let branch = format!("refs/heads/{deploy_ref}");
    let mut body = json!({ "ref": branch, "inputs": { "sha": sha.as_str() } });
    if let (true, Some(body)) = (run_details, body.as_object_mut()) {
        body.insert("return_run_details".to_owned(), json!(true));
    }
    let path = format!("/actions/workflows/{workflow}/dispatches");
    let request = WriteRequest {
        method: WriteMethod::Post,
        repository: repository.clone(),
        path,
        body,
        urgent: true,
        operation: "create_dispatch",
    };
    let answer = way.send_if(request, may_leave).await?;
    Ok(answer.body.get("workflow_run_id").and_then(Value::as_u64).map(RunId::from))
}

/// Opens an issue.
pub(super) async fn create_issue(
    way: WriteRoute<'_>,
    repository: &RepoName,
    title: &str,
    body: &str,
    labels: &[String],
) -> Result<IssueNumber, WriteFailure> {
    let path = "/issues".to_owned();
    let body = json!({ "title": title, "body": body, "labels": labels });
    let answer = post(way, repository, path, body, false, "create_issue").await?;
    let number = answer.body.get("number").and_then(Value::as_u64).map(IssueNumber::from);
    number.ok_or_else(|| {
        let why = "GitHub accepted an issue but returned no number".to_owned();
        WriteFailure::Unknown { why }
    })
}

/// Comments on an issue.
pub(super) async fn create_comment(
    way: WriteRoute<'_>,
    repository: &RepoName,
    issue: IssueNumber,
    body: &str,
) -> Result<(), WriteFailure> {
    let path = format!("/issues/{issue}/comments");
    let body = json!({ "body": body });
    post(way, repository, path, body, false, "create_comment").await.map(drop)
}

/// Reopens or closes an existing issue.
pub(super) async fn set_issue_open(
    way: WriteRoute<'_>,
    repository: &RepoName,
    issue: IssueNumber,
    open: bool,
) -> Result<(), WriteFailure> {
    let state = if open { "open" } else { "closed" };
    let request = WriteRequest {
        method: WriteMethod::Patch,
        repository: repository.clone(),
        path: format!("/issues/{issue}"),
        body: json!({ "state": state }),
        urgent: false,
        operation: "update_issue",
    };
    way.send(request).await.map(drop)
}

async fn post(
    way: WriteRoute<'_>,
    repository: &RepoName,
    path: String,
    body: Value,
    urgent: bool,
    operation: &'static str,
) -> Result<WriteAnswer, WriteFailure> {
    let (method, repository) = (WriteMethod::Post, repository.clone());
    let request = WriteRequest { method, repository, path, body, urgent, operation };
    way.send(request).await
}
