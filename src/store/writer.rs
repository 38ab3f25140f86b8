//! Access to the engine: through a dedicated thread for a file, through a lock in memory.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::engine::Engine;
use super::error::StoreError;
use super::ledger::Record;

/// Maximum number of queued jobs. Further callers wait asynchronously for a free slot.
const QUEUE: usize = 256;
/// Maximum number of records that share one sync.
const GROUP: usize = 64;
/// Idle time after which pending asynchronous writes are synced.
const IDLE: Duration = Duration::from_secs(1);
/// Time between two checks whether a failed disk accepts writes again.
const BETWEEN_TRIALS: Duration = Duration::from_secs(5);

/// The handle that runs work on the engine.
pub(super) enum EngineHandle {
    /// Runs work immediately in the caller, so that the order of events is deterministic.
    Inline(Mutex<Option<Engine>>),
    /// Runs work on a thread, in the order of arrival.
    Thread(Thread),
}

pub(super) struct Thread {
    jobs: Mutex<Option<mpsc::Sender<QueuedJob>>>,
    room: Arc<Semaphore>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

type EngineWork = Box<dyn FnOnce(&mut Engine) + Send>;
type EngineReply = oneshot::Sender<Result<(), StoreError>>;

enum EngineJob {
    Record(Record, EngineReply),
    Work(EngineWork),
    Close(EngineReply),
}

struct QueuedJob {
    job: EngineJob,
    _room: OwnedSemaphorePermit,
}

impl EngineHandle {
    pub(super) fn inline(engine: Engine) -> Self {
        Self::Inline(Mutex::new(Some(engine)))
    }

    pub(super) fn thread(engine: Engine) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let handle =
            thread::Builder::new().name("store".into()).spawn(move || serve(engine, &receiver))?;
        Ok(Self::Thread(Thread {
            jobs: Mutex::new(Some(sender)),
            room: Arc::new(Semaphore::new(QUEUE)),
            handle: Mutex::new(Some(handle)),
        }))
    }

    /// Runs `work` with the engine.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Inline(engine) => lock(engine).as_mut().map_or(Err(StoreError::Closed), work),
            Self::Thread(thread) => {
                let (answer, answered) = oneshot::channel();
                let work: EngineWork = Box::new(move |engine| {
                    answer.send(work(engine)).ok();
                });
                thread.send(EngineJob::Work(work)).await?;
                answered.await.map_err(|_| StoreError::Closed)?
            }
        }
    }

    /// Appends entries. They are on disk when this returns.
    pub(super) async fn record(&self, record: Record) -> Result<(), StoreError> {
        match self {
            Self::Inline(engine) => {
                let mut engine = lock(engine);
                let engine = engine.as_mut().ok_or(StoreError::Closed)?;
                engine.record(&[record])?.pop().unwrap_or(Err(StoreError::Closed))
            }
            Self::Thread(thread) => {
                let (answer, answered) = oneshot::channel();
                thread.send(EngineJob::Record(record, answer)).await?;
                answered.await.map_err(|_| StoreError::Closed)?
            }
        }
    }

    /// Schedules a write of the answer cache. `many` means that there is a lot to write.
    pub(super) fn nudge(&self, many: bool) {
        match self {
            Self::Inline(engine) => {
                if many && let Some(engine) = lock(engine).as_mut() {
                    engine.flush(false).ok();
                }
            }
            Self::Thread(thread) => thread.try_flush(),
        }
    }

    /// Writes everything, closes the file and ends the thread.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Inline(engine) => lock(engine).take().map_or(Ok(()), |mut engine| engine.close()),
            Self::Thread(thread) => {
                let (answer, answered) = oneshot::channel();
                if thread.send(EngineJob::Close(answer)).await.is_err() {
                    return Ok(());
                }
                lock(&thread.jobs).take();
                let result = answered.await.map_err(|_| StoreError::Closed)?;
                thread.join();
                result
            }
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        lock(&self.jobs).take();
        self.join();
    }
}

impl Thread {
    async fn send(&self, job: EngineJob) -> Result<(), StoreError> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| StoreError::Closed)?;
        self.enqueue(QueuedJob { job, _room: room })
    }

    fn enqueue(&self, waiting: QueuedJob) -> Result<(), StoreError> {
        match lock(&self.jobs).as_ref() {
            Some(jobs) => jobs.send(waiting).map_err(|_| StoreError::Closed),
            None => Err(StoreError::Closed),
        }
    }

    fn try_flush(&self) {
        // If the queue is full, the next change of the cache tries again.
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            let work: EngineWork = Box::new(|engine| {
                engine.flush(false).ok();
            });
            self.enqueue(QueuedJob { job: EngineJob::Work(work), _room: room }).ok();
        }
    }

    fn join(&self) {
        if let Some(handle) = lock(&self.handle).take() {
            handle.join().ok();
        }
    }
}

fn serve(mut engine: Engine, jobs: &Receiver<QueuedJob>) {
    let mut ahead = None;
    while let Some(waiting) = ahead.take().or_else(|| next(&mut engine, jobs)) {
        match waiting.job {
            EngineJob::Record(record, answer) => {
                let mut group = vec![(record, answer)];
                while group.len() < GROUP {
                    match jobs.try_recv() {
                        Ok(QueuedJob { job: EngineJob::Record(record, answer), .. }) => {
                            group.push((record, answer));
                        }
                        Ok(other) => {
                            ahead = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                record_group(&mut engine, group);
            }
            EngineJob::Work(work) => work(&mut engine),
            EngineJob::Close(answer) => {
                answer.send(engine.close()).ok();
                return;
            }
        }
    }
    engine.close().ok();
}

/// The next job. While idle, pending writes are synced, and a failed disk is checked again.
fn next(engine: &mut Engine, jobs: &Receiver<QueuedJob>) -> Option<QueuedJob> {
    loop {
        let in_trouble = engine.is_in_trouble();
        let wait = if in_trouble { BETWEEN_TRIALS } else { IDLE };
        if !in_trouble && !engine.has_unsynced() {
            return jobs.recv().ok();
        }
        match jobs.recv_timeout(wait) {
            Ok(waiting) => return Some(waiting),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if in_trouble => {
                engine.try_again().ok();
            }
            Err(RecvTimeoutError::Timeout) => {
                engine.sync().ok();
            }
        }
    }
}

fn record_group(engine: &mut Engine, group: Vec<(Record, EngineReply)>) {
    let (records, answers): (Vec<Record>, Vec<EngineReply>) = group.into_iter().unzip();
    match engine.record(&records) {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                answer.send(result).ok();
            }
        }
        Err(error) => {
            for answer in answers {
                answer.send(Err(error.clone())).ok();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
