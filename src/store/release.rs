//! The stored form of entries and release states, and their invariants.

use std::sync::Arc;

use crate::domain::{AttemptId, AttemptPhase, Entry, EntryKind, ReleaseState, RepoId, RunId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::StoreError;

/// The version of every value that this program writes.
const VALUE_VERSION: u64 = 1;

/// A release state, and the number of the last entry in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReleaseSnapshot {
    pub(super) seq: u64,
    pub(super) state: Arc<ReleaseState>,
}

/// The stored form of one repository's ledger.
pub(super) struct Stored {
    pub(super) snapshot: Option<Vec<u8>>,
    /// The entries after the snapshot.
    pub(super) tail: Vec<(u64, Vec<u8>)>,
    /// The number of the last entry; 0 if there is none.
    pub(super) last: u64,
}

impl Stored {
    /// The current release state, and the number of the snapshot's last entry.
    pub(super) fn fold(&self, repo: RepoId) -> Result<(ReleaseSnapshot, u64), StoreError> {
        let broken = |what: String| StoreError::Broken { repo, what };
        let mut folded: ReleaseSnapshot = match &self.snapshot {
            Some(bytes) => {
                decode(bytes).map_err(|why| broken(format!("its release state: {why}")))?
            }
            None => ReleaseSnapshot::default(),
        };
        let from = folded.seq;
        for (seq, bytes) in &self.tail {
            if *seq != folded.seq.saturating_add(1) {
                return Err(broken(format!("after entry {} comes {seq}", folded.seq)));
            }
            let entry: Entry =
                decode(bytes).map_err(|why| broken(format!("its entry {seq}: {why}")))?;
            Arc::make_mut(&mut folded.state).apply(&entry);
            folded.seq = *seq;
        }
        if folded.seq != self.last {
            return Err(broken(format!(
                "its release state ends with entry {}, its history with {}",
                folded.seq, self.last
            )));
        }
        check_state(&folded.state).map_err(broken)?;
        Ok((folded, from))
    }
}

/// The stored form of a snapshot, decoded once to verify it.
pub(super) fn encode_snapshot(snapshot: &ReleaseSnapshot) -> Result<Vec<u8>, String> {
    let bytes = encode(snapshot)?;
    if decode::<ReleaseSnapshot>(&bytes)? == *snapshot {
        Ok(bytes)
    } else {
        Err("a release state does not read as it was written".into())
    }
}

/// The stored form of an entry, decoded once to verify it.
pub(super) fn encode_entry(entry: &Entry) -> Result<Vec<u8>, String> {
    let bytes = encode(entry)?;
    if decode::<Entry>(&bytes)? == *entry {
        Ok(bytes)
    } else {
        Err("an entry does not read as it was written".into())
    }
}

/// The stored form of any value: versioned JSON.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    #[derive(Serialize)]
    struct Encoded<'a, T> {
        v: u64,
        value: &'a T,
    }
    serde_json::to_vec(&Encoded { v: VALUE_VERSION, value }).map_err(|error| error.to_string())
}

/// Decodes the stored form of any value.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Decoded<T> {
        v: u64,
        value: T,
    }
    let versioned: Decoded<T> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if versioned.v == VALUE_VERSION {
        Ok(versioned.value)
    } else {
        Err(format!("its version is {}, not {VALUE_VERSION}", versioned.v))
    }
}

/// The preconditions for adding `entry` to `state`.
pub(super) fn check_entry(state: &ReleaseState, entry: &Entry) -> Result<(), String> {
    match &entry.kind {
        EntryKind::AttemptBegun { attempt } => {
            if state.attempt(&attempt.id).is_some() {
                return Err(format!("there already is an attempt {}", attempt.id));
            }
            match state.open_attempts().next() {
                Some(open) => Err(format!(
                    "attempt {} begins while attempt {} has no outcome",
                    attempt.id, open.begun.id
                )),
                None => Ok(()),
            }
        }
        EntryKind::AttemptMarked { id, mark: _ } => {
            let attempt = known(state, id)?;
            if attempt.phase == AttemptPhase::Intent {
                Ok(())
            } else {
                Err(format!("attempt {id} is marked after its dispatch"))
            }
        }
        EntryKind::AttemptSending { id } => {
            let attempt = known(state, id)?;
            if attempt.phase == AttemptPhase::Intent && attempt.mark.is_some() {
                Ok(())
            } else {
                Err(format!("attempt {id} is sent without a mark, or twice"))
            }
        }
        EntryKind::AttemptRun { id, run, late: _ } => {
            known(state, id)?;
            match state.attempt_of(*run).filter(|owner| owner.begun.id != *id) {
                Some(owner) => Err(two_owners(*run, &owner.begun.id, id)),
                None => Ok(()),
            }
        }
        EntryKind::AttemptAccepted { id }
        | EntryKind::AttemptAbsent { id }
        | EntryKind::AttemptClosed { id, outcome: _ } => known(state, id).map(|_| ()),
        EntryKind::Governed { .. }
        | EntryKind::Recovered { .. }
        | EntryKind::Identity { .. }
        | EntryKind::MergeQueueSeen
        | EntryKind::Candidate { .. }
        | EntryKind::Decided { .. }
        | EntryKind::ApprovalCounted { .. }
        | EntryKind::RunSeen { .. }
        | EntryKind::AttemptAdopted { .. }
        | EntryKind::Operator(_)
        | EntryKind::RangeFailed { .. }
        | EntryKind::StatusWritten { .. }
        | EntryKind::StatusRefused { .. }
        | EntryKind::StatusForged { .. }
        | EntryKind::HealthChecked { .. }
        | EntryKind::Issue(_) => Ok(()),
    }
}

/// The invariants of every release state: attempt ids are unique, and a run has one owner.
pub(super) fn check_state(state: &ReleaseState) -> Result<(), String> {
    let mut ids = std::collections::BTreeSet::new();
    let mut owners = std::collections::BTreeMap::new();
    for attempt in &state.attempts {
        let id = &attempt.begun.id;
        if !ids.insert(id) {
            return Err(format!("two attempts are called {id}"));
        }
        if let Some(run) = attempt.run
            && let Some(owner) = owners.insert(run, id)
        {
            return Err(two_owners(run, owner, id));
        }
    }
    for (id, run) in &state.runs {
        if run.id != *id {
            return Err(format!("run {} is kept as run {id}", run.id));
        }
    }
    Ok(())
}

fn known<'a>(
    state: &'a ReleaseState,
    id: &AttemptId,
) -> Result<&'a crate::domain::Attempt, String> {
    state.attempt(id).ok_or_else(|| format!("there is no attempt {id}"))
}

fn two_owners(run: RunId, one: &AttemptId, other: &AttemptId) -> String {
    format!("run {run} belongs to attempt {one}, and would belong to attempt {other}")
}
