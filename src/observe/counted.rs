//! The verification runs that count, as they are kept, and what they say of a commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Conclusion, Run, RunId, RunOrigin, RunProgress, RunRef, Sha, Verification, VerificationRun,
};

/// A verification run that counts, with what is known of its attempts, and with what decides
/// whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRun {
    origin: RunOrigin,
    sha: Sha,
    html_url: String,
    attempts: BTreeMap<u32, Box<CountedAttempt>>,
}

/// The runs that count, by number. Boxed: a node of the map has room for eleven, and most
/// repositories have one.
pub(super) type Counted = BTreeMap<RunId, Box<CountedRun>>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CountedAttempt {
    started_at: Timestamp,
    progress: RunProgress,
    /// About when it ended; none while it is not finished.
    ended_at: Option<Timestamp>,
}

impl CountedRun {
    pub(super) const fn origin(&self) -> &RunOrigin {
        &self.origin
    }

    pub(super) const fn sha(&self) -> &Sha {
        &self.sha
    }

    /// Whether a merge queue started it.
    pub(super) fn is_queued(&self) -> bool {
        self.origin.event.is_merge_group()
    }

    fn newest(&self) -> Option<&CountedAttempt> {
        self.attempts.last_key_value().map(|(_, newest)| &**newest)
    }

    /// Whether its newest attempt is finished.
    pub(super) fn is_finished(&self) -> bool {
        self.newest().is_some_and(|newest| newest.progress.finished())
    }

    /// When its newest attempt ended, if it did.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        self.newest().and_then(|newest| newest.ended_at)
    }

    /// When its newest attempt ended, if that was a success.
    pub(super) fn passed_at(&self) -> Option<Timestamp> {
        self.newest().filter(|newest| newest.progress.succeeded()).and(self.ended_at())
    }

    /// Whether any attempt of it succeeded.
    pub(super) fn has_passed(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.progress.succeeded())
    }

    /// Whether this attempt of it is known.
    pub(super) fn has_attempt(&self, number: u32) -> bool {
        self.attempts.contains_key(&number)
    }

    /// When this run began, if it is one of `sha`.
    pub(super) fn began_for(&self, sha: &Sha) -> Option<Timestamp> {
        let first = self.attempts.first_key_value().filter(|_| self.sha == *sha)?;
        Some(first.1.started_at)
    }
}

/// Keeps a run that counts, where it stands or stood.
pub(super) fn keep_in(runs: &mut Counted, run: &Run, progress: RunProgress) {
    let counted = runs.entry(run.at.id).or_insert_with(|| {
        Box::new(CountedRun {
            origin: run.into(),
            sha: run.head_sha.clone(),
            html_url: run.html_url.clone(),
            attempts: BTreeMap::new(),
        })
    });
    let ended_at = progress.finished().then_some(run.updated_at);
    let attempt = CountedAttempt { started_at: run.started_at, progress, ended_at };
    counted.attempts.insert(run.at.attempt, Box::new(attempt));
}

/// An attempt of a run, and when it began.
struct KnownAttempt<'a> {
    at: RunRef,
    run: &'a CountedRun,
    attempt: &'a CountedAttempt,
    /// No earlier than the attempts before it began: a re-run is later than what it repeats,
    /// whatever GitHub's clocks say.
    began: Timestamp,
}

impl CountedRun {
    fn known_attempts(&self, id: RunId) -> impl Iterator<Item = KnownAttempt<'_>> {
        let mut newest = Timestamp::MIN;
        self.attempts.iter().map(move |(number, attempt)| {
            newest = newest.max(attempt.started_at);
            let at = RunRef { id, attempt: *number };
            KnownAttempt { at, run: self, attempt, began: newest }
        })
    }
}

fn attempts_of<'a>(counted: &'a Counted, sha: &Sha) -> impl Iterator<Item = KnownAttempt<'a>> {
    let runs = counted.iter().filter(move |(_, run)| run.sha == *sha);
    runs.flat_map(|(id, run)| run.known_attempts(*id))
}

/// Whether the latest finished verification of each commit succeeded.
pub(super) fn passed_by_sha(counted: &Counted) -> BTreeMap<&Sha, bool> {
    let mut latest: BTreeMap<&Sha, ((Timestamp, RunRef), bool)> = BTreeMap::new();
    for (id, run) in counted {
        for known in run.known_attempts(*id) {
            let (began, progress) = ((known.began, known.at), &known.attempt.progress);
            let is_later = latest.get(&run.sha).is_none_or(|(newest, _)| *newest < began);
            if progress.finished() && is_later {
                latest.insert(&run.sha, (began, progress.succeeded()));
            }
        }
    }
    latest.into_iter().map(|(sha, (_, passed))| (sha, passed)).collect()
}

/// How the latest finished verification of this commit ended, if there is one.
pub(super) fn latest_finished<'a>(counted: &'a Counted, sha: &Sha) -> Option<&'a RunProgress> {
    attempts_of(counted, sha)
        .filter(|known| known.attempt.progress.finished())
        .max_by_key(|known| (known.began, known.at))
        .map(|known| &known.attempt.progress)
}

/// The latest attempt of the runs of this commit, finished or not (design, section 2).
pub(super) fn latest_run(counted: &Counted, sha: &Sha) -> Option<RunRef> {
    latest(counted, sha).map(|known| known.at)
}

fn latest<'a>(counted: &'a Counted, sha: &Sha) -> Option<KnownAttempt<'a>> {
    attempts_of(counted, sha).max_by_key(|known| (known.began, known.at))
}

/// What the runs that are known say of `sha`.
pub(super) fn verification_of(counted: &Counted, sha: &Sha) -> Verification {
    let Some(KnownAttempt { at, run, attempt, began: started_at }) = latest(counted, sha) else {
        return Verification::None;
    };
    let run = VerificationRun { at, started_at, html_url: run.html_url.clone() };
    match &attempt.progress {
        RunProgress::Unfinished(_) => Verification::Running(run),
        RunProgress::Finished(Conclusion::Success) => Verification::Passed(run),
        RunProgress::Finished(other) => Verification::Failed(run, other.clone()),
    }
}

/// When the re-runs and the manual runs of the verification of `sha` began that succeeded.
pub(super) fn reverified_at(counted: &Counted, sha: &Sha) -> Vec<Timestamp> {
    attempts_of(counted, sha)
        .filter(|known| {
            (known.at.attempt > 1 || known.run.origin.event.is_workflow_dispatch())
                && known.attempt.progress.succeeded()
        })
        .map(|known| known.began)
        .collect()
}
