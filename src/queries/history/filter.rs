//! Which entries of a ledger are asked for: one filter and one set of words, whoever asks.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{
    AttemptId, Entry, EntryKind, KnownRun, Operator, OperatorAction, ReleaseState, RunId, Sha,
    ShaPrefix,
};

/// A word for some of the entries: what a group of kinds is about, or one kind as JSON has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EntryWord(&'static str);

/// A word that stands for no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of ledger entry")]
pub struct NoSuchEntry;

impl EntryWord {
    /// What entries are about, in one word each.
    pub const GROUPS: [Self; 12] = [
        DECISION, APPROVAL, ATTEMPT, OUTCOME, WORD, STATUS, ISSUE, HEALTH, RUN, CANDIDATE, RANGE,
        REPOSITORY,
    ];

    /// All words: the groups, and the kinds that are no group of their own.
    pub fn all() -> impl Iterator<Item = Self> {
        let kinds = EntryKind::NAMES.into_iter().map(Self);
        Self::GROUPS.into_iter().chain(kinds.filter(|kind| !kind.is_group()))
    }

    /// As people type it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether it is a group's.
    #[must_use]
    pub fn is_group(self) -> bool {
        Self::GROUPS.contains(&self)
    }

    fn takes(self, kind: &EntryKind) -> bool {
        // An operator's approval is a word as well.
        let approves = matches!(kind, EntryKind::Operator(OperatorAction::Approved { .. }));
        self == group(kind) || self.0 == kind.name() || (self == APPROVAL && approves)
    }
}

impl FromStr for EntryWord {
    type Err = NoSuchEntry;

    fn from_str(text: &str) -> Result<Self, NoSuchEntry> {
        Self::all().find(|word| word.0 == text.trim()).ok_or(NoSuchEntry)
    }
}

impl<'de> Deserialize<'de> for EntryWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A decision that changed.
const DECISION: EntryWord = EntryWord("decision");
/// An approval: an operator's word, or one that a decision rests on.
const APPROVAL: EntryWord = EntryWord("approval");
/// An attempt to deploy, up to its run.
const ATTEMPT: EntryWord = EntryWord("attempt");
/// How an attempt ended.
const OUTCOME: EntryWord = EntryWord("outcome");
/// What an operator said.
const WORD: EntryWord = EntryWord("word");
/// A commit status: written, refused or forged.
const STATUS: EntryWord = EntryWord("status");
/// A failure issue.
const ISSUE: EntryWord = EntryWord("issue");
/// What the signals say of production.
const HEALTH: EntryWord = EntryWord("health");
/// A deploy run.
const RUN: EntryWord = EntryWord("run");
/// The candidate.
const CANDIDATE: EntryWord = EntryWord("candidate");
/// A comparison that GitHub failed.
const RANGE: EntryWord = EntryWord("range");
/// The repository, and who we are there.
const REPOSITORY: EntryWord = EntryWord("repository");

/// The group of an entry.
const fn group(kind: &EntryKind) -> EntryWord {
    match kind {
        EntryKind::Decided { .. } => DECISION,
        EntryKind::ApprovalCounted { .. } => APPROVAL,
        EntryKind::AttemptBegun { .. }
        | EntryKind::AttemptMarked { .. }
        | EntryKind::AttemptSending { .. }
        | EntryKind::AttemptAccepted { .. }
        | EntryKind::AttemptAbsent { .. }
        | EntryKind::AttemptRun { .. }
        | EntryKind::AttemptAdopted { .. } => ATTEMPT,
        EntryKind::AttemptClosed { .. } => OUTCOME,
        EntryKind::Operator(_) => WORD,
        EntryKind::StatusWritten { .. }
        | EntryKind::StatusRefused { .. }
        | EntryKind::StatusForged { .. } => STATUS,
        EntryKind::Issue(_) => ISSUE,
        EntryKind::HealthChecked { .. } => HEALTH,
        EntryKind::RunSeen { .. } => RUN,
        EntryKind::Candidate { .. } => CANDIDATE,
        EntryKind::RangeFailed { .. } => RANGE,
        EntryKind::Governed { .. }
        | EntryKind::Recovered { .. }
        | EntryKind::Identity { .. }
        | EntryKind::MergeQueueSeen => REPOSITORY,
    }
}

/// Which entries are asked for; what is empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then, so that what is until a moment and what is since then are all, and nothing
    /// twice.
    pub until: Option<Timestamp>,
    /// That one of these words stands for.
    pub kinds: Vec<EntryWord>,
    /// About this commit.
    pub sha: Option<ShaPrefix>,
    /// Said, or written, by this person.
    pub by: Option<String>,
}

impl Filter {
    /// Whether no time lies between its two.
    #[must_use]
    pub fn is_never(&self) -> bool {
        matches!((self.since, self.until), (Some(since), Some(until)) if since >= until)
    }

    /// Whether the entry is asked for. `about` is what the ledger knows of the commit.
    pub(in crate::queries) fn takes(&self, entry: &Entry, about: Option<&About>) -> bool {
        self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && (self.kinds.is_empty() || self.kinds.iter().any(|word| word.takes(&entry.kind)))
            && about.is_none_or(|about| about.concerns(&entry.kind))
            && self.by.as_ref().is_none_or(|by| is_by(&entry.kind, by))
    }
}

/// A commit, and the attempts and runs that deployed it: most entries name these alone.
pub(in crate::queries) struct About {
    sha: ShaPrefix,
    attempts: BTreeSet<AttemptId>,
    runs: BTreeSet<RunId>,
}

impl About {
    pub(in crate::queries) fn of(sha: &ShaPrefix, release: &ReleaseState) -> Self {
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

    pub(in crate::queries) fn concerns(&self, kind: &EntryKind) -> bool {
        let is_it = |sha: &&Sha| sha.starts_with(&self.sha);
        kind.shas().iter().any(is_it)
            || kind.attempt().is_some_and(|id| self.attempts.contains(id))
            || matches!(kind, EntryKind::RunSeen { run } if self.runs.contains(&run.id))
            || matches!(kind, EntryKind::HealthChecked { run: Some(run), .. }
                        if self.runs.contains(&run.id))
    }
}

fn is_by(kind: &EntryKind, by: &str) -> bool {
    person(kind).is_some_and(|person| is_operator(&person, by.trim()))
}

/// Who said it, or wrote it, where a person did.
#[must_use]
pub(crate) fn said_by(kind: &EntryKind) -> Option<String> {
    person(kind).map(|person| person.display())
}

fn person(kind: &EntryKind) -> Option<Operator> {
    match kind {
        EntryKind::Operator(word) => Some(operator(word).clone()),
        EntryKind::AttemptBegun { attempt } => attempt.triggered_by.clone(),
        EntryKind::ApprovalCounted { approval, .. } => approval.by.as_deref().map(shown),
        EntryKind::StatusForged { by, .. } => by.as_ref().map(|login| shown(login.as_str())),
        EntryKind::Governed { .. }
        | EntryKind::Recovered { .. }
        | EntryKind::Identity { .. }
        | EntryKind::MergeQueueSeen
        | EntryKind::Candidate { .. }
        | EntryKind::Decided { .. }
        | EntryKind::RunSeen { .. }
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
        | EntryKind::Issue(_) => None,
    }
}

const fn operator(word: &OperatorAction) -> &Operator {
    match word {
        OperatorAction::Approved { approval } => &approval.by,
        OperatorAction::Paused { by, .. }
        | OperatorAction::Resumed { by }
        | OperatorAction::ProductionSet { by, .. }
        | OperatorAction::Triggered { by, .. } => by,
    }
}

/// A login, or an operator as [`Operator::display`] shows them.
fn shown(text: &str) -> Operator {
    let (peer, name) = match text.split_once(" (") {
        Some((name, peer)) => (peer.trim_end_matches(')'), Some(name.to_owned())),
        None => (text, None),
    };
    Operator { peer: peer.to_owned(), name }
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
        entry(EntryKind::Operator(OperatorAction::Resumed { by }))
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
        let second = at("2026-11-01T12:00:01Z");
        assert!(Filter { since: noon, until: second, ..all.clone() }.takes(&one, None));
        assert!(!Filter { until: noon, ..all.clone() }.takes(&one, None), "it is since then");
        let (later, earlier) = (at("2026-11-01T12:00:01Z"), at("2026-11-01T11:59:59Z"));
        assert!(!Filter { since: later, ..all.clone() }.takes(&one, None));
        assert!(!Filter { until: earlier, ..all.clone() }.takes(&one, None));
        let of = |words: &[&str]| Filter {
            kinds: words.iter().map(|word| word.parse().unwrap()).collect(),
            ..all.clone()
        };
        assert!(of(&["decision", "word"]).takes(&one, None));
        assert!(of(&["operator"]).takes(&one, None), "a kind of entry as JSON has it");
        assert!(!of(&["decision", "decided"]).takes(&one, None));
    }

    #[test]
    fn no_time_lies_between_a_moment_and_itself_or_an_earlier_one() {
        let of = |since: &str, until: &str| Filter {
            since: Some(since.parse().unwrap()),
            until: Some(until.parse().unwrap()),
            ..Filter::default()
        };
        let (noon, later) = ("2026-11-01T12:00:00Z", "2026-11-01T12:00:01Z");
        assert!(of(noon, noon).is_never() && of(later, noon).is_never());
        assert!(!of(noon, later).is_never() && !Filter::default().is_never());
    }

    #[test]
    fn every_word_is_known_once_and_goes_to_another_process_as_it_is() {
        let all: Vec<EntryWord> = EntryWord::all().collect();
        for word in &all {
            assert_eq!(word.as_str().parse(), Ok(*word));
            let sent = serde_json::to_string(word).unwrap();
            assert_eq!(sent, format!("\"{}\"", word.as_str()));
            assert_eq!(serde_json::from_str::<EntryWord>(&sent).unwrap(), *word);
            assert_eq!(all.iter().filter(|other| *other == word).count(), 1, "{word:?}");
        }
        assert!(EntryKind::NAMES.iter().all(|name| name.parse::<EntryWord>().is_ok()));
        assert_eq!("deploys".parse::<EntryWord>(), Err(NoSuchEntry));
    }
}
