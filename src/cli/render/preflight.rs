//! The findings of `check-config --github`: one line each, and a summary.

use std::collections::BTreeMap;

use super::clean;
use crate::preflight::{Preflight, Severity, Unchecked};

/// Maximum number of repositories to list in one line. The others are counted.
const MOST_NAMES: usize = 8;

/// The findings, the checks that could not be completed, and a summary.
#[must_use]
pub fn preflight(found: &Preflight) -> String {
    let mut text = String::from("\n");
    for one in &found.findings {
        let of = one.repository.as_ref().map_or_else(String::new, |name| format!("{name} "));
        let (severity, key, value) = (one.severity.as_str(), &one.key, &one.value);
        line(&mut text, severity, &format!("{of}{key} `{value}`: {}", one.message));
    }
    let unchecked = together(&found.unchecked);
    for ((key, value, message), names) in &unchecked {
        line(&mut text, "failed", &format!("{} {key} `{value}`: {message}", in_a_row(names)));
    }
    for note in &found.notes {
        line(&mut text, "note", note);
    }
    text.push_str(&sum(found));
    clean(&text)
}

/// The repositories of each incomplete check, by key, value and message, for one line per group.
type Together<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<String>>;

fn together(unchecked: &[Unchecked]) -> Together<'_> {
    let mut together = Together::new();
    for Unchecked { repository, key, value, message } in unchecked {
        let name = repository.to_string();
        let alike = (key.as_str(), value.as_str(), message.as_str());
        let names = together.entry(alike).or_default();
        // Several reads of one repository may fail with the same message.
        if !names.contains(&name) {
            names.push(name);
        }
    }
    together
}

fn in_a_row(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &more
}

fn line(text: &mut String, severity: &str, words: &str) {
    text.push_str(&format!("{severity:<7}  {}\n", words.replace('\n', " ")));
}

fn sum(found: &Preflight) -> String {
    let count = |severity| found.findings.iter().filter(|one| one.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut unchecked: Vec<_> = found.unchecked.iter().map(|one| &one.repository).collect();
    unchecked.dedup();
    if (errors, warnings, unchecked.len()) == (0, 0, 0) {
        return "GitHub matches the configuration\n".to_owned();
    }
    let count = |count: usize, one: &str, more: &str| {
        format!("{count} {}", if count == 1 { one } else { more })
    };
    let unchecked = count(unchecked.len(), "repository", "repositories");
    let unchecked = (!found.unchecked.is_empty())
        .then(|| format!("{unchecked} could not be checked completely"));
    let judged = (errors + warnings > 0 || unchecked.is_none()).then(|| {
        let errors = count(errors, "error", "errors");
        format!("{errors}, {}", count(warnings, "warning", "warnings"))
    });
    let parts: Vec<String> = judged.into_iter().chain(unchecked).collect();
    format!("GitHub: {}\n", parts.join("; "))
}
