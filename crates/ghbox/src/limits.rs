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

/// What was asked within one second: a benchmark asks for thousands of things in each.
struct Spent {
    second: i64,
    /// The last of it.
    at: Timestamp,
    points: u64,
    content: u64,
}

#[derive(Default)]
pub(super) struct Meters {
    pub(super) limits: Limits,
    /// Requests an hour where a story set other ones, by meter.
    pub(super) own_limits: HashMap<String, u64>,
    windows: HashMap<String, Window>,
    spent: HashMap<String, VecDeque<Spent>>,
}

impl Meters {
    /// Where this meter stands now. A window begins with the first request after the last ended.
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

    /// Counts a request toward the secondary limits, or says how many seconds to wait.
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
