//! `workflow_dispatch`: what GitHub checks, and in which order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::actions::Workflow;
use super::git::Commit;
use super::ids::Ids;
use super::repository::Repository;
use super::runs::Origin;
use super::workflow_file::{Input, Parsed, parse};

/// A dispatch that GitHub accepted, with the inputs that no API shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The run that it started.
    pub run_id: u64,
    /// The file name.
    pub workflow: String,
    /// The ref as requested.
    pub reference: String,
    /// The inputs, with defaults filled in.
    pub inputs: BTreeMap<String, String>,
    pub by: String,
    pub at: Timestamp,
}

impl Dispatch {
    /// The `sha` input.
    #[must_use]
    pub fn sha(&self) -> Option<&str> {
        self.inputs.get("sha").map(String::as_str)
    }
}

/// Why GitHub refuses a dispatch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NotFound,
    Unprocessable(String),
}

/// Starts a workflow on a ref. The run's `head_sha` is the ref's tip, whatever the inputs are.
pub(super) fn dispatch(
    repository: &mut Repository,
    workflow: &str,
    reference: &str,
    given: &BTreeMap<String, String>,
    by: &str,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<u64, Refused> {
    let on_default = repository
        .git
        .tree_of(repository.git.branches.get(&repository.default_branch).map(String::as_str));
    let workflow = repository
        .actions
        .workflow(workflow)
        .filter(|workflow| on_default.contains_key(&workflow.path))
        .ok_or(Refused::NotFound)?;
    if workflow.activity != "active" {
        let words = "Cannot trigger a 'workflow_dispatch' on a disabled workflow";
        return Err(Refused::Unprocessable(words.to_owned()));
    }
    let (branch, tip) = tip_of(repository, reference)?;
    let file = file_at(workflow, &tip)?;
    let inputs = accept(&file.inputs, given)?;
    let (workflow_id, file_name) = (workflow.id, workflow.file_name().to_owned());
    let origin = Origin {
        event: "workflow_dispatch".to_owned(),
        head_branch: Some(branch),
        head_sha: tip.sha.clone(),
        head_repository: None,
        title: workflow.name.clone(),
        actor: by.to_owned(),
        input_sha: inputs.get("sha").cloned(),
    };
    let run_id =
        repository.start_run(workflow_id, origin, &inputs, now, ids).ok_or(Refused::NotFound)?;
    repository.actions.dispatches.push(Dispatch {
        run_id,
        workflow: file_name,
        reference: reference.to_owned(),
        inputs,
        by: by.to_owned(),
        at: now,
    });
    Ok(run_id)
}

/// The inputs in a request's body, as text. GitHub also accepts numbers and booleans.
pub(super) fn given_inputs(body: &Value) -> BTreeMap<String, String> {
    let inputs = body.get("inputs").and_then(Value::as_object);
    let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    inputs
        .map(|inputs| inputs.iter().map(|(name, value)| (name.clone(), as_text(value))).collect())
        .unwrap_or_default()
}

/// Resolves a branch or a tag, but not a bare sha.
fn tip_of(
    repository: &Repository,
    reference: &str,
) -> Result<(String, std::sync::Arc<Commit>), Refused> {
    let bare = reference.strip_prefix("refs/").unwrap_or(reference);
    let git = &repository.git;
    let (branch, tag) =
        (bare.strip_prefix("heads/").unwrap_or(bare), bare.strip_prefix("tags/").unwrap_or(bare));
    let found = match (git.branches.get(branch), git.tags.get(tag)) {
        (Some(sha), _) => Some((branch, sha)),
        (None, Some(sha)) => Some((tag, sha)),
        (None, None) => None,
    };
    found
        .and_then(|(name, sha)| Some((name.to_owned(), git.commit(sha)?.clone())))
        .ok_or_else(|| Refused::Unprocessable(format!("No ref found for: {reference}")))
}

fn file_at(workflow: &Workflow, tip: &Commit) -> Result<Parsed, Refused> {
    let file = tip.tree.get(&workflow.path).map(|blob| parse(&blob.content));
    file.filter(|file| file.triggers.iter().any(|trigger| trigger == "workflow_dispatch"))
        .ok_or_else(|| {
            let words = "Workflow does not have 'workflow_dispatch' trigger";
            Refused::Unprocessable(words.to_owned())
        })
}

fn accept(
    declared: &[Input],
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refused> {
    let unexpected: Vec<&String> =
        given.keys().filter(|name| !declared.iter().any(|input| input.name == **name)).collect();
    if !unexpected.is_empty() {
        let names = serde_json::to_string(&unexpected).unwrap_or_default();
        return Err(Refused::Unprocessable(format!("Unexpected inputs provided: {names}")));
    }
    let mut inputs = BTreeMap::new();
    for input in declared {
        match given.get(&input.name).or(input.default.as_ref()) {
            Some(value) => {
                inputs.insert(input.name.clone(), value.clone());
            }
            None if input.required => {
                let words = format!("Required input '{}' not provided", input.name);
                return Err(Refused::Unprocessable(words));
            }
            None => {}
        }
    }
    Ok(inputs)
}
