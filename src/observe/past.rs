//! Reads the history of a repository: when verifications ended, and what was deployed.
//!
//! Everything comes from unfiltered lists, page by page, and never from the index behind
//! filtered lists, which can miss a run. What is older than the end of a list, or than the page
//! limit, is reported as unknown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::deploy_runs::{attribute_past, may_deploy, read_earlier_attempts};
use super::verification::counts;
use super::{ObserveError, ReadContext, RepoFacts};
use crate::decide::candidates::{candidates_by, latest_finished, verification_of};
use crate::domain::{
    BranchCommits, Candidates, CountedRun, CountedRuns, Moment, ReleaseState, Run, RunProgress,
    RunRef, RunStatus, SeenRuns, Sha,
};
use crate::github::RunFilter;

/// The most pages, of 100 runs each, that are read of each workflow.
const MOST_PAGES: u32 = 50;
/// The most pages, of 100 commits each, that are read of the branch.
const MOST_COMMIT_PAGES: u32 = 20;
/// The most earlier attempts of re-run verifications that are read.
const MOST_EARLIER: usize = 200;
/// The most commits named in titles of deploy runs that are looked up.
const MOST_LOOKED_UP: usize = 100;

/// The verification runs of a period.
#[derive(Clone, Debug, Default)]
pub struct PastVerifications {
    by_sha: BTreeMap<Sha, Vec<Run>>,
    /// Where reading stopped before it reached the start of the period.
    pub stopped_at: Option<Timestamp>,
}

/// The deploy runs of a period, back to one that succeeded before it.
#[derive(Clone, Debug, Default)]
pub struct PastDeploys {
    /// The runs, with the commits that they deployed.
    pub seen: SeenRuns,
    /// Where reading stopped before it reached the start of the period.
    pub stopped_at: Option<Timestamp>,
}

/// Reads the commits of the branch, far enough back for a replay.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn past_commits(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
) -> Result<BranchCommits, ObserveError> {
    if let Some(tip) = &repo_facts.tip {
        let listed = ctx.reader.branch_commits(ctx.name(), tip, MOST_COMMIT_PAGES).await?;
        ctx.memory.branch_commits = BranchCommits::of_tip(tip, listed.commits);
    }
    Ok(ctx.memory.branch_commits.clone())
}

/// Reads the verification runs since `since` that count (S1), with their earlier attempts.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn past_verifications(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    since: Timestamp,
) -> Result<PastVerifications, ObserveError> {
    let mut past = PastVerifications::default();
    let (mut seen, mut earlier) = (BTreeSet::new(), 0);
    for page in 1..=MOST_PAGES {
        let (name, workflow) = (ctx.name(), repo_facts.verification.id);
        let read = ctx.reader.runs(name, workflow, &RunFilter::default(), page).await?;
        let oldest = read.runs.iter().map(|run| run.created_at).min();
        for run in read.runs.into_iter().filter(|run| counts(ctx, run)) {
            // Runs move to later pages while the list is read.
            if !seen.insert(run.at.id) {
                continue;
            }
            for attempt in (1..run.at.attempt).rev() {
                let at = RunRef { id: run.at.id, attempt };
                if earlier < MOST_EARLIER
                    && let Some(before) = ctx.reader.run_attempt(ctx.name(), at).await?
                {
                    earlier += 1;
                    past.by_sha.entry(before.head_sha.clone()).or_default().push(before);
                }
            }
            past.by_sha.entry(run.head_sha.clone()).or_default().push(run);
        }
        if !read.has_next || oldest.is_none_or(|oldest| oldest < since) {
            return Ok(past);
        }
        past.stopped_at = oldest;
    }
    Ok(past)
}

impl PastVerifications {
    /// When verifications of commits of the branch ended, and which commits could have been
    /// released then: a candidate, and at most `below` verified commits below it.
    #[must_use]
    pub fn moments(
        &self,
        commits: &BranchCommits,
        since: Timestamp,
        until: Timestamp,
        below: usize,
    ) -> Vec<Moment> {
        let mut history = VerificationHistory::of(commits, &self.by_sha);
        let ends = history.changes.iter().filter(|change| change.ends).map(|change| change.at);
        let ends: BTreeSet<Timestamp> = ends.filter(|at| since <= *at && *at <= until).collect();
        ends.into_iter().map(|at| history.moment(at, below)).collect()
    }

    /// How many commits passed since `since` but are not among these commits of the branch.
    #[must_use]
    pub fn not_among(&self, commits: &BranchCommits, since: Timestamp) -> usize {
        let shown: BTreeSet<&Sha> = commits.commits.iter().map(|(sha, _)| sha).collect();
        let passed =
            |run: &Run| run.progress.succeeded() && ended_at(run).is_some_and(|at| at >= since);
        let passed = self.by_sha.iter().filter(|(_, runs)| runs.iter().any(passed));
        passed.filter(|(sha, _)| !shown.contains(sha)).count()
    }
}

/// The verification runs of the branch's commits as of increasing points in time. Each step
/// processes only what changed since the last one, so a long history costs no more per step.
struct VerificationHistory<'r> {
    commits: Vec<(&'r Sha, &'r [Run])>,
    places: BTreeMap<&'r Sha, usize>,
    /// When runs of the commit at `place` began or ended, oldest first.
    changes: Vec<RunChange>,
    /// How many of `changes` are applied to `as_then`.
    seen: usize,
    /// By place, the runs that had begun.
    as_then: BTreeMap<usize, CountedRuns>,
    /// By time, the commits whose verification first succeeded then.
    first_passed: BTreeMap<Timestamp, Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RunChange {
    at: Timestamp,
    place: usize,
    ends: bool,
}

impl<'r> VerificationHistory<'r> {
    fn of(commits: &'r BranchCommits, by_sha: &'r BTreeMap<Sha, Vec<Run>>) -> Self {
        let verified = commits.commits.iter().filter_map(|(sha, _)| by_sha.get_key_value(sha));
        let commits: Vec<_> = verified.map(|(sha, runs)| (sha, runs.as_slice())).collect();
        let (mut changes, mut first_passed) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        for (place, (_, runs)) in commits.iter().enumerate() {
            for run in *runs {
                changes.push(RunChange { at: run.started_at, place, ends: false });
                changes.extend(ended_at(run).map(|at| RunChange { at, place, ends: true }));
            }
            let passed = runs.iter().filter(|run| run.progress.succeeded()).filter_map(ended_at);
            if let Some(at) = passed.min() {
                first_passed.entry(at).or_default().push(place);
            }
        }
        changes.sort_unstable();
        let places = commits.iter().enumerate().map(|(place, (sha, _))| (*sha, place)).collect();
        Self { commits, places, changes, seen: 0, as_then: BTreeMap::new(), first_passed }
    }

    /// Advances to `at`, which must not be before the previous time.
    fn go_on(&mut self, at: Timestamp) {
        let mut changed = BTreeSet::new();
        while let Some(change) = self.changes.get(self.seen).filter(|change| change.at <= at) {
            changed.insert(change.place);
            self.seen += 1;
        }
        for place in changed {
            let Some((_, runs)) = self.commits.get(place) else { continue };
            let counted = counted_by(runs, at);
            if !counted.is_empty() {
                self.as_then.insert(place, counted);
            }
        }
    }

    /// The state as of `at`, which must not be before the previous time.
    fn moment(&mut self, at: Timestamp, below: usize) -> Moment {
        self.go_on(at);
        let finished = self.as_then.iter().filter_map(|(place, runs)| {
            let (sha, _) = self.commits.get(*place)?;
            Some((*sha, latest_finished(runs, sha)?.succeeded()))
        });
        // A commit that failed is never released.
        let candidates = Candidates { head: None, ..candidates_by(finished, below) };
        let sha_at = |place: &usize| self.commits.get(*place).map(|(sha, _)| (*sha).clone());
        let newly = self.first_passed.get(&at).into_iter().flatten();
        let mut verified: Vec<Sha> = newly.filter_map(sha_at).collect();
        verified.sort_unstable();
        let shown = candidates.candidate.iter().chain(&candidates.verified_below).chain(&verified);
        let verifications = shown
            .filter_map(|sha| {
                let runs = self.as_then.get(self.places.get(sha)?)?;
                Some((sha.clone(), verification_of(runs, sha)))
            })
            .collect();
        let tip = self.as_then.keys().next().and_then(sha_at);
        Moment { at, verified, tip, candidates, verifications }
    }
}

/// The runs as of `at`.
fn counted_by(runs: &[Run], at: Timestamp) -> CountedRuns {
    let mut counted = CountedRuns::new();
    for run in runs.iter().filter(|run| run.started_at <= at) {
        let progress = match ended_at(run) {
            Some(ended) if ended <= at => run.progress.clone(),
            Some(_) | None => RunProgress::Unfinished(RunStatus::InProgress),
        };
        CountedRun::keep_in(&mut counted, run, progress);
    }
    counted
}

fn ended_at(run: &Run) -> Option<Timestamp> {
    run.progress.finished().then_some(run.updated_at)
}

/// Reads the deploy runs since `since`, and further back to one that succeeded before it.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn past_deploys(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    since: Timestamp,
) -> Result<PastDeploys, ObserveError> {
    let mut past = PastDeploys::default();
    let Some(scope) = repo_facts.scope(ctx.policy) else { return Ok(past) };
    for page in 1..=MOST_PAGES {
        let filter = RunFilter::default();
        let read = ctx.reader.runs(ctx.name(), scope.workflow, &filter, page).await?;
        let oldest = read.runs.iter().map(|run| run.created_at).min();
        let counting = read.runs.into_iter().filter(|run| may_deploy(&scope, run));
        let mut found = false;
        for run in counting {
            found |= run.progress.succeeded() && run.updated_at <= since;
            if !past.seen.runs.iter().any(|other| other.at.id == run.at.id) {
                past.seen.runs.push(run);
            }
        }
        past.stopped_at = None;
        if found || !read.has_next {
            break;
        }
        past.stopped_at = oldest;
    }
    read_earlier_attempts(ctx, release, &mut past.seen).await?;
    past.seen.attributions =
        attribute_past(ctx, repo_facts, release, &past.seen.runs, MOST_LOOKED_UP).await?;
    past.seen.scope = Some(scope);
    Ok(past)
}

#[cfg(test)]
mod tests {
    use crate::domain::{Conclusion, RunEvent, Verification};

    use super::*;

    fn sha(digit: char) -> Sha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + 60 * minutes).unwrap()
    }

    /// Attempt `attempt` of run `id` of a commit, from minute `from` to minute `to`.
    fn run(of: char, id: u64, attempt: u32, from: i64, to: i64, ended: Conclusion) -> Run {
        Run {
            at: RunRef { id: id.into(), attempt },
            workflow: 1.into(),
            event: RunEvent("push".to_owned()),
            head_branch: Some("main".into()),
            head_sha: sha(of),
            head_repository: None,
            title: String::new(),
            progress: RunProgress::Finished(ended),
            created_at: at(from),
            started_at: at(from),
            updated_at: at(to),
            actors: Vec::new(),
            html_url: String::new(),
        }
    }

    /// For each moment: the newly verified commits, the candidate, the commits below it, and
    /// those whose verification was running.
    fn told(runs: Vec<Run>) -> Vec<String> {
        let mut past = PastVerifications::default();
        for run in runs {
            past.by_sha.entry(run.head_sha.clone()).or_default().push(run);
        }
        let commits = [('c', 'b'), ('b', 'a'), ('a', '0')];
        let commits = commits.iter().map(|(commit, parent)| (sha(*commit), vec![sha(*parent)]));
        let commits = commits.collect();
        let commits = BranchCommits { commits, complete: true, ..BranchCommits::default() };
        let first = |sha: &Sha| sha.as_str()[..1].to_owned();
        let moments = past.moments(&commits, at(0), at(100), 10);
        let tell = |moment: &Moment| {
            let verified: Vec<String> = moment.verified.iter().map(first).collect();
            let below: Vec<String> = moment.candidates.verified_below.iter().map(first).collect();
            let candidate = moment.candidates.candidate.as_ref();
            let running = moment.verifications.iter();
            let running = running.filter(|(_, one)| matches!(one, Verification::Running(_)));
            let running: Vec<String> = running.map(|(sha, _)| first(sha)).collect();
            format!(
                "{}: +{} candidate {} below {} running {}",
                moment.at.duration_since(at(0)).as_mins(),
                verified.concat(),
                candidate.map_or_else(|| "-".to_owned(), first),
                below.concat(),
                running.concat()
            )
        };
        moments.iter().map(tell).collect()
    }

    #[test]
    fn each_moment_knows_what_had_ended_by_then_and_no_more() {
        let passed = Conclusion::Success;
        let told = told(vec![
            run('a', 1, 1, -20, -10, passed.clone()),
            run('c', 3, 1, 10, 30, passed.clone()),
            run('b', 2, 1, 5, 20, passed.clone()),
            run('f', 9, 1, 5, 21, passed),
        ]);
        assert_eq!(
            told,
            ["20: +b candidate b below a running ", "30: +c candidate c below ba running "]
        );
    }

    #[test]
    fn a_rerun_counts_from_its_own_end_and_hides_nothing_before() {
        let (passed, broke) = (Conclusion::Success, Conclusion::Failure);
        let told = told(vec![
            run('a', 1, 1, 0, 10, passed.clone()),
            run('b', 2, 1, 5, 20, passed),
            run('b', 2, 2, 25, 40, broke),
            run('c', 3, 1, 21, 30, Conclusion::Cancelled),
        ]);
        assert_eq!(
            told,
            [
                "10: +a candidate a below  running ",
                "20: +b candidate b below a running ",
                "30: + candidate b below a running b",
                "40: + candidate a below  running ",
            ]
        );
    }
}
