//! What really happened to commits, by the deploy runs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::course::{Parents, contained};
use crate::domain::{PastDeploy, Really, ReleaseState, Replayed, RunProgress, RunRef, Sha};

/// A run attempt that ended, and what it deployed.
struct EndedDeploy<'a> {
    sha: &'a Sha,
    started_at: Timestamp,
    progress: &'a RunProgress,
    deploy: PastDeploy,
}

/// Says of each commit what happened to it: deployed by itself, else along with the first that
/// contains it, else failed.
pub(super) fn tell(commits: &mut [Replayed], release: &ReleaseState, parents: &Parents) {
    let mut ended = ended(release);
    ended.sort_by_key(|one| (one.started_at, one.deploy.run));
    let (mut out, mut along) = (BTreeSet::new(), BTreeMap::new());
    for one in ended.iter().filter(|one| one.progress.succeeded()) {
        let added = contained(one.sha, parents, &mut out);
        along.extend(added.into_iter().map(|sha| (sha, one)));
    }
    let mut by_sha: BTreeMap<&Sha, Vec<&EndedDeploy<'_>>> = BTreeMap::new();
    for one in &ended {
        by_sha.entry(one.sha).or_default().push(one);
    }
    for commit in commits {
        let sha = &commit.decision.sha;
        let own = || by_sha.get(sha).into_iter().flatten().copied();
        let succeeded = own().find(|one| one.progress.succeeded());
        commit.really = match (succeeded, along.get(sha), own().next_back()) {
            (Some(one), _, _) => Really::Deployed(one.deploy.clone()),
            (None, Some(one), _) => {
                Really::Along { with: one.sha.clone(), deploy: one.deploy.clone() }
            }
            (None, None, Some(one)) => failed(one),
            (None, None, None) => Really::Never,
        };
    }
}

fn failed(one: &EndedDeploy<'_>) -> Really {
    match one.progress {
        RunProgress::Finished(conclusion) => {
            Really::Failed { deploy: one.deploy.clone(), conclusion: conclusion.clone() }
        }
        RunProgress::Unfinished(_) => Really::Never,
    }
}

fn ended(release: &ReleaseState) -> Vec<EndedDeploy<'_>> {
    let deploys = release.runs.values().filter(|run| run.kind.moves_production());
    let runs = deploys.filter_map(|run| Some((run, run.attribution.sha()?)));
    let attempts = runs.flat_map(|(run, sha)| {
        let finished = run.attempts.iter().filter(|(_, attempt)| attempt.progress.finished());
        finished.map(move |(number, attempt)| EndedDeploy {
            sha,
            started_at: attempt.started_at,
            progress: &attempt.progress,
            deploy: PastDeploy {
                run: RunRef { id: run.id, attempt: *number },
                at: attempt.updated_at,
                html_url: run.html_url.clone(),
            },
        })
    });
    attempts.collect()
}
