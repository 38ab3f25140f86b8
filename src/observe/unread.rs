//! An observation before anything but the repository's own facts was read.

use std::collections::{BTreeMap, BTreeSet};

use super::{ReadContext, RepoFacts};
use crate::domain::{BranchCommits, Candidates, Login, Observation, Origins, RejectionKey};

/// What is known of the repository itself, and of ancestry by earlier passes; nothing else was
/// asked for yet.
#[must_use]
pub fn unread(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    us: BTreeSet<Login>,
    rejection_key: RejectionKey,
) -> Observation {
    Observation {
        repository: repo_facts.repository.clone(),
        branch: repo_facts.branch.clone(),
        deploy_ref: repo_facts.deploy_ref.clone(),
        deploy_ref_tip: repo_facts.deploy_ref_tip.clone(),
        deploy_workflow: repo_facts.deploy.clone(),
        branch_tip: repo_facts.tip.clone(),
        branch_commits: BranchCommits::default(),
        candidates: Candidates::default(),
        commits: BTreeMap::new(),
        ranges: BTreeMap::new(),
        commits_between: BTreeMap::new(),
        ancestry: ctx.kept_ancestry(),
        origins: Origins::default(),
        signals: Vec::new(),
        health_check: None,
        workflow_ids: BTreeMap::new(),
        rejection_key,
        us,
    }
}
