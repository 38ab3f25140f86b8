//! The store: a redb file with everything the governor remembers.
//!
//! One process owns the file. A record is on disk before anything acts on it. Caches are
//! written asynchronously, and losing them is harmless. A file that is unreadable or newer than
//! this program is an error and is not modified.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::beside_others;
use crate::domain::{Entry, OperatorAction, RepoId, RepoName};

mod disk;
mod engine;
mod error;
mod etags;
mod facts;
mod file;
mod history;
mod ledger;
mod lru;
mod lru_indexes;
mod operator_actions;
mod packed;
mod proofs;
mod release;
mod remembered;
mod schema;
mod views;
mod writer;

pub use disk::MemoryDisk;
pub use error::StoreError;
pub use etags::AnswerCache;
pub use ledger::Ledger;
pub use lru::CachePut;
pub use operator_actions::WordTime;
pub use proofs::{MarkedIntent, RecordedIntent, Sending};

use engine::{Engine, StorageLocation, WriteTrouble};
use operator_actions::Whose;
use writer::EngineHandle;

/// Options for opening the store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// The size of redb's page cache, in bytes.
    pub cache_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 1 << 20 }
    }
}

/// The store. Clones share the same underlying store.
#[derive(Clone)]
pub struct Store {
    hand: Arc<EngineHandle>,
    answers: Arc<AnswerCache>,
    trouble: WriteTrouble,
}

impl Store {
    /// Opens the store in `dir`, and creates the directory and the store if they do not exist.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] if another process has it open. [`StoreError::NewerSchema`]
    /// or [`StoreError::Unreadable`] if it cannot be used; it is not modified. Otherwise an I/O
    /// error.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        file::make_dir(dir)?;
        let path = dir.join(file::FILE);
        let place = StorageLocation::File { path: path.clone(), cache_bytes: options.cache_bytes };
        let answers = Arc::new(AnswerCache::new());
        let mut engine = Engine::new(place, Arc::clone(&answers));
        engine.start()?;
        let trouble = engine.trouble();
        let hand = EngineHandle::thread(engine)
            .map_err(|error| StoreError::io("start a thread for", &path, &error))?;
        Ok(Self::of(hand, answers, trouble))
    }

    /// Whether there is a store in `dir`.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        // If this is unknown, opening the store reports the reason.
        dir.join(file::FILE).try_exists().unwrap_or(true)
    }

    /// A store in memory, lost when the process ends. All work happens synchronously in the
    /// calling thread.
    #[must_use]
    pub fn in_memory() -> Self {
        let answers = Arc::new(AnswerCache::new());
        let engine = Engine::new(Self::memory(&MemoryDisk::new()), Arc::clone(&answers));
        let trouble = engine.trouble();
        Self::of(EngineHandle::inline(engine), answers, trouble)
    }

    /// A store on an in-memory disk, which may already contain one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn in_memory_on(disk: &MemoryDisk) -> Result<Self, StoreError> {
        let answers = Arc::new(AnswerCache::new());
        let mut engine = Engine::new(Self::memory(disk), Arc::clone(&answers));
        engine.start()?;
        let trouble = engine.trouble();
        Ok(Self::of(EngineHandle::inline(engine), answers, trouble))
    }

    fn memory(disk: &MemoryDisk) -> StorageLocation {
        StorageLocation::Memory {
            disk: disk.clone(),
            cache_bytes: StoreOptions::default().cache_bytes,
        }
    }

    fn of(hand: EngineHandle, answers: Arc<AnswerCache>, trouble: WriteTrouble) -> Self {
        let hand = Arc::new(hand);
        answers.announce_to(&hand);
        Self { hand, answers, trouble }
    }

    /// The error of the last write, or `None` if it succeeded. A file store retries while idle.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        self.trouble.get()
    }

    /// The ledger of a repository; empty if there is none yet.
    ///
    /// # Errors
    /// An I/O error, or [`StoreError::Broken`].
    pub async fn ledger(&self, repo: RepoId) -> Result<Ledger, StoreError> {
        Ledger::load(Arc::clone(&self.hand), repo).await
    }

    /// Appends operators' actions to a repository's ledger. This works even while a pass holds
    /// a [`Ledger`]: the pass picks them up with its next record. The actions are on disk when
    /// this returns. Returns the time they are recorded under, which is never before the
    /// ledger's last entry.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn append_words(
        &self,
        repo: RepoId,
        time: WordTime,
        words: Vec<OperatorAction>,
    ) -> Result<Timestamp, StoreError> {
        let whose = Whose::Repository(repo);
        self.hand.run(move |engine| engine.append_words(&whose, time, &words)).await
    }

    /// Like [`Self::append_words`], by the repository's name. If no repository has been
    /// governed under that name yet, the actions are stored and enter the ledger with its first
    /// entry.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn append_words_by_name(
        &self,
        name: &RepoName,
        time: WordTime,
        words: Vec<OperatorAction>,
    ) -> Result<Timestamp, StoreError> {
        let whose = Whose::Name(folded(name));
        self.hand.run(move |engine| engine.append_words(&whose, time, &words)).await
    }

    /// The repository that was last governed under this name.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn repo_id(&self, name: &RepoName) -> Result<Option<RepoId>, StoreError> {
        let name = folded(name);
        self.hand.run(move |engine| engine.repo_id(&name)).await
    }

    /// All names under which repositories were governed, each with the repository that had it
    /// last.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn names(&self) -> Result<Vec<(RepoName, RepoId)>, StoreError> {
        self.hand.run(Engine::names).await
    }

    /// The operators' actions for a repository that no pass has reached yet, oldest first.
    ///
    /// # Errors
    /// An I/O error, or [`StoreError::PendingWords`].
    pub async fn kept_words(&self, name: &RepoName) -> Result<Vec<OperatorAction>, StoreError> {
        let name = folded(name);
        self.hand.run(move |engine| engine.kept_words(&name)).await
    }

    /// The newest ledger entries of a repository with a number below `before`, newest first: at
    /// most `limit`, and at most 1,000.
    ///
    /// # Errors
    /// An I/O error, or [`StoreError::Broken`].
    pub async fn history(
        &self,
        repo: RepoId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        self.hand.run(move |engine| engine.history(repo, before, limit)).await
    }

    /// Deletes ledger entries from before a time, except each repository's newest entry. The
    /// release state they add up to is kept. Returns the number of deleted entries.
    ///
    /// # Errors
    /// An I/O error, or [`StoreError::Broken`].
    pub async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        let repos = self.hand.run(Engine::repos).await?;
        let mut pruned: u64 = 0;
        for repo in repos {
            loop {
                let batch = self.hand.run(move |engine| engine.prune(repo, before)).await?;
                pruned = pruned.saturating_add(batch);
                if batch == 0 {
                    break;
                }
            }
        }
        Ok(pruned)
    }

    /// The cache for conditional requests.
    #[must_use]
    pub fn cache(&self) -> Arc<AnswerCache> {
        Arc::clone(&self.answers)
    }

    /// The stored fact for `key`, if it is still cached.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn fact(&self, repo: RepoId, key: &str) -> Result<Option<Value>, StoreError> {
        self.fact_of(repo, key).await
    }

    /// Like [`Self::fact`], but deserializes directly into `T`, because a fact may be large.
    /// Returns `None` for a fact that can no longer be deserialized, so that it is requested
    /// again.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn fact_of<T: DeserializeOwned>(
        &self,
        repo: RepoId,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let key = key.to_owned();
        let bytes = self.hand.run(move |engine| engine.fact(repo, &key)).await?;
        Ok(bytes.and_then(decoded))
    }

    /// Caches a fact that never changes. Facts that are used less are evicted first. Returns
    /// whether this key was evicted before.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn put_fact(
        &self,
        repo: RepoId,
        key: &str,
        value: Value,
    ) -> Result<CachePut, StoreError> {
        self.put_fact_of(repo, key, &value).await
    }

    /// Like [`Self::put_fact`], for any serializable value.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn put_fact_of<T: Serialize + Sync>(
        &self,
        repo: RepoId,
        key: &str,
        value: &T,
    ) -> Result<CachePut, StoreError> {
        let key = key.to_owned();
        let bytes = release::encode(value).map_err(|what| StoreError::Broken { repo, what })?;
        self.hand.run(move |engine| engine.put_fact(repo, &key, &bytes)).await
    }

    /// The value last stored with [`Self::remember`]. `None` if it can no longer be
    /// deserialized.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn remembered<T: DeserializeOwned>(
        &self,
        repo: RepoId,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let key = key.to_owned();
        let bytes = self.hand.run(move |engine| engine.remembered(repo, &key)).await?;
        Ok(bytes.and_then(decoded))
    }

    /// Stores a value for a repository until it is replaced. It is never evicted.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn remember<T: Serialize + Sync>(
        &self,
        repo: RepoId,
        key: &str,
        value: &T,
    ) -> Result<(), StoreError> {
        let key = key.to_owned();
        let bytes = release::encode(value).map_err(|what| StoreError::Broken { repo, what })?;
        let bytes = beside_others(bytes.len(), || packed::pack(bytes));
        self.hand.run(move |engine| engine.remember(repo, &key, &bytes)).await
    }

    /// Stores the row that `status` shows for a repository.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn put_view(&self, name: &RepoName, json: Value) -> Result<(), StoreError> {
        let name = name.clone();
        self.hand.run(move |engine| engine.put_view(&name, json)).await
    }

    /// The last stored rows, by name. Unreadable rows are omitted, and the list is empty if the
    /// disk fails: no decision depends on them.
    pub async fn views(&self) -> Vec<(RepoName, Value)> {
        self.hand.run(Engine::views).await.unwrap_or_default()
    }

    /// Writes everything, closes the file and ends the thread. The store cannot be used
    /// afterwards.
    ///
    /// # Errors
    /// An I/O error. Cached data may then be lost; records are not.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.hand.close().await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// A name as a key: GitHub compares names case-insensitively.
fn folded(name: &RepoName) -> String {
    name.to_string().to_ascii_lowercase()
}

/// Decodes a stored value, compressed or not. `None` if it can no longer be read.
fn decoded<T: DeserializeOwned>(bytes: Vec<u8>) -> Option<T> {
    beside_others(bytes.len(), || release::decode(&packed::unpack(bytes)?).ok())
}

#[cfg(test)]
mod tests;
