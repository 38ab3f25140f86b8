//! How far a replay has come, and what it has shipped on the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Past, ends_at, parents};
use crate::decide::Judgement;
use crate::domain::{
    AttemptId, AttemptOutcome, Attribution, AttributionRule, Cause, Conclusion, Decision, Entry,
    EntryKind, KnownRun, KnownRunAttempt, Moment, NewAttempt, Observation, Outcome, Really,
    RefHistory, RejectionKey, ReleaseState, Replayed, RunEvent, RunId, RunKind, RunProgress, Sha,
    Ships, WorkflowFact,
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
    /// What has gone out so far.
    out: BTreeSet<Sha>,
    /// The candidate's decision, where it is held.
    held: Option<Decision>,
    commits: Vec<Replayed>,
}

/// Commits with their parents.
pub(super) type Parents<'a> = BTreeMap<&'a Sha, &'a Vec<Sha>>;

impl Course {
    /// The beginning of a replay: production is what it really was then.
    #[must_use]
    pub fn begin(past: &Past, observation: &Observation) -> Self {
        let mut release = ReleaseState::default();
        let greatest_run = past.release.runs.keys().last().map_or(0, |run| run.get());
        let (moment, heard, deploys) = (0, 0, 0);
        if let Some(run) = past.deploy_before() {
            release.apply(&Entry { at: past.since, kind: EntryKind::RunSeen { run } });
        }
        let mut out = BTreeSet::new();
        if let Some(production) = release.production().sha() {
            contained(production, &parents(observation), &mut out);
        }
        let (at, held, commits) = (None, None, Vec::new());
        Self { moment, at, release, heard, deploys, greatest_run, out, held, commits }
    }

    pub(super) const fn release(&self) -> &ReleaseState {
        &self.release
    }

    pub(super) fn into_commits(self) -> Vec<Replayed> {
        self.commits
    }

    /// Hears what operators had said by then.
    pub(super) fn hear(&mut self, words: &[Entry], at: Timestamp) {
        while let Some(word) = words.get(self.heard).filter(|word| word.at <= at) {
            self.release.apply(word);
            self.heard += 1;
        }
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
            self.commits.push(Replayed { verified_at: at, decision, ships, really });
        }
        let candidate = moment.candidates.candidate.as_ref();
        let decided = candidate.and_then(|sha| judgement.decisions.get(sha));
        self.held = decided.filter(|decided| decided.outcome() == Outcome::Hold).cloned();
        if let Some(decision) = &judgement.ships {
            self.ship(decision, at, observation);
        }
    }

    /// Lets a commit ship: its deploy succeeds at once.
    fn ship(&mut self, decision: &Decision, at: Timestamp, observation: &Observation) {
        for kind in self.deploy(decision, at, observation) {
            self.release.apply(&Entry { at, kind });
        }
        let sha = &decision.sha;
        let before = self.out.clone();
        contained(sha, &parents(observation), &mut self.out);
        for commit in &mut self.commits {
            let its = &commit.decision.sha;
            if commit.ships != Ships::Never || before.contains(its) || !self.out.contains(its) {
                continue;
            }
            commit.ships =
                if its == sha { Ships::At(at) } else { Ships::Along { with: sha.clone(), at } };
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
        let ends = self.held.iter().flat_map(|held| std::iter::once(&held.cause).chain(&held.also));
        let ends = ends.filter_map(ends_at);
        let within = |then: &Timestamp| {
            at < *then && *then <= until && next_moment.is_none_or(|next| *then < next)
        };
        let next = ends.chain(happenings).filter(within).min().filter(|_| self.held.is_some());
        if next.is_none() {
            self.moment += 1;
        }
        self.at = next;
    }
}

/// Adds a commit and all that it contains; what is in already is not gone into again.
pub(super) fn contained(sha: &Sha, parents: &Parents<'_>, into: &mut BTreeSet<Sha>) {
    let mut open = vec![sha];
    while let Some(sha) = open.pop() {
        if into.insert(sha.clone()) {
            open.extend(parents.get(sha).into_iter().flat_map(|parents| parents.iter()));
        }
    }
}
