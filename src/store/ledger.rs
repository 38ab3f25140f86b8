//! The ledger of one repository, and the proof values that only it can create.

use std::sync::Arc;

use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use crate::domain::{Entry, EntryKind, Mark, NewAttempt, ReleaseState, RepoId};

use super::error::{Fault, StoreError};
use super::operator_actions;
use super::proofs::{MarkedIntent, RecordedIntent, Sending};
use super::release::{self, ReleaseSnapshot, Stored};
use super::schema::{LEDGER, NAMES, RELEASE};
use super::writer::EngineHandle;

/// Number of entries after which the release state is written again. In between, it is computed
/// from the last snapshot and the entries since, because a state may be large and an entry is
/// small.
const SNAPSHOT_EVERY: u64 = 64;
/// Maximum number of attempts to record while operators append actions concurrently.
const MOST_TRIES: usize = 8;

/// The ledger of one repository: the release state that its entries add up to, and the only way
/// to record more.
pub struct Ledger {
    hand: Arc<EngineHandle>,
    repo: RepoId,
    now: ReleaseSnapshot,
    /// The last entry included in the stored snapshot.
    snapshot_seq: u64,
    /// Set while it is unknown whether memory and file agree.
    stale: bool,
    /// Whether records are written to the file.
    is_kept: bool,
}

impl Ledger {
    /// Loads the ledger of `repo`.
    pub(super) async fn load(hand: Arc<EngineHandle>, repo: RepoId) -> Result<Self, StoreError> {
        let (now, snapshot_seq) = read(&hand, repo).await?;
        Ok(Self { hand, repo, now, snapshot_seq, stale: false, is_kept: true })
    }

    /// A copy whose records change only its own release state and are never written, for
    /// simulations.
    #[must_use]
    pub fn in_memory(&self) -> Self {
        Self {
            hand: Arc::clone(&self.hand),
            repo: self.repo,
            now: self.now.clone(),
            snapshot_seq: self.snapshot_seq,
            stale: false,
            is_kept: false,
        }
    }

    #[must_use]
    pub const fn repo(&self) -> RepoId {
        self.repo
    }

    /// The number of entries ever recorded. Pruning does not decrease it.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.now.seq
    }

    /// The release state.
    #[must_use]
    pub fn state(&self) -> &ReleaseState {
        &self.now.state
    }

    /// The release state, as a shared snapshot.
    #[must_use]
    pub fn shared_state(&self) -> Arc<ReleaseState> {
        Arc::clone(&self.now.state)
    }

    /// Appends entries, all or none. They are on disk when this returns. Actions that operators
    /// appended meanwhile ([`super::Store::append_words`]) come first.
    ///
    /// # Errors
    /// An I/O error. It is then unknown whether the entries were written, so the caller must
    /// not act on them. The state is read from the file again, now or before the next record.
    /// [`StoreError::Moved`] if it turns out to differ from the state that the caller saw.
    pub async fn record(&mut self, at: Timestamp, kinds: Vec<EntryKind>) -> Result<(), StoreError> {
        if kinds.is_empty() {
            return Ok(());
        }
        self.be_certain().await?;
        // Actions stored under this name enter the ledger with its first entry.
        let is_named = kinds.iter().any(|kind| matches!(kind, EntryKind::Governed { .. }));
        for _ in 0..MOST_TRIES {
            match self.record_once(at, kinds.clone()).await {
                Err(StoreError::Moved { .. }) if self.catch_up().await? => {}
                Ok(()) if is_named => return self.catch_up().await.map(drop),
                recorded => return recorded,
            }
        }
        Err(StoreError::Moved { repo: self.repo })
    }

    /// Loads the actions that operators appended since the ledger was read. Returns false if
    /// anything else was recorded, too: the state is then the one in the file, not the one the
    /// caller saw.
    ///
    /// # Errors
    /// An I/O error, or [`StoreError::Broken`].
    pub async fn catch_up(&mut self) -> Result<bool, StoreError> {
        if !self.is_kept {
            return Ok(true);
        }
        if self.stale {
            self.reload().await?;
            return Ok(false);
        }
        let (repo, after) = (self.repo, self.now.seq);
        let tail = self.hand.run(move |engine| engine.read(|read| tail(read, repo, after))).await?;
        let mut next = self.now.clone();
        for (seq, bytes) in tail {
            let entry: Entry = release::decode(&bytes).map_err(|what| self.broken(what))?;
            if !matches!(entry.kind, EntryKind::Operator(_)) {
                self.reload().await?;
                return Ok(false);
            }
            Arc::make_mut(&mut next.state).apply(&entry);
            next.seq = seq;
        }
        self.now = next;
        Ok(true)
    }

    async fn record_once(
        &mut self,
        at: Timestamp,
        kinds: Vec<EntryKind>,
    ) -> Result<(), StoreError> {
        let (record, next) = self.prepare(at, kinds).map_err(|what| self.broken(what))?;
        if !self.is_kept {
            self.now = next;
            return Ok(());
        }
        let snapshot_seq = if record.snapshot.is_some() { next.seq } else { self.snapshot_seq };
        // This must also hold if this future is dropped before it completes.
        self.stale = true;
        match self.hand.record(record).await {
            Ok(()) => {
                self.now = next;
                self.snapshot_seq = snapshot_seq;
                self.stale = false;
                Ok(())
            }
            // Nothing was written, so the state in memory is still valid.
            Err(error @ StoreError::Moved { .. }) => {
                self.stale = false;
                Err(error)
            }
            Err(error) => {
                self.reload().await.ok();
                Err(error)
            }
        }
    }

    /// Records that `attempt` begins, before any request of it is sent.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub async fn record_intent(
        &mut self,
        at: Timestamp,
        attempt: NewAttempt,
    ) -> Result<RecordedIntent, StoreError> {
        if !self.is_kept {
            return Err(self.broken("an intent needs a ledger that is kept".to_owned()));
        }
        self.record(at, vec![EntryKind::AttemptBegun { attempt: attempt.clone() }]).await?;
        Ok(RecordedIntent { repo: self.repo, attempt })
    }

    /// Records that GitHub accepted the mark of an intent.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub async fn record_mark(
        &mut self,
        at: Timestamp,
        intent: RecordedIntent,
        mark: Mark,
    ) -> Result<MarkedIntent, StoreError> {
        let RecordedIntent { repo, attempt } = intent;
        self.check_owner(repo)?;
        let id = attempt.id.clone();
        self.record(at, vec![EntryKind::AttemptMarked { id, mark: mark.clone() }]).await?;
        Ok(MarkedIntent { repo, attempt, mark })
    }

    /// Records that the dispatch request is about to be sent.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub async fn record_sending(
        &mut self,
        at: Timestamp,
        marked: MarkedIntent,
    ) -> Result<Sending, StoreError> {
        let MarkedIntent { repo, attempt, mark } = marked;
        self.check_owner(repo)?;
        self.record(at, vec![EntryKind::AttemptSending { id: attempt.id.clone() }]).await?;
        Ok(Sending { attempt, mark })
    }

    /// Reads the file again if it may differ from the state in memory.
    async fn be_certain(&mut self) -> Result<(), StoreError> {
        if !self.stale {
            return Ok(());
        }
        let seen = self.now.seq;
        self.reload().await?;
        if self.now.seq == seen { Ok(()) } else { Err(StoreError::Moved { repo: self.repo }) }
    }

    async fn reload(&mut self) -> Result<(), StoreError> {
        let (now, snapshot_seq) = read(&self.hand, self.repo).await?;
        self.now = now;
        self.snapshot_seq = snapshot_seq;
        self.stale = false;
        Ok(())
    }

    fn prepare(
        &self,
        at: Timestamp,
        kinds: Vec<EntryKind>,
    ) -> Result<(Record, ReleaseSnapshot), String> {
        let mut next = self.now.clone();
        let mut rows = Vec::with_capacity(kinds.len());
        let mut names = Vec::new();
        for kind in kinds {
            if let EntryKind::Governed { name } = &kind {
                names.push(name.to_string().to_ascii_lowercase());
            }
            let entry = Entry { at, kind };
            release::check_entry(&next.state, &entry)?;
            Arc::make_mut(&mut next.state).apply(&entry);
            next.seq = next.seq.saturating_add(1);
            rows.push(release::encode_entry(&entry)?);
        }
        release::check_state(&next.state)?;
        let due = self.is_kept && next.seq.saturating_sub(self.snapshot_seq) >= SNAPSHOT_EVERY;
        let snapshot = if due { Some(release::encode_snapshot(&next)?) } else { None };
        let record = Record { repo: self.repo, after: self.now.seq, rows, names, snapshot };
        Ok((record, next))
    }

    fn check_owner(&self, repo: RepoId) -> Result<(), StoreError> {
        if repo == self.repo {
            Ok(())
        } else {
            Err(self.broken(format!("it is given an attempt of repository {repo}")))
        }
    }

    fn broken(&self, what: String) -> StoreError {
        StoreError::Broken { repo: self.repo, what }
    }
}

/// Entries to be appended to the file.
pub(super) struct Record {
    repo: RepoId,
    /// The number of the last entry that the caller has seen.
    after: u64,
    rows: Vec<Vec<u8>>,
    names: Vec<String>,
    snapshot: Option<Vec<u8>>,
}

impl Record {
    /// Appends the entries. The inner error refuses only this record, not the whole
    /// transaction.
    pub(super) fn append(&self, write: &WriteTransaction) -> Result<Result<(), StoreError>, Fault> {
        let repo = self.repo.get();
        let mut ledger = write.open_table(LEDGER)?;
        let last = last(&ledger, repo)?;
        if self.after != last {
            return Ok(Err(StoreError::Moved { repo: self.repo }));
        }
        for (seq, row) in (last.saturating_add(1)..).zip(&self.rows) {
            ledger.insert((repo, seq), row.as_slice())?;
        }
        if !self.names.is_empty() {
            let mut names = write.open_table(NAMES)?;
            for name in &self.names {
                names.insert(name.as_str(), repo)?;
            }
        }
        drop(ledger);
        if let Some(snapshot) = &self.snapshot {
            write.open_table(RELEASE)?.insert(repo, snapshot.as_slice())?;
        }
        for name in &self.names {
            operator_actions::take_kept(write, name, self.repo)?;
        }
        Ok(Ok(()))
    }
}

async fn read(hand: &EngineHandle, repo: RepoId) -> Result<(ReleaseSnapshot, u64), StoreError> {
    let stored = hand.run(move |engine| engine.read(|read| stored(read, repo))).await?;
    stored.fold(repo)
}

fn stored(read: &ReadTransaction, repo: RepoId) -> Result<Stored, Fault> {
    stored_in(&read.open_table(RELEASE)?, &read.open_table(LEDGER)?, repo)
}

/// Reads the stored form of a repository's ledger from the two tables.
pub(super) fn stored_in(
    states: &impl ReadableTable<u64, &'static [u8]>,
    ledger: &impl ReadableTable<(u64, u64), &'static [u8]>,
    repo: RepoId,
) -> Result<Stored, Fault> {
    let snapshot = states.get(repo.get())?.map(|bytes| bytes.value().to_vec());
    let from = match &snapshot {
        Some(bytes) => {
            release::decode::<SnapshotSeq>(bytes)
                .map_err(|what| StoreError::Broken {
                    repo,
                    what: format!("its release state: {what}"),
                })?
                .seq
        }
        None => 0,
    };
    let tail = rows_after(ledger, repo, from)?;
    Ok(Stored { snapshot, tail, last: last(ledger, repo.get())? })
}

fn tail(read: &ReadTransaction, repo: RepoId, after: u64) -> Result<Vec<(u64, Vec<u8>)>, Fault> {
    rows_after(&read.open_table(LEDGER)?, repo, after)
}

/// The stored entries with a number above `after`.
fn rows_after(
    ledger: &impl ReadableTable<(u64, u64), &'static [u8]>,
    repo: RepoId,
    after: u64,
) -> Result<Vec<(u64, Vec<u8>)>, Fault> {
    let mut rows = Vec::new();
    for row in ledger.range((repo.get(), after.saturating_add(1))..=(repo.get(), u64::MAX))? {
        let (key, bytes) = row?;
        rows.push((key.value().1, bytes.value().to_vec()));
    }
    Ok(rows)
}

#[derive(serde::Deserialize)]
struct SnapshotSeq {
    seq: u64,
}

fn last(ledger: &impl ReadableTable<(u64, u64), &'static [u8]>, repo: u64) -> Result<u64, Fault> {
    Ok(last_row(ledger, repo)?.map_or(0, |(number, _)| number))
}

/// The last entry in its stored form, and its number.
pub(super) fn last_row(
    ledger: &impl ReadableTable<(u64, u64), &'static [u8]>,
    repo: u64,
) -> Result<Option<(u64, Vec<u8>)>, Fault> {
    let Some(row) = ledger.range((repo, 0)..=(repo, u64::MAX))?.next_back() else {
        return Ok(None);
    };
    let (key, bytes) = row?;
    Ok(Some((key.value().1, bytes.value().to_vec())))
}
