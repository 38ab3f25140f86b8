//! Whether time alone can change what is planned.

use jiff::{SignedDuration, Timestamp};

use super::issues;
use super::statuses::{StatusBudget, budget};
use crate::domain::{Policy, ReleaseState, RunProgress};

/// A failure's time has whole seconds: it may be up to a second later than it says.
const FRACTION: SignedDuration = SignedDuration::from_secs(1);

/// Whether no clock runs in `release`: with the same policy and the same facts, an empty plan of
/// `now` is an empty plan at any later time.
///
/// Each rule that looks at the time has its line here. One that forgets it delays what the time
/// brings until the next pass that reads all anew, ten minutes at most.
#[must_use]
pub fn stands_still(policy: &Policy, release: &ReleaseState, now: Timestamp) -> bool {
    !release.deploy_in_flight()
        && release.rejection.is_none()
        && release.status_refusals.values().all(|refusal| refusal.retry_at <= now)
        && !issues::any_rests(release, now)
        && !cools_down(policy, release, now)
        && !reaches_the_rate_limit(policy, release, now)
        && release.statuses.keys().all(|sha| budget(release, sha, now) == StatusBudget::Left)
}

fn cools_down(policy: &Policy, release: &ReleaseState, now: Timestamp) -> bool {
    let cooldown = SignedDuration::try_from(policy.cooldown).unwrap_or(SignedDuration::MAX);
    let since = now.saturating_sub(cooldown.saturating_add(FRACTION)).unwrap_or(Timestamp::MIN);
    let mut attempts = release.runs.values().filter(|run| release.can_fail(run)).flat_map(|run| {
        run.attempts.values().filter(|attempt| match &attempt.progress {
            RunProgress::Finished(_) => !attempt.progress.succeeded(),
            RunProgress::Unfinished(_) => run.deleted,
        })
    });
    attempts.any(|failed| failed.updated_at > since)
}

fn reaches_the_rate_limit(policy: &Policy, release: &ReleaseState, now: Timestamp) -> bool {
    let allowed = usize::try_from(policy.max_deploys_per_hour).unwrap_or(usize::MAX);
    release.starts_within_the_hour(now).len() >= allowed
}
