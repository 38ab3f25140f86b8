//! The files that a dispatch runs: the deploy workflow's own, and the local workflows that it calls.
//! GitHub takes them from the tip of the ref, whatever sha it is given.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::range::{keep, kept, kept_for_ever};
use super::workflow_calls::local_calls;
use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{DeployFiles, Sha, WorkflowFact};
use crate::github::{FileText, MOST_LISTED_FILES};

/// Workflows that are followed. GitHub itself calls at most 50 from one file, itself not counted
/// (its documentation of reusable workflows).
const MOST_FOLLOWED: usize = 51;

/// Blobs by path.
type Blobs = BTreeMap<String, String>;

/// The files that a dispatch on a commit would run.
struct DeploySet {
    files: Blobs,
    /// Whether every call was followed: else these are all workflow files.
    is_followed: bool,
}

impl DeploySet {
    /// What identifies them; of one alone it is its blob.
    fn identity(&self) -> String {
        let mut blobs = self.files.iter();
        if let (Some((_, only)), None) = (blobs.next(), blobs.next()) {
            return only.clone();
        }
        let lines = self.files.iter().map(|(path, blob)| format!("{blob} {path}\n"));
        let digest = Sha256::digest(lines.collect::<String>().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The deploy files at the tip of their ref against those at `sha`.
pub(super) async fn deploy_files(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    sha: &Sha,
) -> Result<DeployFiles, ObserveError> {
    let Some(path) = deploy_file(repo_facts) else { return Ok(DeployFiles::Same) };
    let untold = || DeployFiles::Differ { paths: BTreeSet::from([path.to_owned()]), at_tip: None };
    // A branch that GitHub does not show for now may be there all the same.
    let Some(tip) = &repo_facts.deploy_ref_tip else { return Ok(untold()) };
    if tip == sha {
        return Ok(DeployFiles::Same);
    }
    let Some(at_tip) = deploy_set(ctx, repo_facts, path, tip).await? else {
        return Ok(untold());
    };
    let here = workflow_files(ctx, repo_facts, sha).await?;
    let paths = differing(&at_tip, &here);
    if paths.is_empty() {
        return Ok(DeployFiles::Same);
    }
    Ok(DeployFiles::Differ { paths, at_tip: Some(at_tip.identity()) })
}

/// What identifies the deploy files at the tip of their ref; none where there is no deploy file.
///
/// # Errors
/// What GitHub said.
pub async fn deploy_files_at_tip(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
) -> Result<Option<String>, ObserveError> {
    let (Some(path), Some(tip)) = (deploy_file(repo_facts), &repo_facts.deploy_ref_tip) else {
        return Ok(None);
    };
    Ok(deploy_set(ctx, repo_facts, path, tip).await?.map(|set| set.identity()))
}

/// The deploy files that differ between two commits of the ref, whichever of them calls them.
///
/// # Errors
/// What GitHub said.
pub async fn deploy_files_between(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    one: &Sha,
    another: &Sha,
) -> Result<BTreeSet<String>, ObserveError> {
    let Some(path) = deploy_file(repo_facts) else { return Ok(BTreeSet::new()) };
    let mut found = BTreeSet::new();
    for (of, against) in [(one, another), (another, one)] {
        let against = workflow_files(ctx, repo_facts, against).await?;
        match deploy_set(ctx, repo_facts, path, of).await? {
            Some(set) => found.extend(differing(&set, &against)),
            None if against.contains_key(path) => {
                found.insert(path.to_owned());
            }
            None => {}
        }
    }
    Ok(found)
}

fn differing(set: &DeploySet, here: &Blobs) -> BTreeSet<String> {
    let mut paths: BTreeSet<&String> = set.files.keys().collect();
    if !set.is_followed {
        paths.extend(here.keys());
    }
    paths.into_iter().filter(|path| set.files.get(*path) != here.get(*path)).cloned().collect()
}

fn deploy_file(repo_facts: &RepoFacts) -> Option<&str> {
    match &repo_facts.deploy {
        WorkflowFact::Found(workflow) => workflow.path.split('@').next(),
        WorkflowFact::NotConfigured | WorkflowFact::Missing => None,
    }
}

/// The files that a dispatch on this commit would run; none where it has no deploy file.
async fn deploy_set(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    path: &str,
    at: &Sha,
) -> Result<Option<DeploySet>, ObserveError> {
    let listed = workflow_files(ctx, repo_facts, at).await?;
    if !listed.contains_key(path) {
        return Ok(None);
    }
    let mut files = Blobs::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let calls = match listed.get(&path) {
            Some(_) if files.contains_key(&path) => continue,
            Some(blob) if files.len() < MOST_FOLLOWED => {
                files.insert(path.clone(), blob.clone());
                calls(ctx, repo_facts, &path, blob, at).await?
            }
            // GitHub starts nothing that calls what is not there.
            None if listed.len() < MOST_LISTED_FILES => continue,
            Some(_) | None => None,
        };
        let Some(calls) = calls else {
            return Ok(Some(DeploySet { files: listed, is_followed: false }));
        };
        open.extend(calls);
    }
    Ok(Some(DeploySet { files, is_followed: true }))
}

/// What a file calls; none where it cannot be parsed. A blob never changes.
async fn calls(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    path: &str,
    blob: &str,
    at: &Sha,
) -> Result<Option<Vec<String>>, ObserveError> {
    let (repository, key) = (
        repo_facts.repository.id,
        format!("calls of {} on {} in {blob}", ctx.name(), repo_facts.deploy_ref),
    );
    if let Some(calls) = kept_for_ever::<Option<Vec<String>>>(ctx, repository, &key).await? {
        return Ok(calls);
    }
    let calls = match ctx.reader.file_text(ctx.name(), path, at.as_str()).await? {
        Some(FileText::Text(text)) => local_calls(&text, ctx.name(), &repo_facts.deploy_ref),
        Some(FileText::TooLarge | FileText::NoText) => None,
        // It is listed: a 404 is an outage, and no answer to keep.
        None => return Ok(None),
    };
    keep(ctx, repository, &key, &calls).await?;
    Ok(calls)
}

/// The workflow files of a commit.
async fn workflow_files(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    at: &Sha,
) -> Result<Blobs, ObserveError> {
    let (repository, key) = (repo_facts.repository.id, format!("workflow files {at}"));
    if let Some(files) = kept::<Blobs>(ctx, repository, &key).await? {
        return Ok(files);
    }
    let files = ctx.reader.workflow_files(ctx.name(), at).await?;
    // An outage answers 404, too: that there are none is asked again.
    if !files.is_empty() {
        keep(ctx, repository, &key, &files).await?;
    }
    Ok(files)
}
