//! Every sentence that people read: hints, statuses, evidence, issues.
//!
//! Names, titles and messages come from strangers. Whatever of them gets into a sentence goes
//! through [`plain`], and into Markdown through [`issue`]'s code spans.

use jiff::Timestamp;

use crate::domain::plain_text::{on_one_line, steers};

mod approval;
pub mod backtest;
mod describe_entry;
mod evidence;
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
pub use hint::{HintPlace, Subject, hint, hints, pause_reason, still_rolled_back};
pub use mark::{read_runs_page, runs_page};
pub use no_candidate::{no_candidate, uncounted};
pub use sentence::sentence;
pub use status::{ParsedStatus, StatusText, decided, dispatching, parse, shipped};

/// `14:05 UTC`: absolute, so that a sentence does not change from pass to pass.
#[must_use]
pub fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// `14:05 UTC`, with the date where it is not today's.
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

/// A stranger's text on one line: what steers a terminal, breaks a line or turns the reading
/// direction becomes a space, and what is longer than `limit` characters is cut.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let start: String = text.chars().take(limit.saturating_mul(4)).collect();
    shortened(&on_one_line(&start), limit)
}

/// JSON in which what steers a terminal or turns the reading direction is escaped: names, paths and
/// titles are written by strangers. Line breaks between its values stay.
#[must_use]
pub fn tame_json(json: String) -> String {
    let is_odd = |c: char| c != '\n' && steers(c);
    if !json.contains(is_odd) {
        return json;
    }
    // Outside of its strings JSON has none of these.
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

/// Whether a text holds nothing that [`plain`] would take out of it.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(steers)
}

/// At most `limit` characters, with an ellipsis where something is missing.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A path that shows what it holds: a line break or an override of the reading direction in it
/// would make it look like another one, so these are escaped as Rust writes them.
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
