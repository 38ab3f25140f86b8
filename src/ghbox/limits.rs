//! GitHub's limits: the primary one by the hour, the secondary ones by the minute.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How much one may ask. The numbers are docs.github.com's, REST "Rate limits".
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests an hour for one user; a 304 is free.
    pub requests_per_hour: u64,
    /// Whether the secondary limits below are enforced.
    pub enforce_secondary: bool,
    /// Points a minute: a read is 1, a write 5; a 304 counts.
    pub points_per_minute: u64,
    /// Requests a minute that create what people see.
    pub content_per_minute: u64,
    /// The same, an hour.
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

/// Where one user stands in the primary limit.
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

struct Spent {
    at: Timestamp,
    points: u64,
    content: bool,
}

#[derive(Default)]
pub(super) struct Meters {
    pub(super) limits: Limits,
    windows: HashMap<String, Window>,
    spent: HashMap<String, VecDeque<Spent>>,
}

impl Meters {
    /// Where this user stands now. A window begins with the first request after the last ended.
    pub(super) fn window(&mut self, login: &str, now: Timestamp) -> &mut Window {
        let limit = self.limits.requests_per_hour;
        let fresh = Window { limit, used: 0, resets_at: later(now, HOUR) };
        let window = self.windows.entry(login.to_owned()).or_insert(fresh);
        if window.resets_at <= now {
            *window = fresh;
        }
        window.limit = limit;
        window
    }

    /// Counts a request toward the secondary limits, or says how many seconds to wait.
    pub(super) fn spend(
        &mut self,
        login: &str,
        points: u64,
        content: bool,
        now: Timestamp,
    ) -> Result<(), i64> {
        let spent = self.spent.entry(login.to_owned()).or_default();
        while spent.front().is_some_and(|first| later(first.at, HOUR) <= now) {
            spent.pop_front();
        }
        if self.limits.enforce_secondary {
            let lately = || spent.iter().filter(|spent| later(spent.at, MINUTE) > now);
            let points_lately: u64 = lately().map(|spent| spent.points).sum();
            let content_lately = lately().filter(|spent| spent.content).count();
            let content_hour = spent.iter().filter(|spent| spent.content).count();
            if points_lately + points > self.limits.points_per_minute
                || content && exceeds(content_lately, self.limits.content_per_minute)
                || content && exceeds(content_hour, self.limits.content_per_hour)
            {
                return Err(MINUTE.as_secs());
            }
        }
        spent.push_back(Spent { at: now, points, content });
        Ok(())
    }
}

fn exceeds(count: usize, most: u64) -> bool {
    u64::try_from(count).is_ok_and(|count| count >= most)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
