//! GitHub's rate limits: the primary one per hour, the secondary ones per minute.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The rate limits. The defaults are those of docs.github.com, REST "Rate limits".
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests per hour and user. A 304 is free.
    pub requests_per_hour: u64,
    /// Whether the secondary limits below are enforced.
    pub enforce_secondary: bool,
    /// Points per minute: a read costs 1, a write 5. A 304 counts.
    pub points_per_minute: u64,
    /// Content-creating requests per minute.
    pub content_per_minute: u64,
    /// Content-creating requests per hour.
    pub content_per_hour: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            requests_per_hour: 5_000,
            enforce_secondary: false,
            points_per_minute: 900,
            content_per_minute: 80,
            content_per_hour: 500,
        }
    }
}

/// The state of one account's primary limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) resets_at: Timestamp,
}

impl Window {
    pub(super) fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The requests within one second. They are summed up because a benchmark sends thousands each
/// second.
struct Spent {
    second: i64,
    /// The time of the last request.
    at: Timestamp,
    points: u64,
    content: u64,
}

#[derive(Default)]
pub(super) struct Meters {
    pub(super) limits: Limits,
    /// Requests per hour of meters for which a story set its own limit.
    pub(super) own_limits: HashMap<String, u64>,
    windows: HashMap<String, Window>,
    spent: HashMap<String, VecDeque<Spent>>,
}

impl Meters {
    /// The current window of this meter. A window starts with the first request after the
    /// previous one ended.
    pub(super) fn window(&mut self, meter: &str, now: Timestamp) -> &mut Window {
        let limit = self.own_limits.get(meter).copied();
        let limit = limit.unwrap_or(self.limits.requests_per_hour);
        let fresh = Window { limit, used: 0, resets_at: later(now, HOUR) };
        let window = self.windows.entry(meter.to_owned()).or_insert(fresh);
        if window.resets_at <= now {
            *window = fresh;
        }
        window.limit = limit;
        window
    }

    /// Counts a request toward the secondary limits, or returns how many seconds to wait.
    pub(super) fn spend(
        &mut self,
        meter: &str,
        points: u64,
        content: bool,
        now: Timestamp,
    ) -> Result<(), i64> {
        let spent = self.spent.entry(meter.to_owned()).or_default();
        while spent.front().is_some_and(|first| later(first.at, HOUR) <= now) {
            spent.pop_front();
        }
        if self.limits.enforce_secondary {
            let lately = || spent.iter().rev().take_while(|spent| later(spent.at, MINUTE) > now);
            let points_lately: u64 = lately().map(|spent| spent.points).sum();
            let content_lately: u64 = lately().map(|spent| spent.content).sum();
            let content_hour = || -> u64 { spent.iter().map(|spent| spent.content).sum() };
            if points_lately + points > self.limits.points_per_minute
                || content && content_lately >= self.limits.content_per_minute
                || content && content_hour() >= self.limits.content_per_hour
            {
                return Err(MINUTE.as_secs());
            }
        }
        let second = now.as_second();
        match spent.back_mut().filter(|last| last.second == second) {
            Some(last) => {
                last.at = now;
                last.points += points;
                last.content += u64::from(content);
            }
            None => {
                spent.push_back(Spent { second, at: now, points, content: u64::from(content) });
            }
        }
        Ok(())
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
