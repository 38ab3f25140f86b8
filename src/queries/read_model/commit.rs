//! One commit: why it is held or shipped, without asking GitHub.

use std::collections::BTreeSet;

use super::attempts::{attempt_view, run_view};
use super::judged::{by_last_pass, by_ledger};
use super::repository::approvals;
use super::{NotShown, ReadModel};
use crate::controller::RepoSnapshot;
use crate::domain::{Entry, EntryKind, ReleaseState, RepoName, Sha, ShaPrefix, StatusRecord};
use crate::queries::history::{About, line};
use crate::queries::simulate::counted_approvals;
use crate::queries::view::{AttemptView, CommitDetail, RefusedView, RunView, StatusView};

/// Entries of a commit that are shown.
const MOST_ENTRIES: usize = 200;
/// Commits that are named where a prefix fits several.
const MOST_CANDIDATES: usize = 10;

impl ReadModel {
    /// One commit: the last decision about it, and all that was done about it.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn commit(
        &self,
        name: &RepoName,
        prefix: &ShaPrefix,
    ) -> Result<CommitDetail, NotShown> {
        let snapshot = self.shown(name).await?;
        let sha = self.meant(&snapshot, prefix).await?;
        let empty = ReleaseState::default();
        let release = snapshot.release.as_deref().unwrap_or(&empty);
        let ours = release.attempts.iter().rev().filter(|one| one.begun.sha == sha);
        let about = About::of(&sha.clone().into(), release);
        let found = self.history_of(name, &about, MOST_ENTRIES).await?;
        let decided = found.entries.iter().map(|(_, entry)| entry).find(
            |entry| matches!(&entry.kind, EntryKind::Decided { sha: one, .. } if *one == sha),
        );
        let judgement = by_last_pass(&snapshot, &sha)
            .or_else(|| by_ledger(snapshot.release.as_deref(), &sha, decided));
        let refusal = release.status_refusals.get(&sha);
        let attempts: Vec<AttemptView> = ours.map(|one| attempt_view(one, release)).collect();
        Ok(CommitDetail {
            repository: snapshot.policy.repository.clone(),
            roles: roles(&snapshot, release, &sha),
            judgement,
            approvals: approvals(release.approvals.iter().filter(|one| one.sha == sha)),
            counted_approvals: counted_approvals(Some(release), &sha),
            statuses: statuses(release, &sha, &found.entries),
            statuses_written: release.statuses.get(&sha).map_or(0, |tracked| tracked.written),
            status_refused: refusal.map(|refusal| RefusedView {
                words: refusal.words.clone(),
                at: None,
                retry_at: Some(refusal.retry_at),
            }),
            issue: release.issues.get(&sha).and_then(|issue| issue.number),
            attempts,
            runs: runs(release, &sha),
            history_complete: found.next.is_none(),
            history: found.entries.into_iter().map(line).collect(),
            sha,
        })
    }

    /// The commit that is meant, of all that are known of.
    async fn meant(&self, snapshot: &RepoSnapshot, prefix: &ShaPrefix) -> Result<Sha, NotShown> {
        let repository = &snapshot.policy.repository;
        let mut known: BTreeSet<Sha> =
            known(snapshot).filter(|sha| sha.starts_with(prefix)).cloned().collect();
        if known.is_empty() {
            known = self.named_in_ledger(repository, prefix).await?;
        }
        let mut candidates = known.into_iter();
        match (candidates.next(), candidates.next()) {
            (Some(sha), None) => Ok(sha),
            (None, _) => Err(NotShown::NoSuchCommit {
                commit: prefix.clone(),
                repository: repository.clone(),
            }),
            (Some(one), Some(other)) => Err(NotShown::Ambiguous {
                commit: prefix.clone(),
                repository: repository.clone(),
                candidates: [one, other]
                    .into_iter()
                    .chain(candidates)
                    .take(MOST_CANDIDATES)
                    .collect(),
            }),
        }
    }
}

/// All commits that memory holds something of.
fn known(snapshot: &RepoSnapshot) -> impl Iterator<Item = &Sha> {
    let release = snapshot.release.iter().flat_map(|release| {
        let keys = release.decided.keys().chain(release.statuses.keys());
        let keys = keys.chain(release.issues.keys()).chain(release.status_refusals.keys());
        let attempts = release.attempts.iter().map(|attempt| &attempt.begun.sha);
        let runs = release.runs.values().filter_map(|run| run.attribution.sha());
        let words = release.approvals.iter().map(|approval| &approval.sha);
        let words = words.chain(release.production_set.iter().map(|(sha, _)| sha));
        keys.chain(attempts).chain(runs).chain(words).chain(&release.candidate)
    });
    let decisions = &snapshot.decisions;
    decisions.by_sha.keys().chain(&decisions.candidate).chain(&decisions.head).chain(release)
}

fn roles(snapshot: &RepoSnapshot, release: &ReleaseState, sha: &Sha) -> Vec<&'static str> {
    let sha = Some(sha);
    let production = release.production();
    let previous = release.previous_production();
    let roles = [
        ("candidate", release.candidate.as_ref()),
        ("head", snapshot.decisions.head.as_ref()),
        ("production", production.sha()),
        ("previous_production", previous.as_ref()),
    ];
    roles.into_iter().filter(|(_, one)| *one == sha).map(|(role, _)| role).collect()
}

/// The statuses that the entries speak of; where none does any more, the newest.
fn statuses(release: &ReleaseState, sha: &Sha, entries: &[(u64, Entry)]) -> Vec<StatusView> {
    let view = |status: &StatusRecord| StatusView {
        state: status.state,
        description: status.description.clone(),
        target_url: status.target_url.clone(),
        at: status.at,
    };
    let written = entries.iter().filter_map(|(_, entry)| {
        let EntryKind::StatusWritten { status, .. } = &entry.kind else { return None };
        Some(view(status))
    });
    let mut statuses: Vec<StatusView> = written.collect();
    if statuses.is_empty() {
        statuses.extend(release.statuses.get(sha).map(|tracked| view(&tracked.newest)));
    }
    statuses
}

fn runs(release: &ReleaseState, sha: &Sha) -> Vec<RunView> {
    let of_it = release.runs.values().rev().filter(|run| run.attribution.sha() == Some(sha));
    of_it.map(|run| run_view(run)).collect()
}
