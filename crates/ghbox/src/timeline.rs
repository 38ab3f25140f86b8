//! The events of an issue or pull request, in GitHub's order.

use jiff::{SignedDuration, Timestamp};

use super::git::Git;
use super::issues::IssueRecord;

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) kind: EventKind,
    pub(super) actor: String,
    pub(super) at: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) enum EventKind {
    /// The name of the label at that time. Renaming the label later does not change the event
    /// (aws-actions/stale-issue-cleanup#20, HubTurbo/HubTurbo#584).
    Labeled(String),
    Unlabeled(String),
    Closed,
    Reopened,
    Renamed {
        from: String,
        to: String,
    },
    Merged {
        sha: String,
    },
    HeadForcePushed {
        sha: String,
    },
    ReviewRequested {
        reviewer: String,
    },
    /// An event without further data: `mentioned`, `head_ref_deleted`, or any kind that GitHub
    /// adds later.
    Plain(String),
    /// A commit of a pull request. It appears in the timeline, but not among the events.
    Committed(String),
    /// Like `Committed`, this and the following kinds appear only in the timeline.
    Commented(u64),
    Reviewed(Review),
    /// Another issue or pull request of this repository mentions this one.
    CrossReferenced(u64),
    LineCommented(Remark),
    CommitCommented(Remark),
}

/// A submitted review.
#[derive(Clone, Debug)]
pub(super) struct Review {
    /// `approved`, `changes_requested`, `commented` or `dismissed`.
    pub(super) verdict: String,
    pub(super) body: String,
    /// The head that was reviewed.
    pub(super) sha: String,
}

/// A comment on a line of a pull request, or on one of its commits.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) path: Option<String>,
    pub(super) body: String,
    pub(super) sha: String,
}

/// In which order and how late timelines show commits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CommitsShow {
    /// Sort commits by their date, which the pusher chooses, not by when they were pushed.
    pub(super) by_date: bool,
    /// How long after the push commits appear.
    pub(super) after: SignedDuration,
}

impl Event {
    /// The pushed commit, if this event is a push.
    pub(super) fn commit(&self) -> Option<&str> {
        if let EventKind::Committed(sha) = &self.kind { Some(sha) } else { None }
    }
}

impl IssueRecord {
    /// The events in timeline order.
    pub(super) fn timeline(&self, git: &Git, show: CommitsShow, now: Timestamp) -> Vec<&Event> {
        let date = |event: &Event| {
            let commit = event.commit().and_then(|sha| git.commit(sha));
            commit.map_or(event.at, |commit| commit.date)
        };
        let shows = |event: &&Event| {
            let from = event.at.saturating_add(show.after);
            event.commit().is_none() || from.is_ok_and(|from| from <= now)
        };
        let mut events: Vec<&Event> = self.events.iter().filter(shows).collect();
        if show.by_date {
            // The sort is stable: events with the same time keep their order.
            events.sort_by_key(|event| date(event));
        }
        events
    }
}
