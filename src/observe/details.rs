//! Reads that only add detail: the jobs of a failed run, an earlier attempt of a run. If one
//! fails in three consecutive passes, the pass continues without it (design, section 6, 25).

use super::{Memory, ObserveError, ReadContext};
use crate::domain::{Job, Run, RunRef};
use crate::github::ReadError;

/// After this many consecutive failures, a failure counts as permanent.
const FAILED_FOR_GOOD: u32 = 3;
/// The most failing reads that are counted at once.
const MOST_COUNTED: usize = 100;

impl Memory {
    /// Counts a failed read. Returns whether the failure now counts as permanent.
    pub(super) fn note_failing_read(&mut self, read: &str) -> bool {
        if self.failing_reads.len() >= MOST_COUNTED {
            self.failing_reads.retain(|other, _| other == read);
        }
        let times = self.failing_reads.entry(read.to_owned()).or_default();
        *times = times.saturating_add(1);
        self.fails_for_good(read)
    }

    /// Whether the failure of a read counts as permanent.
    pub(super) fn fails_for_good(&self, read: &str) -> bool {
        self.failing_reads.get(read).is_some_and(|times| *times >= FAILED_FOR_GOOD)
    }
}

/// The jobs of a run attempt. `None` if GitHub permanently fails to show them.
pub(super) async fn jobs(
    ctx: &mut ReadContext<'_>,
    at: RunRef,
) -> Result<Option<Vec<Job>>, ObserveError> {
    let read = ctx.reader.jobs(ctx.name(), at).await;
    detail(ctx, &format!("jobs of {at:?}"), read)
}

/// An earlier attempt of a run. `None` if it was deleted, or GitHub permanently fails to show
/// it.
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

/// Whether the error concerns only this read, so that other reads may still succeed.
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
