//! A simple model of one repository, derived from the events and from what the fake GitHub
//! holds. It is independent of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ghbox::{Repo, RunView, story as stage};
use jiff::Timestamp;
use release_governor::domain::CalendarEntry;

use crate::pulls::MergedPull;
use crate::script::Touch;

/// Additional workflows, beside the two of every story: another verification, another deploy,
/// and a rollback.
pub(crate) const OTHER_VERIFY: &str = "other.yml";
pub(crate) const OTHER_DEPLOY: &str = "ship.yml";
pub(crate) const ROLLBACK: &str = "rollback.yml";

#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) parents: Vec<String>,
    /// The versions of the relevant paths. A path that does not exist has version 0.
    pub(crate) files: BTreeMap<Touch, u64>,
    pub(crate) undoes: Option<Undo>,
    place: usize,
    /// The positions of the commit and of everything it contains.
    within: BTreeSet<usize>,
}

/// The revert that a commit's message states.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    /// The commit that is reverted or restored.
    pub(crate) of: String,
    /// Whether it is restored.
    pub(crate) restores: bool,
    /// Whether the message names the commit by sha.
    pub(crate) by_sha: bool,
}

/// One attempt of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) started_at: Timestamp,
    pub(crate) ended: Option<(Timestamp, String)>,
}

/// An attempt of a verification run.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    pub(crate) sha: String,
    pub(crate) workflow: u64,
    pub(crate) event: String,
    pub(crate) branch: Option<String>,
    pub(crate) one: Try,
}

/// A run of a workflow that deploys.
#[derive(Clone, Debug)]
pub(crate) struct Deploy {
    pub(crate) id: u64,
    pub(crate) workflow: u64,
    pub(crate) event: String,
    pub(crate) branch: Option<String>,
    pub(crate) head_sha: String,
    pub(crate) title: String,
    /// The sha that the program dispatched, if it did.
    pub(crate) sent: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) tries: BTreeMap<u64, Try>,
    pub(crate) deleted_at: Option<Timestamp>,
    /// Whether a pass succeeded while the lists showed the run.
    pub(crate) was_listed: bool,
    /// No list shows the run before this time.
    pub(crate) hidden_until: Option<Timestamp>,
    /// For our runs: whether the answer to the dispatch was lost.
    pub(crate) answer_lost: bool,
}

impl Deploy {
    pub(crate) fn in_flight(&self) -> bool {
        self.deleted_at.is_none()
            && self.tries.values().next_back().is_some_and(|last| last.ended.is_none())
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.sent.is_some()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) commits: Arc<BTreeMap<String, Commit>>,
    /// All commits, oldest first.
    pub(crate) order: Arc<Vec<String>>,
    /// The tip of each branch.
    pub(crate) tips: BTreeMap<String, String>,
    /// Ids of workflows by their files.
    pub(crate) workflows: BTreeMap<&'static str, u64>,
    /// The file that has the name of the verification workflow.
    pub(crate) verify_file: &'static str,
    /// The commits in which another file took the name, and that file.
    pub(crate) names_taken: BTreeMap<String, &'static str>,
    /// Whether the deploy workflow calls the local one.
    pub(crate) calls_lib: bool,
    pub(crate) deploys: BTreeMap<u64, Deploy>,
    /// Runs that claim the branch at a commit that was never on it.
    pub(crate) strays: BTreeSet<u64>,
    /// Runs that GitHub creates on a push for an invalid workflow file.
    pub(crate) phantoms: BTreeSet<u64>,
    /// Whether the jobs of runs were permanently unreadable: then no run is known to have no
    /// jobs.
    pub(crate) jobs_were_unreadable: bool,
    /// Our runs by which an operator rolled back.
    pub(crate) rollbacks: BTreeSet<u64>,
    /// Runs that the program's account started manually.
    pub(crate) by_our_account: BTreeSet<u64>,
    pub(crate) verifications: BTreeMap<(u64, u64), Verification>,
    pub(crate) approvals: Vec<Approved>,
    /// Merged pull requests, oldest first.
    pub(crate) pulls: Vec<MergedPull>,
    /// Whether the user who leaves has lost write access.
    pub(crate) has_left: bool,
    pub(crate) policy: BTreeMap<String, String>,
    pub(crate) policy_changed: Option<Timestamp>,
    /// The freeze or the window of this repository, and since when it is configured.
    pub(crate) calendar: Option<(Timestamp, CalendarEntry)>,
    /// An operator's pause that the ledger certainly contains.
    pub(crate) paused: bool,
    /// A pause that the ledger may contain.
    pub(crate) perhaps_paused: bool,
    /// Whether an operator ever paused it.
    pub(crate) was_paused: bool,
    /// Operators' actions that allow production to move forward again.
    pub(crate) lifts: Vec<(Timestamp, Lift)>,
    /// Commits that an operator's `trigger` dispatched, or may have.
    pub(crate) triggered: Vec<String>,
    pub(crate) production_set: Option<(String, Timestamp)>,
    /// The times of operators' `set-production` actions, as far as the ledger knows them.
    pub(crate) words_of_production: Vec<Timestamp>,
    pub(crate) list_lags: Vec<(Timestamp, u64)>,
    /// When the ledger was lost, or replaced by an older copy.
    pub(crate) disk_lost_at: Option<Timestamp>,
    pub(crate) twin_seen: bool,
    /// Whether the program knows its identity before its first write.
    pub(crate) identified: bool,
    /// The counters of the fake GitHub's runs when they were last read.
    pub(crate) mark: Option<(usize, usize, usize)>,
    /// The number of our dispatches that were already checked.
    pub(crate) judged: usize,
}

/// What an operator's action about a rollback covers.
#[derive(Clone, Debug)]
pub(crate) enum Lift {
    Everything,
    /// Everything that this commit contains.
    Below(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Approved {
    pub(crate) sha: String,
    /// The deploy files at the tip at that time; `None` if they were not read.
    pub(crate) deploy_files: Option<(u64, u64)>,
}

impl Model {
    /// Records a new commit as the tip of a branch.
    pub(crate) fn pushed(
        &mut self,
        sha: &str,
        branch: &str,
        parents: &[String],
        files: BTreeMap<Touch, u64>,
        undoes: Option<Undo>,
    ) {
        let place = self.order.len();
        let mut within = BTreeSet::from([place]);
        for parent in parents.iter().filter_map(|parent| self.commits.get(parent)) {
            within.extend(&parent.within);
        }
        let commit = Commit { parents: parents.to_vec(), files, undoes, place, within };
        Arc::make_mut(&mut self.commits).insert(sha.to_owned(), commit);
        Arc::make_mut(&mut self.order).push(sha.to_owned());
        self.tips.insert(branch.to_owned(), sha.to_owned());
    }

    /// The files of a commit, as the base of another one.
    pub(crate) fn files(&self, sha: &str) -> BTreeMap<Touch, u64> {
        self.commits.get(sha).map(|commit| commit.files.clone()).unwrap_or_default()
    }

    pub(crate) fn branch(&self) -> &str {
        self.policy.get("branch").map_or("main", String::as_str)
    }

    /// The tip of the governed branch.
    pub(crate) fn tip(&self) -> &str {
        self.tips.get(self.branch()).map_or("", String::as_str)
    }

    /// The tip of the ref that the deploy workflow's file is taken from.
    pub(crate) fn deploy_tip(&self) -> &str {
        self.tips.get(self.deploy_ref()).map_or("", String::as_str)
    }

    /// The ref that deploys run on.
    pub(crate) fn deploy_ref(&self) -> &str {
        self.policy.get("deploy_workflow_ref").map_or("main", String::as_str)
    }

    /// A number of the policy, or its default.
    pub(crate) fn number(&self, key: &str) -> u64 {
        let default = match key {
            "max_attempts_per_sha" => 1,
            "cooldown_minutes" => 30,
            "max_deploys_per_hour" => 6,
            "dispatch_confirm_seconds" => 300,
            _ => 0,
        };
        self.policy.get(key).map_or(default, |value| value.parse().unwrap())
    }

    pub(crate) fn says(&self, key: &str, value: &str) -> bool {
        self.policy.get(key).is_some_and(|set| set == value)
    }

    /// The id of the configured deploy workflow.
    pub(crate) fn deploy_workflow(&self) -> u64 {
        let file = self.policy.get("deploy_workflow_name").map_or(stage::DEPLOY, String::as_str);
        self.workflows[file]
    }

    fn verify_workflow(&self) -> u64 {
        let named = self.policy.get("verification_workflow_name").map(String::as_str);
        self.workflows[named.unwrap_or(self.verify_file)]
    }

    /// Updates the model from the fake GitHub.
    pub(crate) fn look(&mut self, repo: &Repo, now: Timestamp) {
        let mark = Some(repo.runs_mark());
        if self.mark == mark {
            return;
        }
        self.mark = mark;
        let deploys: Vec<u64> = [stage::DEPLOY, OTHER_DEPLOY, ROLLBACK]
            .iter()
            .filter_map(|file| self.workflows.get(file).copied())
            .collect();
        let sent: BTreeMap<u64, String> = repo
            .dispatches()
            .into_iter()
            .filter(|one| one.by == stage::GOVERNOR)
            .filter_map(|one| Some((one.run_id, one.sha()?.to_owned())))
            .collect();
        let runs = repo.runs();
        for run in &runs {
            if deploys.contains(&run.workflow_id) {
                self.see_deploy(run, sent.get(&run.id), now);
            } else {
                let known = self.verifications.get(&(run.id, run.attempt));
                let one = seen(run, known.map(|known| &known.one), now);
                let of = Verification {
                    sha: run.head_sha.clone(),
                    workflow: run.workflow_id,
                    event: run.event.clone(),
                    branch: run.head_branch.clone(),
                    one,
                };
                self.verifications.insert((run.id, run.attempt), of);
            }
        }
        let there: BTreeSet<u64> = runs.iter().map(|run| run.id).collect();
        for known in self.deploys.values_mut().filter(|known| known.deleted_at.is_none()) {
            known.deleted_at = (!there.contains(&known.id)).then_some(now);
        }
    }

    /// Records a successful pass, which has seen the runs that the lists show.
    pub(crate) fn note_pass(&mut self, now: Timestamp) {
        let is_listed = |one: &Deploy| one.deleted_at.is_none() && self.shown(one.created_at, now);
        let listed = self.deploys.values().filter(|one| is_listed(one)).map(|one| one.id);
        for id in listed.collect::<Vec<_>>() {
            self.deploys.get_mut(&id).unwrap().was_listed = true;
        }
    }

    fn see_deploy(&mut self, run: &RunView, sent: Option<&String>, now: Timestamp) {
        let known = self.deploys.entry(run.id).or_insert_with(|| Deploy {
            id: run.id,
            workflow: run.workflow_id,
            event: run.event.clone(),
            branch: run.head_branch.clone(),
            head_sha: run.head_sha.clone(),
            title: run.title.clone(),
            sent: sent.cloned(),
            created_at: run.created_at,
            tries: BTreeMap::new(),
            deleted_at: None,
            was_listed: false,
            hidden_until: None,
            answer_lost: false,
        });
        known.branch.clone_from(&run.head_branch);
        let last = seen(run, known.tries.get(&run.attempt), now);
        known.tries.insert(run.attempt, last);
    }

    /// Whether `container` is `contained` or a descendant of it.
    pub(crate) fn contains(&self, container: &str, contained: &str) -> bool {
        let (Some(container), Some(contained)) =
            (self.commits.get(container), self.commits.get(contained))
        else {
            return false;
        };
        container.within.contains(&contained.place)
    }

    /// Whether the governed branch contains it.
    pub(crate) fn holds(&self, sha: &str) -> bool {
        self.contains(self.tip(), sha)
    }

    /// The commits in `head` that are not in `base`, oldest first.
    pub(crate) fn between<'a>(&'a self, base: &str, head: &str) -> Vec<&'a str> {
        let Some(head) = self.commits.get(head) else { return Vec::new() };
        let base = self.commits.get(base);
        let places = head.within.iter();
        places
            .filter(|place| base.is_none_or(|base| !base.within.contains(place)))
            .map(|place| self.order[*place].as_str())
            .collect()
    }

    /// A commit and its first parents.
    pub(crate) fn line<'a>(&'a self, from: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(from), |sha| {
            self.commits.get(*sha).and_then(|commit| commit.parents.first().map(String::as_str))
        })
    }

    /// Whether the content of a HIGH path differs.
    pub(crate) fn high_between(&self, base: &str, head: &str) -> bool {
        let (base, head) = (self.commits.get(base), self.commits.get(head));
        Touch::ALL.iter().filter(|touch| touch.is_high()).any(|touch| {
            let at = |commit: Option<&Commit>| {
                commit.map(|commit| commit.files.get(touch).copied().unwrap_or(0))
            };
            at(base) != at(head)
        })
    }

    /// Whether a commit in between changes a HIGH path, even if a later one undoes it.
    pub(crate) fn high_steps(&self, base: &str, head: &str) -> bool {
        self.between(base, head).into_iter().any(|sha| {
            let parents = &self.commits[sha].parents;
            parents.first().is_none_or(|parent| self.high_between(parent, sha))
        })
    }

    /// The versions of the deploy workflow's file, and of the local one if it is called.
    pub(crate) fn deploy_files(&self, sha: &str) -> (u64, u64) {
        let files = self.files(sha);
        let of = |touch| files.get(&touch).copied().unwrap_or(0);
        let is_deploy = self.deploy_workflow() == self.workflows[stage::DEPLOY];
        let of_it = if is_deploy { of(Touch::DeployFile) } else { 0 };
        (of_it, if self.calls_lib { of(Touch::CalledFile) } else { 0 })
    }

    /// Whether everything that makes `sha` HIGH is approved.
    pub(crate) fn is_approved(&self, sha: &str) -> bool {
        self.approvals.iter().any(|approval| {
            // A name that was taken and returned leaves the files unchanged.
            let mut later = self.between(&approval.sha, sha).into_iter();
            let may_be_undone = later.any(|one| self.names_taken.contains_key(one));
            let is_covered = may_be_undone || !self.high_between(&approval.sha, sha);
            let covers = approval.sha == sha || (self.contains(sha, &approval.sha) && is_covered);
            covers && self.covers_the_deploy_files(approval, sha)
        })
    }

    /// Whether this very commit was approved.
    pub(crate) fn is_named_by_an_approval(&self, sha: &str) -> bool {
        let mut approvals = self.approvals.iter().filter(|approval| approval.sha == sha);
        approvals.any(|approval| self.covers_the_deploy_files(approval, sha))
    }

    fn covers_the_deploy_files(&self, approval: &Approved, sha: &str) -> bool {
        let at_tip = self.deploy_files(self.deploy_tip());
        self.deploy_files_came_approved(sha)
            || (approval.sha == sha && approval.deploy_files.is_none())
            || approval.deploy_files == Some(at_tip)
    }

    /// The largest lag of a list at any time since `since`.
    pub(crate) fn lag_since(&self, since: Timestamp) -> u64 {
        let then = self.list_lags.iter().rev().find(|(at, _)| *at < since);
        // The lag may have changed more than once within the same instant.
        let later = self.list_lags.iter().filter(|(at, _)| *at >= since);
        later.chain(then).map(|(_, lag)| *lag).max().unwrap_or(0)
    }

    /// The longest time that no list showed the run, in seconds.
    pub(crate) fn unseen_for(&self, deploy: &Deploy) -> u64 {
        let hidden = deploy.hidden_until.map(|until| until.duration_since(deploy.created_at));
        let hidden = hidden.and_then(|length| u64::try_from(length.as_secs()).ok());
        self.lag_since(deploy.created_at).max(hidden.unwrap_or(0))
    }

    /// Whether, at `now`, every list has shown what was created at `at`.
    pub(crate) fn shown(&self, at: Timestamp, now: Timestamp) -> bool {
        let lag = i64::try_from(self.lag_since(at)).unwrap();
        lag == 0 || now.duration_since(at).as_secs() > lag
    }

    /// The attempts of verification runs of `sha` that count under the current configuration.
    pub(crate) fn verifications_of<'a>(
        &'a self,
        sha: &'a str,
    ) -> impl Iterator<Item = (&'a (u64, u64), &'a Verification)> {
        let (workflow, branch) = (self.verify_workflow(), self.branch());
        let queue = format!("gh-readonly-queue/{branch}/");
        self.verifications.iter().filter(move |(_, one)| {
            let on_branch = one.branch.as_deref().is_some_and(|on| {
                if one.event == "merge_group" { on.starts_with(&queue) } else { on == branch }
            });
            one.sha == sha && one.workflow == workflow && on_branch && self.event_counts(&one.event)
        })
    }

    /// How many verification runs are newer than the newest one of `sha`.
    pub(crate) fn younger_verifications(&self, sha: &str) -> usize {
        let newest = self.verifications_of(sha).map(|((run, _), _)| *run).max();
        self.verifications.keys().filter(|(run, _)| Some(*run) > newest).count()
    }

    fn event_counts(&self, event: &str) -> bool {
        match self.policy.get("verification_events") {
            Some(events) => events.trim_matches(['[', ']']).split(", ").any(|one| one == event),
            None => true,
        }
    }

    /// The verification of `sha`: none, or the conclusion of the latest (`None` while it runs).
    pub(crate) fn verified(&self, sha: &str) -> Option<Option<String>> {
        let latest = latest(self.verifications_of(sha))?;
        Some(latest.one.ended.as_ref().map(|(_, conclusion)| conclusion.clone()))
    }

    /// The commits of the branch whose latest finished verification succeeded, newest first.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let mut newest: Vec<&str> = self.between("", self.tip());
        // What the first parents took up later is newer; within one merge, what contains more.
        let line: Vec<&str> = self.line(self.tip()).collect();
        let taken_up = |sha: &str| {
            let place = line.iter().rposition(|step| self.contains(step, sha));
            std::cmp::Reverse(place.unwrap_or(usize::MAX))
        };
        newest.sort_by_cached_key(|sha| (taken_up(sha), self.commits[*sha].within.len()));
        let passed = |sha: &&&str| {
            let finished = self.verifications_of(sha).filter(|(_, one)| one.one.ended.is_some());
            latest(finished).is_some_and(|one| {
                one.one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success")
            })
        };
        newest.iter().rev().filter(passed).map(|sha| (*sha).to_owned()).collect()
    }
}

/// The latest of these attempts: the last one of each run, whatever its timestamp.
fn latest<'a>(
    attempts: impl Iterator<Item = (&'a (u64, u64), &'a Verification)>,
) -> Option<&'a Verification> {
    // In the order of runs, and of a run's attempts.
    let last_of_each: BTreeMap<u64, &Verification> =
        attempts.map(|((run, _), one)| (*run, one)).collect();
    last_of_each.into_iter().max_by_key(|(run, one)| (one.one.started_at, *run)).map(|(_, one)| one)
}

fn seen(run: &RunView, before: Option<&Try>, now: Timestamp) -> Try {
    let ended = run.conclusion.as_ref().filter(|_| run.status == "completed");
    let before = before.and_then(|before| before.ended.clone());
    let ended = ended.map(|conclusion| match before {
        Some((at, same)) if same == *conclusion => (at, same),
        _ => (now, conclusion.clone()),
    });
    Try { started_at: run.started_at, ended }
}
