//! Finds which titles of a workflow's runs name the commit that they deploy.

use serde::{Deserialize, Serialize};

use super::attribution::RunToAttribute;
use crate::domain::{DeployScope, RunKind, RunTitle, Sha, WorkflowFact, WorkflowFile, WorkflowId};
use crate::github::FileText;
use crate::observe::{ObserveError, ReadContext, RepoFacts, range};

/// The titles that name a commit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Titles {
    pub(super) patterns: Vec<RunTitle>,
    /// Whether the workflow takes the commit as an input. If so, it deploys that commit and not
    /// the one it was started on.
    pub(super) takes_a_sha: bool,
}

impl Titles {
    /// The result for a file that cannot be read: it might take any input.
    const fn unreadable() -> Self {
        Self { patterns: Vec::new(), takes_a_sha: true }
    }
}

/// The configured title pattern, or the one from the workflow file.
pub(super) async fn titles_of(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    scope: &DeployScope,
    asked: &RunToAttribute<'_>,
) -> Result<Titles, ObserveError> {
    let is_main = asked.source.workflow == scope.workflow;
    let by_policy = scope.run_title.clone();
    let own_rule_counts = by_policy.is_none() || !is_main;
    let reads_the_file = (own_rule_counts || asked.kind == RunKind::OtherDeploy)
        && path_of(repo_facts, asked).is_some();
    let mut titles = if reads_the_file {
        // What ran is the file at the run's own commit. If no decision rests on the run, the
        // file at the tip is good enough, and it is read only once.
        let tip = repo_facts.deploy_ref_tip.as_ref().filter(|_| !asked.matters);
        of_file(ctx, repo_facts, asked, tip.unwrap_or(&asked.source.head_sha)).await?
    } else {
        Titles::unreadable()
    };
    if !own_rule_counts {
        titles.patterns.clear();
    }
    titles.patterns.extend(by_policy);
    Ok(titles)
}

fn path_of<'a>(repo_facts: &'a RepoFacts, asked: &RunToAttribute<'_>) -> Option<&'a str> {
    let of = |id: WorkflowId| id == asked.source.workflow;
    let main = match &repo_facts.deploy {
        WorkflowFact::Found(workflow) => Some(workflow),
        WorkflowFact::NotConfigured | WorkflowFact::Missing => None,
    };
    let found =
        main.into_iter().chain(&repo_facts.other_deploys).find(|workflow| of(workflow.id))?;
    found.path.split('@').next()
}

/// The titles from a workflow file at a commit. They never change.
async fn of_file(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    asked: &RunToAttribute<'_>,
    at: &Sha,
) -> Result<Titles, ObserveError> {
    let Some(path) = path_of(repo_facts, asked) else { return Ok(Titles::default()) };
    let (repository, key) = (repo_facts.repository.id, format!("titles {at} {path}"));
    if let Some(titles) = range::kept_for_ever::<Titles>(ctx, repository, &key).await? {
        return Ok(titles);
    }
    let file = match ctx.reader.file_text(ctx.name(), path, at.as_str()).await? {
        Some(FileText::Text(text)) => WorkflowFile::parse(&text).ok(),
        Some(FileText::TooLarge | FileText::NoText) => None,
        // An outage also answers 404, so a missing file is not kept.
        None => return Ok(Titles::unreadable()),
    };
    let titles = file.as_ref().map_or(Titles::unreadable(), |file| {
        let only_the_sha = file.inputs_besides("sha").is_empty();
        let pattern = file.run_name().filter(|_| only_the_sha).and_then(RunTitle::of_run_name);
        Titles {
            patterns: pattern.into_iter().collect(),
            takes_a_sha: file.has_input("sha") || !only_the_sha,
        }
    });
    range::keep(ctx, repository, &key, &titles).await?;
    Ok(titles)
}
