//! All texts that people read: hints, statuses, evidence, issues.
//!
//! Names, titles and messages may come from strangers. Any such text in a sentence goes through
//! [`plain`], and in Markdown through the code spans of [`issue`].

use jiff::Timestamp;

use crate::domain::plain_text::{on_one_line, steers};

mod approval;
pub mod backtest;
mod describe_entry;
mod evidence;
mod frozen;
mod hint;
pub mod issue;
mod mark;
mod no_candidate;
mod sentence;
pub mod signals;
mod status;
#[cfg(test)]
mod tests;

pub use approval::{given_at as approval_given, seen as approval_seen};
pub use describe_entry::{after_set_production, describe_entry, moved_deploy_files, operator};
pub use evidence::{evidence, evidence_supposing, found, outcome};
pub use frozen::{entry, forecast, frozen, until};
pub use hint::{HintPlace, Subject, hint, hints, pause_reason, still_rolled_back};
pub use mark::{read_runs_page, runs_page};
pub use no_candidate::{no_candidate, uncounted};
pub use sentence::sentence;
pub use status::{ParsedStatus, StatusText, decided, dispatching, parse, shipped};

/// `14:05 UTC`. The time is absolute, so that a sentence does not change from pass to pass.
#[must_use]
pub fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// `14:05 UTC`, with the date if it is not today's.
#[must_use]
pub fn near_time(at: Timestamp, now: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) { clock_time(at) } else { date_time(at) }
}

/// `2026-11-01 14:05 UTC`.
#[must_use]
pub fn date_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-11-01 14:05:09 UTC`.
#[must_use]
pub fn date_time_with_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Makes a stranger's text safe to show on one line: characters that control a terminal, break
/// a line or change the reading direction become a space, and the text is cut to `limit`
/// characters.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let start: String = text.chars().take(limit.saturating_mul(4)).collect();
    shortened(&on_one_line(&start), limit)
}

/// Escapes characters in JSON that control a terminal or change the reading direction, because
/// strangers write names, paths and titles. Line breaks between values stay.
#[must_use]
pub fn tame_json(json: String) -> String {
    let is_odd = |c: char| c != '\n' && steers(c);
    if !json.contains(is_odd) {
        return json;
    }
    // These characters occur only inside JSON strings.
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_odd(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether a text contains nothing that [`plain`] would remove.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(steers)
}

/// Cuts a text to at most `limit` characters, with an ellipsis if something is cut.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Makes a path unambiguous: a line break or a change of the reading direction could make it
/// look like another path, so these are escaped as in Rust.
#[must_use]
pub fn visible(path: &str) -> String {
    let is_odd = |c: char| c == '\\' || steers(c);
    let mut shown = String::with_capacity(path.len());
    for c in path.chars() {
        if is_odd(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
