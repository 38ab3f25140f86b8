//! What GitHub showed at a moment of the past, as far as that can be told from what it shows now.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use jiff::Timestamp;

use crate::domain::{
    Availability, Candidates, CommitFacts, DeployFiles, Fact, Moment, Observation, PullEvent,
    PullNumber, Sha, SignalReading,
};

/// An observation that is moved through time. It shows what is there now again when this is dropped.
pub(super) struct TimedView<'o> {
    shown: &'o mut Observation,
    now: PresentValues,
}

/// What changes, as it is now.
struct PresentValues {
    candidates: Candidates,
    branch_tip: Option<Sha>,
    commits: BTreeMap<Sha, CommitFacts>,
    signals: Vec<SignalReading>,
    health_check: Option<SignalReading>,
    labels: BTreeMap<PullNumber, Fact<Availability<Vec<String>>>>,
    /// Of the pull requests on which something was said later.
    events: BTreeMap<PullNumber, Fact<Availability<Vec<PullEvent>>>>,
}

impl<'o> TimedView<'o> {
    /// Signals have no history: none is shown.
    pub(super) fn of(shown: &'o mut Observation) -> Self {
        let now = PresentValues {
            candidates: mem::take(&mut shown.candidates),
            branch_tip: shown.branch_tip.take(),
            commits: mem::take(&mut shown.commits),
            signals: mem::take(&mut shown.signals),
            health_check: shown.health_check.take(),
            labels: mem::take(&mut shown.origins.labels),
            events: BTreeMap::new(),
        };
        Self { shown, now }
    }

    pub(super) const fn observation(&self) -> &Observation {
        self.shown
    }

    /// Shows what was there then: commits as they had been verified, and on pull requests nothing
    /// that was said later. Labels are those that events had put there. The deploy file at the tip
    /// is taken for the commit's own: where the tip of its ref was then, nobody tells. Reverts are
    /// seen up to the newest commit whose verification had begun. Commits below the candidate that
    /// are known to be `held` are left out.
    pub(super) fn show(&mut self, moment: &Moment, held: &BTreeSet<Sha>, at: Timestamp) {
        let shown = &mut *self.shown;
        shown.candidates.clone_from(&moment.candidates);
        shown.candidates.verified_below.retain(|sha| !held.contains(sha));
        shown.branch_tip.clone_from(&moment.tip);
        shown.commits = moment
            .verifications
            .iter()
            .map(|(sha, verification)| {
                let facts = CommitFacts {
                    verification: Fact::Known(verification.clone()),
                    on_branch: Fact::Known(true),
                    deploy_files: Fact::Known(DeployFiles::Same),
                    ..CommitFacts::default()
                };
                (sha.clone(), facts)
            })
            .collect();
        for (pull, told) in &mut shown.origins.events {
            let Fact::Known(Availability::Known(events)) = told else { continue };
            // What does not say when it happened is left where it stands: in doubt, a push came
            // after what was said, and approves nothing.
            let was_said = |event: &PullEvent| event.at().is_none_or(|said| said <= at);
            let labels = labels_after(events.iter().filter(|event| was_said(event)));
            shown.origins.labels.insert(*pull, Fact::Known(Availability::Known(labels)));
            if !events.iter().all(was_said) {
                let said = events.iter().filter(|event| was_said(event)).cloned().collect();
                let all = mem::replace(told, Fact::Known(Availability::Known(said)));
                self.now.events.insert(*pull, all);
            }
        }
        for (pull, labels) in &self.now.labels {
            if !shown.origins.labels.contains_key(pull) {
                shown.origins.labels.insert(*pull, labels.clone());
            }
        }
    }

    /// When something happened on which of the pull requests that were looked at, also later.
    pub(super) fn happenings(&self) -> impl Iterator<Item = (PullNumber, Timestamp)> {
        let shown = self.shown.origins.events.iter();
        let earlier = shown.filter(|(pull, _)| !self.now.events.contains_key(pull));
        let all = earlier.chain(&self.now.events).filter_map(|(pull, told)| match told {
            Fact::Known(Availability::Known(events)) => Some((*pull, events)),
            Fact::Known(Availability::Untold(_)) | Fact::NotAsked | Fact::Unreadable(_) => None,
        });
        all.flat_map(|(pull, events)| {
            events.iter().filter_map(PullEvent::at).map(move |at| (pull, at))
        })
    }
}

impl Drop for TimedView<'_> {
    fn drop(&mut self) {
        let (shown, now) = (&mut *self.shown, &mut self.now);
        mem::swap(&mut shown.candidates, &mut now.candidates);
        mem::swap(&mut shown.branch_tip, &mut now.branch_tip);
        mem::swap(&mut shown.commits, &mut now.commits);
        mem::swap(&mut shown.signals, &mut now.signals);
        mem::swap(&mut shown.health_check, &mut now.health_check);
        mem::swap(&mut shown.origins.labels, &mut now.labels);
        shown.origins.events.append(&mut now.events);
    }
}

fn labels_after<'e>(events: impl Iterator<Item = &'e PullEvent>) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for event in events {
        match event {
            PullEvent::Labeled { label, .. } => labels.push(label.clone()),
            PullEvent::Unlabeled { label, .. } => {
                labels.retain(|one| one.to_lowercase() != label.to_lowercase());
            }
            PullEvent::Commented(_) | PullEvent::Pushed { .. } | PullEvent::Merged => {}
        }
    }
    labels
}
