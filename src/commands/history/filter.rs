//! Which entries of a ledger are asked for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    AttemptId, Entry, EntryKind, IssueStep, KnownRun, Login, Operator, OperatorWord, ReleaseState,
    RunId, Sha, ShaPrefix,
};

/// What an entry is about, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryGroup {
    /// A decision that changed.
    Decision,
    /// An attempt to deploy, up to its run.
    Attempt,
    /// How an attempt ended.
    Outcome,
    /// What an operator said.
    Word,
    /// A commit status: written, refused or forged.
    Status,
    /// A failure issue.
    Issue,
    /// What the signals say of production.
    Health,
    /// A deploy run.
    Run,
    /// The candidate.
    Candidate,
    /// A comparison that GitHub failed.
    Range,
    /// The repository, and who we are there.
    Repository,
}

impl EntryGroup {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Decision,
        Self::Attempt,
        Self::Outcome,
        Self::Word,
        Self::Status,
        Self::Issue,
        Self::Health,
        Self::Run,
        Self::Candidate,
        Self::Range,
        Self::Repository,
    ];

    /// As people type it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Attempt => "attempt",
            Self::Outcome => "outcome",
            Self::Word => "word",
            Self::Status => "status",
            Self::Issue => "issue",
            Self::Health => "health",
            Self::Run => "run",
            Self::Candidate => "candidate",
            Self::Range => "range",
            Self::Repository => "repository",
        }
    }

    /// The group of an entry.
    #[must_use]
    pub const fn of(kind: &EntryKind) -> Self {
        match kind {
            EntryKind::Decided { .. } => Self::Decision,
            EntryKind::AttemptBegun { .. }
            | EntryKind::AttemptMarked { .. }
            | EntryKind::AttemptSending { .. }
            | EntryKind::AttemptAccepted { .. }
            | EntryKind::AttemptAbsent { .. }
            | EntryKind::AttemptRun { .. }
            | EntryKind::AttemptAdopted { .. } => Self::Attempt,
            EntryKind::AttemptClosed { .. } => Self::Outcome,
            EntryKind::Operator(_) => Self::Word,
            EntryKind::StatusWritten { .. }
            | EntryKind::StatusRefused { .. }
            | EntryKind::StatusForged { .. } => Self::Status,
            EntryKind::Issue(_) => Self::Issue,
            EntryKind::HealthChecked { .. } => Self::Health,
            EntryKind::RunSeen { .. } => Self::Run,
            EntryKind::Candidate { .. } => Self::Candidate,
            EntryKind::RangeFailed { .. } => Self::Range,
            EntryKind::Governed { .. }
            | EntryKind::Recovered { .. }
            | EntryKind::Identity { .. }
            | EntryKind::MergeQueueSeen => Self::Repository,
        }
    }
}

/// Which entries are asked for; what is empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// Of one of these groups.
    pub kinds: Vec<EntryGroup>,
    /// About this commit.
    pub sha: Option<ShaPrefix>,
    /// Said, or written, by this person.
    pub by: Option<String>,
}

impl Filter {
    /// Whether the entry is asked for. `about` is what the ledger knows of the commit.
    pub(super) fn takes(&self, entry: &Entry, about: Option<&About>) -> bool {
        self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at <= until)
            && (self.kinds.is_empty() || self.kinds.contains(&EntryGroup::of(&entry.kind)))
            && about.is_none_or(|about| about.concerns(&entry.kind))
            && self.by.as_ref().is_none_or(|by| is_by(&entry.kind, by))
    }
}

/// A commit, and the attempts and runs that deployed it: most entries name these alone.
pub(super) struct About {
    sha: ShaPrefix,
    attempts: BTreeSet<AttemptId>,
    runs: BTreeSet<RunId>,
}

impl About {
    pub(super) fn of(sha: &ShaPrefix, release: &ReleaseState) -> Self {
        let attempts = release.attempts.iter().filter(|one| one.begun.sha.starts_with(sha));
        let is_its = |run: &&KnownRun| run.attribution.sha().is_some_and(|of| of.starts_with(sha));
        Self {
            sha: sha.clone(),
            attempts: attempts.map(|one| one.begun.id.clone()).collect(),
            runs: release
                .runs
                .values()
                .map(|run| &**run)
                .filter(is_its)
                .map(|run| run.id)
                .collect(),
        }
    }

    fn concerns(&self, kind: &EntryKind) -> bool {
        let is_it = |sha: &Sha| sha.starts_with(&self.sha);
        match kind {
            EntryKind::Candidate { sha } => sha.as_ref().is_some_and(is_it),
            EntryKind::Decided { sha, .. }
            | EntryKind::StatusWritten { sha, .. }
            | EntryKind::StatusRefused { sha, .. }
            | EntryKind::StatusForged { sha, .. } => is_it(sha),
            EntryKind::RangeFailed { base, head, .. } => is_it(base) || is_it(head),
            EntryKind::RunSeen { run } => {
                run.attribution.sha().is_some_and(is_it) || self.runs.contains(&run.id)
            }
            EntryKind::AttemptBegun { attempt } => is_it(&attempt.sha),
            EntryKind::AttemptAdopted { attempt } => is_it(&attempt.begun.sha),
            EntryKind::AttemptMarked { id, .. }
            | EntryKind::AttemptSending { id }
            | EntryKind::AttemptAccepted { id }
            | EntryKind::AttemptAbsent { id }
            | EntryKind::AttemptRun { id, .. }
            | EntryKind::AttemptClosed { id, .. } => self.attempts.contains(id),
            EntryKind::Recovered { attempts, .. } => {
                attempts.iter().any(|attempt| is_it(&attempt.begun.sha))
            }
            EntryKind::Operator(word) => sha_of_word(word).is_some_and(is_it),
            EntryKind::HealthChecked { run, .. } => {
                run.is_some_and(|run| self.runs.contains(&run.id))
            }
            EntryKind::Issue(step) => sha_of_issue(step).is_some_and(is_it),
            EntryKind::Governed { .. } | EntryKind::Identity { .. } | EntryKind::MergeQueueSeen => {
                false
            }
        }
    }
}

const fn sha_of_word(word: &OperatorWord) -> Option<&Sha> {
    match word {
        OperatorWord::Approved { approval } => Some(&approval.sha),
        OperatorWord::ProductionSet { sha, .. } | OperatorWord::Triggered { sha, .. } => Some(sha),
        OperatorWord::Paused { .. } | OperatorWord::Resumed { .. } => None,
    }
}

const fn sha_of_issue(step: &IssueStep) -> Option<&Sha> {
    match step {
        IssueStep::Intent { sha, .. }
        | IssueStep::Written { sha, .. }
        | IssueStep::RecoveryIntent { sha }
        | IssueStep::RecoveryWritten { sha } => Some(sha),
        IssueStep::Unavailable { .. } => None,
    }
}

fn is_by(kind: &EntryKind, by: &str) -> bool {
    let by = by.trim();
    match kind {
        EntryKind::Operator(word) => is_operator(operator(word), by),
        EntryKind::StatusForged { by: writer, .. } => {
            writer.as_ref().is_some_and(|login| *login == Login::from(by))
        }
        EntryKind::Governed { .. }
        | EntryKind::Recovered { .. }
        | EntryKind::Identity { .. }
        | EntryKind::MergeQueueSeen
        | EntryKind::Candidate { .. }
        | EntryKind::Decided { .. }
        | EntryKind::RunSeen { .. }
        | EntryKind::AttemptBegun { .. }
        | EntryKind::AttemptMarked { .. }
        | EntryKind::AttemptSending { .. }
        | EntryKind::AttemptAccepted { .. }
        | EntryKind::AttemptAbsent { .. }
        | EntryKind::AttemptRun { .. }
        | EntryKind::AttemptClosed { .. }
        | EntryKind::AttemptAdopted { .. }
        | EntryKind::RangeFailed { .. }
        | EntryKind::StatusWritten { .. }
        | EntryKind::StatusRefused { .. }
        | EntryKind::HealthChecked { .. }
        | EntryKind::Issue(_) => false,
    }
}

const fn operator(word: &OperatorWord) -> &Operator {
    match word {
        OperatorWord::Approved { approval } => &approval.by,
        OperatorWord::Paused { by, .. }
        | OperatorWord::Resumed { by }
        | OperatorWord::ProductionSet { by, .. }
        | OperatorWord::Triggered { by, .. } => by,
    }
}

/// By the name that they gave, or by the account: `alice`, `1000` or `uid 1000`.
fn is_operator(operator: &Operator, by: &str) -> bool {
    let same = |text: &str| text.to_lowercase() == by.to_lowercase();
    let peer = operator.peer.as_str();
    operator.name.as_deref().is_some_and(same)
        || same(peer)
        || peer.split(' ').skip(1).any(same)
        || peer.rsplit_once(' ').is_some_and(|(uid, _)| same(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind) -> Entry {
        Entry { at: "2026-11-01T12:00:00Z".parse().unwrap(), kind }
    }

    fn word(name: Option<&str>) -> Entry {
        let by = Operator { peer: "uid 1000 alice".into(), name: name.map(str::to_owned) };
        entry(EntryKind::Operator(OperatorWord::Resumed { by }))
    }

    #[test]
    fn a_person_is_known_by_name_account_and_uid() {
        let by = |by: &str| Filter { by: Some(by.to_owned()), ..Filter::default() };
        for name in ["ada", "Ada", "alice", "1000", "uid 1000", "uid 1000 alice"] {
            assert!(by(name).takes(&word(Some("ada")), None), "{name}");
        }
        for name in ["ad", "uid", "bob", "100", ""] {
            assert!(!by(name).takes(&word(Some("ada")), None), "{name}");
        }
        assert!(!by("ada").takes(&word(None), None));
        assert!(!by("ada").takes(&entry(EntryKind::MergeQueueSeen), None));
    }

    #[test]
    fn what_is_since_until_or_of_a_kind_is_taken() {
        let at = |text: &str| Some(text.parse().unwrap());
        let one = word(None);
        let all = Filter::default();
        assert!(all.takes(&one, None));
        let noon = at("2026-11-01T12:00:00Z");
        assert!(Filter { since: noon, until: noon, ..all.clone() }.takes(&one, None));
        let (later, earlier) = (at("2026-11-01T12:00:01Z"), at("2026-11-01T11:59:59Z"));
        assert!(!Filter { since: later, ..all.clone() }.takes(&one, None));
        assert!(!Filter { until: earlier, ..all.clone() }.takes(&one, None));
        let kinds = vec![EntryGroup::Decision, EntryGroup::Word];
        assert!(Filter { kinds, ..all.clone() }.takes(&one, None));
        assert!(!Filter { kinds: vec![EntryGroup::Decision], ..all }.takes(&one, None));
    }
}
