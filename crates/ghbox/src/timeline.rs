//! What happened to an issue or a pull request, in the order in which GitHub tells it.

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
    /// With the name that the label had then: a label that is renamed later changes no event
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
    /// A kind that says no more than that it happened: `mentioned`, `head_ref_deleted`, and
    /// those that GitHub will think of.
    Plain(String),
    /// A commit of a pull request: no event of its own, only in the timeline.
    Committed(String),
    /// The same, as are the rest.
    Commented(u64),
    Reviewed(Review),
    /// Another issue, or pull request, of this repository speaks of this one.
    CrossReferenced(u64),
    LineCommented(Remark),
    CommitCommented(Remark),
}

/// A review, as it was handed in.
#[derive(Clone, Debug)]
pub(super) struct Review {
    /// `approved`, `changes_requested`, `commented` or `dismissed`.
    pub(super) verdict: String,
    pub(super) body: String,
    /// What the reviewer saw.
    pub(super) sha: String,
}

/// A comment on a line of a pull request, or on a commit of it.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) path: Option<String>,
    pub(super) body: String,
    pub(super) sha: String,
}

/// How timelines place commits and when these show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CommitsShow {
    /// In the place of their date, which the pusher chose, and not of their push.
    pub(super) by_date: bool,
    /// So long after the push.
    pub(super) after: SignedDuration,
}

impl Event {
    /// The commit that was pushed, where that is what happened.
    pub(super) fn commit(&self) -> Option<&str> {
        if let EventKind::Committed(sha) = &self.kind { Some(sha) } else { None }
    }
}

impl IssueRecord {
    /// Its events as a timeline has them.
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
            // What has the same time keeps its order.
            events.sort_by_key(|event| date(event));
        }
        events
    }
}
