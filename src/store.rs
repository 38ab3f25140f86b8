//! The redb file: what the governor remembers.
//!
//! One file belongs to one process. A record is on disk before anything is acted on; caches are
//! written behind, and lost without harm. A file that cannot be read, or that is newer than this
//! program, is an error and stays as it is.

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

/// How the store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How much of the file redb may hold in memory.
    pub cache_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 1 << 20 }
    }
}

/// Everything that is remembered. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    hand: Arc<EngineHandle>,
    answers: Arc<AnswerCache>,
    trouble: WriteTrouble,
}

impl Store {
    /// Opens the store in `dir`, and makes both where they lack.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] when another process has it, [`StoreError::NewerSchema`] and
    /// [`StoreError::Unreadable`] when it cannot be used (it is left as it is), and what the
    /// system says.
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
        // Where that cannot be told, opening it says why.
        dir.join(file::FILE).try_exists().unwrap_or(true)
    }

    /// A store that is gone with the process. Everything happens at once, in the caller's thread.
    #[must_use]
    pub fn in_memory() -> Self {
        let answers = Arc::new(AnswerCache::new());
        let engine = Engine::new(Self::memory(&MemoryDisk::new()), Arc::clone(&answers));
        let trouble = engine.trouble();
        Self::of(EngineHandle::inline(engine), answers, trouble)
    }

    /// The store on a disk in memory, which may hold one already.
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

    /// Why the last write failed; none once one succeeded. In a file, it is tried again while
    /// nobody writes.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        self.trouble.get()
    }

    /// The ledger of a repository; an empty one where there is none yet.
    ///
    /// # Errors
    /// What the disk says, or [`StoreError::Broken`].
    pub async fn ledger(&self, repo: RepoId) -> Result<Ledger, StoreError> {
        Ledger::load(Arc::clone(&self.hand), repo).await
    }

    /// Appends what operators said to a repository's ledger, also while somebody else has it in
    /// hand: that one takes it in with its next record. It is on disk when this returns, under the
    /// time that is given back: never one before the ledger's last entry.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn append_words(
        &self,
        repo: RepoId,
        time: WordTime,
        words: Vec<OperatorAction>,
    ) -> Result<Timestamp, StoreError> {
        let whose = Whose::Repository(repo);
        self.hand.run(move |engine| engine.append_words(&whose, time, &words)).await
    }

    /// The same by a name. Where no repository was governed under it yet, the words are kept, and
    /// come into the ledger together with its first entry.
    ///
    /// # Errors
    /// What the disk says.
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
    /// What the disk says.
    pub async fn repo_id(&self, name: &RepoName) -> Result<Option<RepoId>, StoreError> {
        let name = folded(name);
        self.hand.run(move |engine| engine.repo_id(&name)).await
    }

    /// All names under which repositories were governed, each with the repository that bore it
    /// last.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn names(&self) -> Result<Vec<(RepoName, RepoId)>, StoreError> {
        self.hand.run(Engine::names).await
    }

    /// The operators' words of a repository that no pass has reached yet, oldest first.
    ///
    /// # Errors
    /// What the disk says, or [`StoreError::PendingWords`].
    pub async fn kept_words(&self, name: &RepoName) -> Result<Vec<OperatorAction>, StoreError> {
        let name = folded(name);
        self.hand.run(move |engine| engine.kept_words(&name)).await
    }

    /// The newest entries of a repository's ledger with a number below `before`, newest first,
    /// at most `limit` (and at most 1,000).
    ///
    /// # Errors
    /// What the disk says, or [`StoreError::Broken`].
    pub async fn history(
        &self,
        repo: RepoId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        self.hand.run(move |engine| engine.history(repo, before, limit)).await
    }

    /// Deletes the history before a time, but for each repository's newest entry; what it added
    /// up to stays. Gives how many entries went.
    ///
    /// # Errors
    /// What the disk says, or [`StoreError::Broken`].
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

    /// What was put there and is still kept.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn fact(&self, repo: RepoId, key: &str) -> Result<Option<Value>, StoreError> {
        self.fact_of(repo, key).await
    }

    /// The same as what it is: a fact may be large, and is not taken apart twice. One that cannot be
    /// read any more is asked for again.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn fact_of<T: DeserializeOwned>(
        &self,
        repo: RepoId,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let key = key.to_owned();
        let bytes = self.hand.run(move |engine| engine.fact(repo, &key)).await?;
        Ok(bytes.and_then(decoded))
    }

    /// Keeps what never changes, until others of its repository are used more. Gives what became
    /// of it.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn put_fact(
        &self,
        repo: RepoId,
        key: &str,
        value: Value,
    ) -> Result<CachePut, StoreError> {
        self.put_fact_of(repo, key, &value).await
    }

    /// The same of what can be written down.
    ///
    /// # Errors
    /// What the disk says.
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

    /// What was remembered of a repository last. What cannot be read any more is none.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn remembered<T: DeserializeOwned>(
        &self,
        repo: RepoId,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let key = key.to_owned();
        let bytes = self.hand.run(move |engine| engine.remembered(repo, &key)).await?;
        Ok(bytes.and_then(decoded))
    }

    /// Remembers this of a repository until it is replaced, whatever else is kept.
    ///
    /// # Errors
    /// What the disk says.
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

    /// Keeps the row that `status` shows of a repository.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn put_view(&self, name: &RepoName, json: Value) -> Result<(), StoreError> {
        let name = name.clone();
        self.hand.run(move |engine| engine.put_view(&name, json)).await
    }

    /// The rows that were kept last, by name. What cannot be read is left out, as is all when
    /// the disk fails: nothing is decided on them.
    pub async fn views(&self) -> Vec<(RepoName, Value)> {
        self.hand.run(Engine::views).await.unwrap_or_default()
    }

    /// Writes everything, lets go of the file and ends the thread. The store is of no use after.
    ///
    /// # Errors
    /// What the disk says: caches may be lost then, records are not.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.hand.close().await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// A name as a key: GitHub compares names without regard to case.
fn folded(name: &RepoName) -> String {
    name.to_string().to_ascii_lowercase()
}

/// What is kept, packed or not; none where it cannot be read any more.
fn decoded<T: DeserializeOwned>(bytes: Vec<u8>) -> Option<T> {
    beside_others(bytes.len(), || release::decode(&packed::unpack(bytes)?).ok())
}

#[cfg(test)]
mod tests;
