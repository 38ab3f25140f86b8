//! The naive model: what is true of one repository, kept from what was done to the box and from
//! what the box holds. It knows nothing of the program.

use std::collections::BTreeMap;

use jiff::Timestamp;
use release_governor::ghbox::{Repo, RunView, story as stage};

use crate::script::Touch;

#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) parent: Option<String>,
    pub(crate) high: bool,
    /// The deploy file's version.
    pub(crate) deploy_file: u64,
}

/// One attempt of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) started_at: Timestamp,
    pub(crate) ended: Option<(Timestamp, String)>,
}

/// A deploy run.
#[derive(Clone, Debug)]
pub(crate) struct Deploy {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) ours: bool,
    /// Whether its title names its sha.
    pub(crate) titled: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) tries: BTreeMap<u64, Try>,
    pub(crate) deleted: bool,
    /// Of ours: whether the answer to its dispatch was lost.
    pub(crate) answer_lost: bool,
}

impl Deploy {
    pub(crate) fn in_flight(&self) -> bool {
        !self.deleted && self.tries.values().next_back().is_some_and(|last| last.ended.is_none())
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) commits: BTreeMap<String, Commit>,
    /// All commits, oldest first.
    pub(crate) order: Vec<String>,
    pub(crate) tip: String,
    pub(crate) deploys: BTreeMap<u64, Deploy>,
    /// Attempts of verification runs: by hand or not, and how they went.
    pub(crate) verifications: BTreeMap<(u64, u64), (String, bool, Try)>,
    pub(crate) approvals: Vec<Approved>,
    pub(crate) policy: BTreeMap<String, String>,
    pub(crate) policy_changed: Option<Timestamp>,
    /// An operator's stop that the ledger holds for certain.
    pub(crate) paused: bool,
    /// One that it may hold.
    pub(crate) perhaps_paused: bool,
    pub(crate) spoke_at: Option<Timestamp>,
    pub(crate) production_set: Option<(String, Timestamp)>,
    pub(crate) list_lags: Vec<(Timestamp, u64)>,
    pub(crate) disk_lost_at: Option<Timestamp>,
    pub(crate) twin_seen: bool,
    /// Whether the program knows who it is before it ever wrote.
    pub(crate) identified: bool,
    /// Dispatches of ours that were judged already.
    pub(crate) judged: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Approved {
    pub(crate) sha: String,
    /// The deploy file's version at the tip when it was said; none where that was not looked at.
    pub(crate) deploy_file: Option<u64>,
}

/// What runs in production, by the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    None,
    /// This commit. Whether the program can tell: none where that depends on when it looked.
    Sha {
        sha: String,
        told: Option<bool>,
    },
}

impl Model {
    pub(crate) fn pushed(&mut self, sha: &str, touch: Touch) {
        let parent = Some(self.tip.clone()).filter(|tip| !tip.is_empty());
        let before = parent.as_ref().and_then(|parent| self.commits.get(parent));
        let before = before.map_or(0, |commit| commit.deploy_file);
        let commit = Commit {
            parent,
            high: matches!(touch, Touch::High | Touch::DeployFile),
            deploy_file: if touch == Touch::DeployFile { before + 1 } else { before },
        };
        self.commits.insert(sha.to_owned(), commit);
        self.order.push(sha.to_owned());
        self.tip = sha.to_owned();
    }

    /// The policy's number, or its default.
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

    /// Takes down what the box shows now.
    pub(crate) fn look(&mut self, repo: &Repo, now: Timestamp) {
        let (verify, deploy) = (repo.workflow_id(stage::VERIFY), repo.workflow_id(stage::DEPLOY));
        let runs = repo.runs();
        for run in &runs {
            if run.workflow_id == verify {
                let known = self.verifications.get(&(run.id, run.attempt));
                let seen = seen(run, known.map(|(_, _, seen)| seen), now);
                let by_hand = run.event == "workflow_dispatch";
                let of = (run.head_sha.clone(), by_hand, seen);
                self.verifications.insert((run.id, run.attempt), of);
            } else if run.workflow_id == deploy {
                self.see_deploy(run, now);
            }
        }
        for known in self.deploys.values_mut() {
            known.deleted |= !runs.iter().any(|run| run.id == known.id);
        }
    }

    fn see_deploy(&mut self, run: &RunView, now: Timestamp) {
        let Some(sha) = run.input_sha.clone() else { return };
        let known = self.deploys.entry(run.id).or_insert_with(|| Deploy {
            id: run.id,
            ours: run.triggering_actor == stage::GOVERNOR,
            titled: run.title.contains(&sha),
            sha,
            created_at: run.created_at,
            tries: BTreeMap::new(),
            deleted: false,
            answer_lost: false,
        });
        let last = seen(run, known.tries.get(&run.attempt), now);
        known.tries.insert(run.attempt, last);
    }

    /// Whether `container` is `contained`, or comes after it.
    pub(crate) fn contains(&self, container: &str, contained: &str) -> bool {
        self.line(container).any(|sha| sha == contained)
    }

    /// A commit and its ancestors.
    pub(crate) fn line<'a>(&'a self, from: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(from), |sha| {
            self.commits.get(*sha).and_then(|commit| commit.parent.as_deref())
        })
    }

    /// All that was in production, one after the other: the sha, whether the program can tell
    /// it, the run attempt, when it began, and whether we dispatched it.
    pub(crate) fn productions(&self) -> Vec<Moved> {
        let mut moves = Vec::new();
        for deploy in self.deploys.values() {
            for (number, one) in &deploy.tries {
                if one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success") {
                    moves.push(Moved {
                        at: one.started_at,
                        run: deploy.id,
                        sha: deploy.sha.clone(),
                        told: self.told(deploy),
                        by_us: deploy.ours && *number == 1,
                    });
                }
            }
        }
        if let Some((sha, at)) = &self.production_set {
            let (at, sha, run) = (*at, sha.clone(), u64::MAX);
            moves.push(Moved { at, run, sha, told: Some(true), by_us: true });
        }
        moves.sort_by_key(|moved| (moved.at, moved.run));
        moves
    }

    /// A title counts where it names a commit that the branch contains when somebody looks.
    fn told(&self, deploy: &Deploy) -> Option<bool> {
        let kept = deploy.ours && self.disk_lost_at.is_none() && !self.twin_seen;
        if kept || (deploy.titled && self.contains(&self.tip, &deploy.sha)) {
            return Some(true);
        }
        if deploy.titled || deploy.ours { None } else { Some(false) }
    }

    fn may_contain(&self, moved: &Moved, sha: &str) -> bool {
        match moved.told {
            Some(true) => self.contains(&moved.sha, sha),
            Some(false) => false,
            None => true,
        }
    }

    pub(crate) fn production(&self) -> Truth {
        let last = self.productions().pop();
        last.map_or(Truth::None, |last| Truth::Sha { sha: last.sha, told: last.told })
    }

    /// The commit that production lost through somebody else's deploy, and still lacks, though no
    /// operator has spoken since.
    pub(crate) fn rolled_back(&self) -> Option<String> {
        let moves = self.productions();
        let now = moves.last()?;
        let mut before: Option<&Moved> = None;
        let mut lost = None;
        for moved in &moves {
            if let Some(earlier) = before
                && !moved.by_us
                && Some(moved.at) > self.spoke_at
                && !self.may_contain(moved, &earlier.sha)
                && !self.may_contain(now, &earlier.sha)
            {
                lost = Some(earlier.sha.clone());
            }
            if moved.told == Some(true) {
                before = Some(moved);
            }
        }
        lost
    }

    /// Whether it is HIGH to ship `sha` now.
    pub(crate) fn is_high(&self, sha: &str) -> bool {
        match self.production() {
            Truth::None => false,
            Truth::Sha { told: None | Some(false), .. } => true,
            Truth::Sha { sha: base, told: Some(true) } => {
                !self.contains(sha, &base)
                    || self.high_between(&base, sha)
                    || self.deploy_file(sha) != self.deploy_file(&self.tip)
            }
        }
    }

    fn deploy_file(&self, sha: &str) -> Option<u64> {
        self.commits.get(sha).map(|commit| commit.deploy_file)
    }

    fn high_between(&self, base: &str, sha: &str) -> bool {
        let range = self.line(sha).take_while(|sha| *sha != base);
        range.filter_map(|sha| self.commits.get(sha)).any(|commit| commit.high)
    }

    /// Whether somebody approved of all that makes `sha` HIGH.
    pub(crate) fn is_approved(&self, sha: &str) -> bool {
        let at_tip = self.deploy_file(&self.tip);
        let own_file = self.deploy_file(sha) == at_tip;
        self.approvals.iter().any(|approval| {
            let of_this = approval.sha == sha;
            let file = own_file
                || (of_this && approval.deploy_file.is_none())
                || (approval.deploy_file.is_some() && approval.deploy_file == at_tip);
            let covers = of_this
                || (self.contains(sha, &approval.sha) && !self.high_between(&approval.sha, sha));
            file && covers
        })
    }

    /// The most that a list lagged behind at any time since `since`.
    pub(crate) fn lag_since(&self, since: Timestamp) -> u64 {
        let then = self.list_lags.iter().rev().find(|(at, _)| *at <= since);
        let later = self.list_lags.iter().filter(|(at, _)| *at > since);
        later.chain(then).map(|(_, lag)| *lag).max().unwrap_or(0)
    }

    /// Whether every list has shown what was made at `at` by `now`.
    pub(crate) fn shown(&self, at: Timestamp, now: Timestamp) -> bool {
        let lag = i64::try_from(self.lag_since(at)).unwrap();
        lag == 0 || now.duration_since(at).as_secs() > lag
    }

    /// How the verification of `sha` stands: none, or the conclusion of the latest (none while it
    /// runs).
    pub(crate) fn verified(&self, sha: &str) -> Option<Option<String>> {
        let of_sha = self.verifications.iter().filter(|(_, (of, _, _))| of == sha);
        let latest = of_sha.max_by_key(|(at, (_, _, one))| (one.started_at, **at))?;
        Some(latest.1.2.ended.as_ref().map(|(_, conclusion)| conclusion.clone()))
    }

    /// The newest commit of the branch whose latest finished verification succeeded, and the
    /// verified ones below it.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let passed = |sha: &&str| {
            let finished = self
                .verifications
                .iter()
                .filter(|(_, (of, _, one))| of == sha && one.ended.is_some());
            let latest = finished.max_by_key(|(at, (_, _, one))| (one.started_at, **at));
            latest.is_some_and(|(_, (_, _, one))| {
                one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success")
            })
        };
        self.line(&self.tip).filter(passed).map(str::to_owned).collect()
    }
}

/// A move of production.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) at: Timestamp,
    pub(crate) run: u64,
    pub(crate) sha: String,
    pub(crate) told: Option<bool>,
    pub(crate) by_us: bool,
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
