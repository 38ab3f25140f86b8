//! What GitHub showed at a moment of the past, as far as that can be told from what it shows now.

use jiff::Timestamp;

use crate::domain::{CommitFacts, DeployFiles, Fact, Moment, Observation, PullEvent, Told};

/// An observation that is moved through time.
pub(super) struct View {
    observation: Observation,
}

impl View {
    pub(super) fn new(now: &Observation) -> Self {
        let mut observation = now.clone();
        // Signals have no history.
        observation.signals.clear();
        observation.health_check = None;
        Self { observation }
    }

    pub(super) const fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Shows what was there then: commits as they had been verified, and on pull requests nothing
    /// that was said later. Labels are those that events had put there. The deploy file at the tip
    /// is taken for the commit's own: where the tip of its ref was then, nobody tells. Reverts are
    /// seen up to the newest commit whose verification had begun.
    pub(super) fn show(&mut self, now: &Observation, moment: &Moment, at: Timestamp) {
        let shown = &mut self.observation;
        shown.candidates.clone_from(&moment.candidates);
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
        for (pull, told) in &now.origins.events {
            let Fact::Known(Told::Known(events)) = told else { continue };
            // What does not say when it happened is left where it stands: in doubt, a push came
            // after what was said, and approves nothing.
            let said: Vec<PullEvent> = events
                .iter()
                .filter(|event| event.at().is_none_or(|said| said <= at))
                .cloned()
                .collect();
            let labels = Fact::Known(Told::Known(labels_after(&said)));
            shown.origins.labels.insert(*pull, labels);
            shown.origins.events.insert(*pull, Fact::Known(Told::Known(said)));
        }
    }
}

/// When something happened on the pull requests that were looked at.
pub(super) fn happenings(now: &Observation) -> impl Iterator<Item = Timestamp> {
    let events = now.origins.events.values().filter_map(|told| match told {
        Fact::Known(Told::Known(events)) => Some(events),
        Fact::Known(Told::Untold(_)) | Fact::NotAsked | Fact::Unreadable(_) => None,
    });
    events.flatten().filter_map(PullEvent::at)
}

fn labels_after(events: &[PullEvent]) -> Vec<String> {
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
