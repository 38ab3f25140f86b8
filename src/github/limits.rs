//! Rate limits of one credential: when GitHub tells one call to wait, all calls wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::telemetry::Metrics;

mod said;

use said::{WaitInstruction, after, epoch, expiry, number, refuses_the_version, text, told};
pub(super) use said::{asked_wait, http_date};

/// The first wait for a secondary limit without a header: "wait for at least one minute", then
/// increasingly longer. Source: GitHub's documentation of rate limits.
const SECONDARY_WAIT: Duration = Duration::from_secs(60);
/// The longest wait. A primary limit resets within an hour, and no server can block us for
/// longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60 * 60);
/// The shortest wait, also for a limit that resets "now".
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The last fiftieth of the primary limit is reserved for deploys in flight.
const KEPT_SHARE: u64 = 50;
/// How long before a token's expiry warnings are logged.
const END_IS_SAID: [SignedDuration; 6] = [
    SignedDuration::from_hours(14 * 24),
    SignedDuration::from_hours(7 * 24),
    SignedDuration::from_hours(3 * 24),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(1),
];

/// The known state of GitHub's rate limits and of the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsView {
    /// Until when nothing is sent, if GitHub told us to wait.
    pub told_to_wait_until: Option<Timestamp>,
    /// Since when GitHub has made us wait without interruption, if it does.
    pub told_to_wait_since: Option<Timestamp>,
    /// Since when the primary limit is so far used up that the rest is reserved for deploys in
    /// flight.
    pub used_up_since: Option<Timestamp>,
    /// Since when GitHub has refused the requested version of its API.
    pub version_refused_since: Option<Timestamp>,
    /// Remaining requests of the primary limit.
    pub remaining: Option<u64>,
    /// The primary limit, in requests.
    pub limit: Option<u64>,
    /// When the primary limit resets.
    pub reset: Option<Timestamp>,
    /// When GitHub last accepted the token; `None` after it refused it.
    pub token_accepted_at: Option<Timestamp>,
    /// When GitHub refused the token; `None` once it accepts it again.
    pub token_refused_at: Option<Timestamp>,
    /// When GitHub last answered a request successfully.
    pub last_ok_at: Option<Timestamp>,
    /// Since when GitHub has not answered or has answered with server errors only; `None` while
    /// it answers.
    pub unreached_since: Option<Timestamp>,
    /// When the token expires, if GitHub reports it.
    pub token_expires_at: Option<Timestamp>,
}

/// The gate that all calls of one credential pass.
pub(super) struct Limits {
    /// The credential's name in logs and metrics.
    credential: Arc<str>,
    /// An App's tokens expire every hour and are replaced automatically, so their expiry is not
    /// reported.
    renews_itself: bool,
    clock: Clock,
    metrics: Arc<Metrics>,
    known: Mutex<KnownLimits>,
}

#[derive(Default)]
struct KnownLimits {
    /// The fingerprint of the token that all of this applies to.
    token: Option<String>,
    view: LimitsView,
    scopes: Option<Vec<String>>,
    /// The number of consecutive secondary limits without a header.
    secondary_waits: SecondaryWaits,
    /// The threshold of the last warning about the token's expiry.
    said_end: Option<SignedDuration>,
}

/// How often GitHub told us to wait without saying for how long, for reads and writes.
/// Secondary limits on writes are caused by writes, so successful reads do not reset their
/// count.
#[derive(Default)]
struct SecondaryWaits {
    reads: u32,
    writes: u32,
}

/// The request that an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedBy<'a> {
    /// The fingerprint of the token that was sent.
    pub(super) token: &'a str,
    /// Whether the request was a write.
    pub(super) is_write: bool,
}

impl Limits {
    pub(super) fn new(
        credential: Arc<str>,
        renews_itself: bool,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { credential, renews_itself, clock, metrics, known: Mutex::default() }
    }

    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    pub(super) fn view(&self) -> LimitsView {
        let now = self.clock.now();
        let mut view = self.lock().view.clone();
        if view.told_to_wait_until.is_none_or(|until| until <= now) {
            view.told_to_wait_until = None;
            view.told_to_wait_since = None;
        }
        // Counts from before the reset say nothing about what is left after it.
        if view.reset.is_some_and(|reset| reset <= now) {
            view.remaining = view.limit;
            view.used_up_since = None;
        }
        view
    }

    /// Switches to this token. Another token has limits of its own, so a gate that was closed
    /// for the last one opens.
    pub(super) fn speak_with(&self, token: &str) {
        let mut known = self.lock();
        if known.token.as_deref() == Some(token) {
            return;
        }
        let is_first = known.token.replace(token.to_owned()).is_none();
        if is_first {
            return;
        }
        known.secondary_waits = SecondaryWaits::default();
        let view = &mut known.view;
        if let Some(until) = view.told_to_wait_until.take() {
            let now = self.clock.now();
            self.metrics.told_to_wait(&self.credential, until.min(now));
        }
        view.told_to_wait_since = None;
        view.used_up_since = None;
        (view.limit, view.remaining, view.reset) = (None, None, None);
    }

    /// Until when the gate is closed, if it is.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.lock().view.told_to_wait_until.filter(|until| *until > self.clock.now())
    }

    /// Until when the rest of the primary limit is reserved for deploys in flight, if it is.
    pub(super) fn kept_for_those_in_flight(&self) -> Option<Timestamp> {
        let known = self.lock();
        let (remaining, limit) = (known.view.remaining?, known.view.limit?);
        let reset = known.view.reset.filter(|reset| *reset > self.clock.now())?;
        (remaining < limit / KEPT_SHARE).then_some(reset)
    }

    /// A classic token's scopes, if GitHub reported them.
    pub(super) fn scopes(&self) -> Option<Vec<String>> {
        self.lock().scopes.clone()
    }

    /// Records that there is no token that GitHub accepts.
    pub(super) fn refused(&self) {
        let now = self.clock.now();
        let view = &mut self.lock().view;
        view.token_accepted_at = None;
        view.token_refused_at.get_or_insert(now);
    }

    /// Records that no answer was received.
    pub(super) fn lost(&self) {
        let now = self.clock.now();
        self.lock().view.unreached_since.get_or_insert(now);
    }

    /// Records the limits in the answer to `asked`. The body may be that of an error.
    pub(super) fn note(
        &self,
        asked: AskedBy<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) {
        let now = self.clock.now();
        let mut known = self.lock();
        // A replaced token's answer says nothing about the current one.
        if known.token.as_deref().is_some_and(|token| token != asked.token) {
            return;
        }
        if let Some(scopes) = text(headers, "x-oauth-scopes") {
            let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty());
            known.scopes = Some(scopes.map(str::to_owned).collect());
        }
        let view = &mut known.view;
        note_primary_limit(view, status, headers, now);
        let end = text(headers, "github-authentication-token-expiration").and_then(expiry);
        // Only a 200 proves that the token has no expiry, even if an earlier one had.
        if !self.renews_itself && (end.is_some() || status == StatusCode::OK) {
            view.token_expires_at = end;
        }
        let refuses_version = refuses_the_version(status, body);
        if refuses_version {
            view.version_refused_since.get_or_insert(now);
        } else if status.is_success() || status == StatusCode::NOT_MODIFIED {
            view.version_refused_since = None;
        }
        if status == StatusCode::UNAUTHORIZED {
            view.token_accepted_at = None;
            view.token_refused_at = Some(now);
        } else if refuses_version {
            // GitHub did not check the token, so nothing is known about it.
        } else if status.as_u16() < 500 && status != StatusCode::FORBIDDEN {
            view.token_accepted_at = Some(now);
            view.token_refused_at = None;
        }
        if status.is_server_error() {
            view.unreached_since.get_or_insert(now);
        } else {
            view.unreached_since = None;
        }
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            view.last_ok_at = Some(now);
        }
        self.metrics.api_limit(&self.credential, view.remaining, view.limit, view.reset);
        self.metrics.token_accepted(&self.credential, view.token_refused_at.is_none());
        self.metrics.token_expires(&self.credential, view.token_expires_at);
        self.say_end(&mut known, now);
    }

    /// Warns before the token expires, more often as the expiry approaches.
    fn say_end(&self, known: &mut KnownLimits, now: Timestamp) {
        let Some(end) = known.view.token_expires_at else {
            known.said_end = None;
            return;
        };
        let left = end.duration_since(now);
        let due = END_IS_SAID.iter().copied().filter(|before| left <= *before).min();
        // A new token expires later, so its warnings start over.
        if due.is_none() || known.said_end.is_some_and(|said| due > Some(said)) {
            known.said_end = due;
            return;
        }
        if known.said_end != due {
            known.said_end = due;
            let credential = &self.credential;
            tracing::warn!(
                parent: None, %credential, expires = %end,
                "the GitHub token ends at {end:.0}: put a new one in its place; a token file is \
                 read again by itself"
            );
        }
    }

    /// Closes the gate if the answer to `asked` says so. Returns until when.
    pub(super) fn told_to_wait(
        &self,
        asked: AskedBy<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut known = self.lock();
        let told = told(status, headers, body, now);
        if known.token.as_deref().is_some_and(|token| token != asked.token) {
            // The token was replaced meanwhile, so only this one call has to wait.
            return told.map(|told| after(now, told.least()));
        }
        let Some(told) = told else {
            let is_good = status.is_success() || status == StatusCode::NOT_MODIFIED;
            // While the gate is closed, a successful answer belongs to a request from before it
            // closed.
            if is_good && known.view.told_to_wait_until.is_none_or(|until| until <= now) {
                known.secondary_waits.reads = 0;
                if asked.is_write {
                    known.secondary_waits.writes = 0;
                }
            }
            return None;
        };
        let before = known.view.told_to_wait_until.filter(|before| *before > now);
        let wait = match (told, before) {
            (WaitInstruction::For(wait), _) => wait,
            // Calls that were already sent when the gate closed do not count as further
            // warnings.
            (WaitInstruction::ForSomeTime, Some(before)) => {
                Duration::try_from(before.duration_since(now)).unwrap_or(Duration::ZERO)
            }
            (WaitInstruction::ForSomeTime, None) => {
                let SecondaryWaits { reads, writes } = &mut known.secondary_waits;
                let waits = if asked.is_write { writes } else { reads };
                let factor = 1u32.checked_shl(*waits).unwrap_or(u32::MAX);
                *waits = waits.saturating_add(1).min(8);
                SECONDARY_WAIT.saturating_mul(factor)
            }
        };
        let until = after(now, wait);
        let until = before.map_or(until, |before| before.max(until));
        if before != Some(until) {
            if before.is_none() && known.is_open_again(now) {
                known.view.told_to_wait_since = Some(now);
            }
            known.view.told_to_wait_until = Some(until);
            self.metrics.told_to_wait(&self.credential, until);
            let credential = &self.credential;
            tracing::warn!(
                %credential, until = %until,
                "GitHub told us to wait: nothing is sent as {credential} until {until:.0}"
            );
        }
        Some(until)
    }

    fn lock(&self) -> MutexGuard<'_, KnownLimits> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownLimits {
    /// Whether a request succeeded since the gate last closed. If none did, closing it again
    /// continues the same wait.
    fn is_open_again(&self, now: Timestamp) -> bool {
        let view = &self.view;
        let Some(since) = view.told_to_wait_since else { return true };
        view.last_ok_at.is_some_and(|ok| ok > since && ok <= now)
    }
}

/// Records the primary limit from an accepted answer. The answer to a refused token has the
/// limit of anonymous callers instead of ours.
fn note_primary_limit(
    view: &mut LimitsView,
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) {
    let limit = number(headers, "x-ratelimit-limit");
    let is_another = status == StatusCode::FORBIDDEN && view.limit.is_some() && view.limit != limit;
    if status == StatusCode::UNAUTHORIZED || is_another {
        return;
    }
    view.limit = limit.or(view.limit);
    view.remaining = number(headers, "x-ratelimit-remaining").or(view.remaining);
    view.reset = epoch(headers, "x-ratelimit-reset").or(view.reset);
    let is_used_up = matches!((view.remaining, view.limit), (Some(left), Some(limit)) if left < limit / KEPT_SHARE);
    if is_used_up && view.reset.is_some_and(|reset| reset > now) {
        view.used_up_since.get_or_insert(now);
    } else {
        view.used_up_since = None;
    }
}

#[cfg(test)]
mod tests;
