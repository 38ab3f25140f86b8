//! What GitHub says to one credential of its limits: when it tells one call to wait, every call
//! waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::telemetry::Metrics;

mod said;

use said::{WaitInstruction, after, epoch, expiry, number, refuses_the_version, text, told};
pub(super) use said::{asked_wait, http_date};

/// A secondary limit without a header: "wait for at least one minute", then ever longer.
/// Source: GitHub's documentation of rate limits.
const SECONDARY_WAIT: Duration = Duration::from_secs(60);
/// A primary limit resets within the hour; no word of a server's silences us for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60 * 60);
/// A limit that resets "now" is not asked at once.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The last part of the primary limit, a fiftieth, is kept for deploys in flight.
const KEPT_SHARE: u64 = 50;
/// How long before its end a token's end is said.
const END_IS_SAID: [SignedDuration; 6] = [
    SignedDuration::from_hours(14 * 24),
    SignedDuration::from_hours(7 * 24),
    SignedDuration::from_hours(3 * 24),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(1),
];

/// What is known of GitHub's limits and of the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsView {
    /// Until when nothing is sent, if GitHub told us to wait.
    pub told_to_wait_until: Option<Timestamp>,
    /// Since when nothing is sent without a break, if GitHub told us to wait.
    pub told_to_wait_since: Option<Timestamp>,
    /// Since when so little is left of the primary limit that it is kept for deploys in flight.
    pub used_up_since: Option<Timestamp>,
    /// Since when GitHub refuses the version of its API that is asked for.
    pub version_refused_since: Option<Timestamp>,
    /// Requests left of the primary limit.
    pub remaining: Option<u64>,
    /// The primary limit.
    pub limit: Option<u64>,
    /// When the primary limit starts anew.
    pub reset: Option<Timestamp>,
    /// When GitHub last accepted the token; none after it did not.
    pub token_accepted_at: Option<Timestamp>,
    /// When GitHub refused the token; none once it accepted it again.
    pub token_refused_at: Option<Timestamp>,
    /// When GitHub last answered a request with success.
    pub last_ok_at: Option<Timestamp>,
    /// Since when no answer came but failures of GitHub's own; none while it answers.
    pub unreached_since: Option<Timestamp>,
    /// When the token ends, where GitHub says so.
    pub token_expires_at: Option<Timestamp>,
}

/// The gate that all calls of one credential pass.
pub(super) struct Limits {
    /// The credential's name in logs and metrics.
    credential: Arc<str>,
    /// An App's tokens end every hour, and nobody need know when.
    renews_itself: bool,
    clock: Clock,
    metrics: Arc<Metrics>,
    known: Mutex<KnownLimits>,
}

#[derive(Default)]
struct KnownLimits {
    /// Which token all of this is known of, by its fingerprint.
    token: Option<String>,
    view: LimitsView,
    scopes: Option<Vec<String>>,
    /// The next waits for a secondary limit without a header.
    secondary_waits: SecondaryWaits,
    /// How soon the token ended when that was said last.
    said_end: Option<SignedDuration>,
}

/// How often GitHub told us to wait without saying for how long, by what was told. Secondary limits
/// on writes are met by writing: that reads succeed says nothing of them.
#[derive(Default)]
struct SecondaryWaits {
    reads: u32,
    writes: u32,
}

/// Whose answer it is, and to what.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedBy<'a> {
    /// The token that was sent, by its fingerprint.
    pub(super) token: &'a str,
    /// Whether it asked GitHub to change something.
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
        // What was counted before the reset says nothing of what is left after it.
        if view.reset.is_some_and(|reset| reset <= now) {
            view.remaining = view.limit;
            view.used_up_since = None;
        }
        view
    }

    /// This token is sent from now on. Another token has limits of its own: a gate that was closed
    /// for the last one is open.
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

    /// Until when the little that is left of the primary limit is for deploys in flight.
    pub(super) fn kept_for_those_in_flight(&self) -> Option<Timestamp> {
        let known = self.lock();
        let (remaining, limit) = (known.view.remaining?, known.view.limit?);
        let reset = known.view.reset.filter(|reset| *reset > self.clock.now())?;
        (remaining < limit / KEPT_SHARE).then_some(reset)
    }

    /// A classic token's scopes, where GitHub told them.
    pub(super) fn scopes(&self) -> Option<Vec<String>> {
        self.lock().scopes.clone()
    }

    /// There is no token that GitHub would take.
    pub(super) fn refused(&self) {
        let now = self.clock.now();
        let view = &mut self.lock().view;
        view.token_accepted_at = None;
        view.token_refused_at.get_or_insert(now);
    }

    /// No answer came.
    pub(super) fn lost(&self) {
        let now = self.clock.now();
        self.lock().view.unreached_since.get_or_insert(now);
    }

    /// Takes note of an answer to `asked`, whose body may be an error's.
    pub(super) fn note(
        &self,
        asked: AskedBy<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) {
        let now = self.clock.now();
        let mut known = self.lock();
        // A token that was replaced meanwhile says nothing of the one in its place.
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
        // Only an answer in full tells that the token has no end, as the one before it may have had.
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
            // Nothing was looked at, so nothing is known of the token.
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

    /// Says that the token ends, ever more urgently, before it does.
    fn say_end(&self, known: &mut KnownLimits, now: Timestamp) {
        let Some(end) = known.view.token_expires_at else {
            known.said_end = None;
            return;
        };
        let left = end.duration_since(now);
        let due = END_IS_SAID.iter().copied().filter(|before| left <= *before).min();
        // A new token ends later: all is said anew.
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

    /// Closes the gate when the answer to `asked` says so; until when.
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
            // The gate of a token that was replaced meanwhile: this one call was refused.
            return told.map(|told| after(now, told.least()));
        }
        let Some(told) = told else {
            let is_good = status.is_success() || status == StatusCode::NOT_MODIFIED;
            // While the gate is closed, an answer is to a request from before it closed.
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
            // Calls that were under way when the gate closed are no further warning.
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
    /// Whether a request succeeded since the gate closed last: else its next closing is the same
    /// trouble, which goes on.
    fn is_open_again(&self, now: Timestamp) -> bool {
        let view = &self.view;
        let Some(since) = view.told_to_wait_since else { return true };
        view.last_ok_at.is_some_and(|ok| ok > since && ok <= now)
    }
}

/// The primary limit, as an accepted answer tells it. A refused token's answer tells the limit of
/// anonymous callers, which is not ours.
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
