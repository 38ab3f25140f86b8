//! Reads that only add detail to what is known: a failed run's jobs, a run's earlier attempt. What
//! GitHub fails to show of them in three passes running is gone without (design, section 6, 25).

use super::{Memory, ObserveError, ReadContext};
use crate::domain::{Job, Run, RunRef};
use crate::github::ReadError;

/// A read that failed in so many passes running will go on failing.
const FAILED_FOR_GOOD: u32 = 3;
/// Failing reads that are counted at once.
const MOST_COUNTED: usize = 100;

impl Memory {
    /// Takes note that a read failed. Whether it did in so many passes that it will go on failing.
    pub(super) fn note_failing_read(&mut self, read: &str) -> bool {
        if self.failing_reads.len() >= MOST_COUNTED {
            self.failing_reads.retain(|other, _| other == read);
        }
        let times = self.failing_reads.entry(read.to_owned()).or_default();
        *times = times.saturating_add(1);
        self.fails_for_good(read)
    }

    /// Whether a read failed in so many passes that it will go on failing.
    pub(super) fn fails_for_good(&self, read: &str) -> bool {
        self.failing_reads.get(read).is_some_and(|times| *times >= FAILED_FOR_GOOD)
    }
}

/// The jobs of a run attempt; none where GitHub goes on failing to show them.
pub(super) async fn jobs(
    ctx: &mut ReadContext<'_>,
    at: RunRef,
) -> Result<Option<Vec<Job>>, ObserveError> {
    let read = ctx.reader.jobs(ctx.name(), at).await;
    detail(ctx, &format!("jobs of {at:?}"), read)
}

/// An earlier attempt of a run; none where it was deleted, or GitHub goes on failing to show it.
pub(super) async fn earlier_attempt(
    ctx: &mut ReadContext<'_>,
    at: RunRef,
) -> Result<Option<Run>, ObserveError> {
    let read = ctx.reader.run_attempt(ctx.name(), at).await;
    Ok(detail(ctx, &format!("attempt {at:?}"), read)?.flatten())
}

fn detail<T>(
    ctx: &mut ReadContext<'_>,
    key: &str,
    read: Result<T, ReadError>,
) -> Result<Option<T>, ObserveError> {
    let error = match read {
        Ok(value) => {
            ctx.memory.failing_reads.remove(key);
            return Ok(Some(value));
        }
        Err(error) => error,
    };
    if !is_about_what_was_asked(&error) {
        return Err(error.into());
    }
    let was_known = ctx.memory.fails_for_good(key);
    if !ctx.memory.note_failing_read(key) {
        return Err(error.into());
    }
    if !was_known {
        let name = ctx.name();
        tracing::warn!(repository = %name, "{name}: goes on without what it cannot read: {error}");
    }
    Ok(None)
}

/// Whether another read may succeed where this one failed.
const fn is_about_what_was_asked(error: &ReadError) -> bool {
    match error {
        ReadError::NotFound { .. }
        | ReadError::Refused { .. }
        | ReadError::Gone410 { .. }
        | ReadError::Server { .. }
        | ReadError::Transport { .. }
        | ReadError::EmptyList { .. }
        | ReadError::Malformed { .. }
        | ReadError::TooMany { .. } => true,
        ReadError::ToldToWait { .. }
        | ReadError::BadCredentials { .. }
        | ReadError::Moved { .. } => false,
    }
}
