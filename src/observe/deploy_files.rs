//! Reads the files that a dispatch runs: the deploy workflow and the local workflows that it
//! calls. GitHub takes them from the tip of the deploy ref, whatever sha is deployed.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::range::{keep, kept, kept_for_ever};
use super::workflow_calls::local_calls;
use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{DeployFiles, Sha, WorkflowFact};
use crate::github::{FileText, MOST_LISTED_FILES};

/// The most workflows that are followed. GitHub allows 50 calls from one file, not counting the
/// file itself (its documentation of reusable workflows).
const MOST_FOLLOWED: usize = 51;

/// Blob ids by path.
type Blobs = BTreeMap<String, String>;

/// The files that a dispatch at a commit would run.
struct DeploySet {
    files: Blobs,
    /// Whether every call could be followed. If not, `files` holds all workflow files.
    is_followed: bool,
}

impl DeploySet {
    /// An identifier of the files. For a single file, it is the blob id.
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

/// Compares the deploy files at the tip of the deploy ref with those at `sha`.
pub(super) async fn deploy_files(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    sha: &Sha,
) -> Result<DeployFiles, ObserveError> {
    let Some(path) = deploy_file(repo_facts) else { return Ok(DeployFiles::Same) };
    let untold = || DeployFiles::Differ { paths: BTreeSet::from([path.to_owned()]), at_tip: None };
    // A branch that GitHub does not show for now may exist all the same.
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

/// The identity of the deploy files at the tip of the deploy ref. `None` if there is no deploy
/// file.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn deploy_files_at_tip(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
) -> Result<Option<String>, ObserveError> {
    let (Some(path), Some(tip)) = (deploy_file(repo_facts), &repo_facts.deploy_ref_tip) else {
        return Ok(None);
    };
    Ok(deploy_set(ctx, repo_facts, path, tip).await?.map(|set| set.identity()))
}

/// The deploy files that differ between two commits of the ref, whichever commit calls them.
///
/// # Errors
/// If GitHub cannot be read.
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

/// The files that a dispatch at this commit would run. `None` if it has no deploy file.
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
            // GitHub does not start a workflow that calls a missing file.
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

/// The local workflows that a file calls. `None` if it cannot be parsed. Kept forever, because
/// a blob never changes.
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
        // The file is listed, so a 404 is an outage and is not kept.
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
    // An outage also answers 404, so an empty list is not kept.
    if !files.is_empty() {
        keep(ctx, repository, &key, &files).await?;
    }
    Ok(files)
}
