//! How far a replay has come, and what it has shipped on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Past, ends_at, parents};
use crate::decide::Judgement;
use crate::domain::{
    AttemptId, AttemptOutcome, Attribution, AttributionRule, Cause, Conclusion, Decision, Entry,
    EntryKind, KnownRun, KnownRunAttempt, Moment, NewAttempt, Observation, Outcome, PullNumber,
    Really, Reason, RefHistory, RejectionKey, ReleaseState, Replayed, RunEvent, RunId, RunKind,
    RunProgress, Sha, Ships, WorkflowFact,
};

/// A replay under way.
#[derive(Clone, Debug)]
pub struct Course {
    /// The moment that it is at.
    pub(super) moment: usize,
    /// A later time before the next moment, at which something happened.
    pub(super) at: Option<Timestamp>,
    /// What the deploys that it let ship, and the words that it heard, add up to.
    release: ReleaseState,
    /// Words heard so far.
    heard: usize,
    /// The deploys that it let ship.
    deploys: u64,
    /// No real run has a greater number.
    greatest_run: u64,
    /// The commits of the branch with their parents.
    parents: Arc<Parents>,
    /// What has gone out so far.
    out: BTreeSet<Sha>,
    /// The candidate's decision, where it is held.
    held: Option<Decision>,
    /// Commits that lack an approval, by all that had been deployed, and said on `looked_at`, at
    /// `judged_at`.
    unapproved: BTreeSet<Sha>,
    looked_at: BTreeSet<PullNumber>,
    judged_at: Option<Timestamp>,
    /// Decisions that were asked for.
    decisions: usize,
    commits: Vec<Replayed>,
    /// Those of `commits` that have not gone out, by their place.
    waiting: BTreeMap<Sha, usize>,
}

/// Commits with their parents.
pub(super) type Parents = BTreeMap<Sha, Vec<Sha>>;

impl Course {
    /// The beginning of a replay: production is what it really was then.
    #[must_use]
    pub fn begin(past: &Past, observation: &Observation) -> Self {
        let mut release = past.unknown();
        let greatest_run = past.release.runs.keys().last().map_or(0, |run| run.get());
        let (moment, heard, deploys) = (0, 0, 0);
        if let Some(run) = past.deploy_before() {
            release.apply(&Entry { at: past.since, kind: EntryKind::RunSeen { run } });
        }
        let parents = Arc::new(parents(observation));
        let mut out = BTreeSet::new();
        if let Some(production) = release.production().sha() {
            contained(production, &parents, &mut out);
        }
        Self {
            moment,
            at: None,
            release,
            heard,
            deploys,
            greatest_run,
            parents,
            out,
            held: None,
            unapproved: BTreeSet::new(),
            looked_at: BTreeSet::new(),
            judged_at: None,
            decisions: 0,
            commits: Vec::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Decisions that it has taken so far.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        self.decisions
    }

    pub(super) const fn release(&self) -> &ReleaseState {
        &self.release
    }

    pub(super) fn into_commits(self) -> (Vec<Replayed>, Arc<Parents>) {
        (self.commits, self.parents)
    }

    /// Hears what operators had said by then.
    pub(super) fn hear(&mut self, words: &[Entry], at: Timestamp) {
        while let Some(word) = words.get(self.heard).filter(|word| word.at <= at) {
            self.release.apply(word);
            self.heard += 1;
            self.unapproved.clear();
        }
    }

    /// Commits that lack an approval as they did when they were judged last: nothing was deployed
    /// since, nor said on a pull request that was looked at for them. `happenings` are when
    /// something was said on which.
    pub(super) fn unapproved(
        &mut self,
        mut happenings: impl Iterator<Item = (PullNumber, Timestamp)>,
        at: Timestamp,
    ) -> &BTreeSet<Sha> {
        let judged_at = self.judged_at.unwrap_or(Timestamp::MIN);
        let is_new = |(pull, then): (PullNumber, Timestamp)| {
            judged_at < then && then <= at && self.looked_at.contains(&pull)
        };
        if !self.unapproved.is_empty() && happenings.any(is_new) {
            self.unapproved.clear();
        }
        &self.unapproved
    }

    /// Takes what was decided then, of commits that were verified just now and of what ships.
    pub(super) fn take(
        &mut self,
        judgement: &Judgement,
        moment: &Moment,
        at: Timestamp,
        observation: &Observation,
    ) {
        let news = if self.at.is_none() { moment.verified.as_slice() } else { &[] };
        for decision in news.iter().filter_map(|sha| judgement.decisions.get(sha)) {
            let ships = if let Cause::OlderThanProduction { production, .. } = &decision.cause {
                Ships::Along { with: production.clone(), at }
            } else {
                Ships::Never
            };
            let (decision, really) = (decision.clone(), Really::Never);
            if ships == Ships::Never {
                self.waiting.insert(decision.sha.clone(), self.commits.len());
            }
            self.commits.push(Replayed { verified_at: at, decision, ships, really });
        }
        self.remember_unapproved(judgement, at, observation);
        let candidate = moment.candidates.candidate.as_ref();
        let decided = candidate.and_then(|sha| judgement.decisions.get(sha));
        self.held = decided.filter(|decided| decided.outcome() == Outcome::Hold).cloned();
        if let Some(decision) = &judgement.ships {
            self.ship(decision, at, observation);
        }
    }

    /// Remembers which commits only lack an approval: nothing but a word on them, or another
    /// production, changes that, so that they are not judged again until then.
    fn remember_unapproved(
        &mut self,
        judgement: &Judgement,
        at: Timestamp,
        observation: &Observation,
    ) {
        let decided = judgement.decisions.values().map(|one| (&one.sha, one.reason()));
        let below = judgement.held_below.iter().map(|(sha, reason)| (sha, *reason));
        for (sha, reason) in decided.chain(below) {
            self.decisions += 1;
            if reason == Reason::HighRiskNoApproval {
                self.unapproved.insert(sha.clone());
            }
        }
        self.looked_at.extend(observation.origins.events.keys());
        self.judged_at = Some(at);
    }

    /// Lets a commit ship: its deploy succeeds at once.
    fn ship(&mut self, decision: &Decision, at: Timestamp, observation: &Observation) {
        for kind in self.deploy(decision, at, observation) {
            self.release.apply(&Entry { at, kind });
        }
        self.unapproved.clear();
        let sha = &decision.sha;
        for its in contained(sha, &self.parents, &mut self.out) {
            let place = self.waiting.remove(&its);
            let Some(commit) = place.and_then(|place| self.commits.get_mut(place)) else {
                continue;
            };
            commit.ships =
                if its == *sha { Ships::At(at) } else { Ships::Along { with: sha.clone(), at } };
        }
    }

    /// A deploy by us as a ledger holds it, from its beginning to its end.
    fn deploy(
        &mut self,
        decision: &Decision,
        at: Timestamp,
        observation: &Observation,
    ) -> [EntryKind; 4] {
        self.deploys += 1;
        let [.., high, middle, low] = self.deploys.to_be_bytes();
        let id = AttemptId::from_chance([high, middle, low]);
        let run = RunId::from(self.greatest_run.saturating_add(self.deploys));
        let workflow = match &observation.deploy_workflow {
            WorkflowFact::Found(workflow) => workflow.id,
            WorkflowFact::NotConfigured | WorkflowFact::Missing => 0.into(),
        };
        let attempt = NewAttempt {
            id: id.clone(),
            sha: decision.sha.clone(),
            number: 1,
            risk: decision.risk.class,
            reason: decision.reason(),
            newest_run_seen: None,
            workflow,
            deploy_ref: observation.deploy_ref.clone(),
            rejection_key: RejectionKey::default(),
            merged_at: None,
            triggered_by: None,
            judged_tip: None,
            rollback: false,
        };
        let done = KnownRunAttempt {
            started_at: at,
            updated_at: at,
            progress: RunProgress::Finished(Conclusion::Success),
            superseded: None,
            failed_step: None,
            has_jobs: None,
        };
        let seen = KnownRun {
            id: run,
            event: RunEvent("workflow_dispatch".to_owned()),
            attribution: Attribution::Sha(decision.sha.clone()),
            created_at: at,
            html_url: String::new(),
            attempts: BTreeMap::from([(1, Box::new(done))]),
            deleted: false,
            kind: RunKind::Deploy,
            source: None,
            history: RefHistory::NotAsked,
            attributed_by: AttributionRule::Owner,
            searched: None,
            moved_deploy_files: None,
        };
        [
            EntryKind::AttemptBegun { attempt },
            EntryKind::AttemptRun { id: id.clone(), run, late: false },
            EntryKind::RunSeen { run: seen },
            EntryKind::AttemptClosed { id, outcome: AttemptOutcome::Succeeded },
        ]
    }

    /// Goes to the next time at which the decision about a held candidate may become another one,
    /// or else to the next moment.
    pub(super) fn go_on(
        &mut self,
        happenings: impl Iterator<Item = Timestamp>,
        at: Timestamp,
        next_moment: Option<Timestamp>,
        until: Timestamp,
    ) {
        let ends = |held: &Decision| -> Vec<Timestamp> {
            std::iter::once(&held.cause).chain(&held.also).filter_map(ends_at).collect()
        };
        let within = |then: &Timestamp| {
            at < *then && *then <= until && next_moment.is_none_or(|next| *then < next)
        };
        let ends = self.held.as_ref().map(ends);
        let next = ends.and_then(|ends| ends.into_iter().chain(happenings).filter(within).min());
        if next.is_none() {
            self.moment += 1;
        }
        self.at = next;
    }
}

/// Adds a commit and all that it contains; what is in already is not gone into again. Gives what
/// was added.
pub(super) fn contained(sha: &Sha, parents: &Parents, into: &mut BTreeSet<Sha>) -> Vec<Sha> {
    let (mut open, mut added) = (vec![sha], Vec::new());
    while let Some(sha) = open.pop() {
        if into.insert(sha.clone()) {
            added.push(sha.clone());
            open.extend(parents.get(sha).into_iter().flat_map(|parents| parents.iter()));
        }
    }
    added
}
