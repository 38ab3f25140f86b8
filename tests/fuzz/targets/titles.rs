//! Any pattern for titles and refs, and any `run-name`, on any title. A title matches as a
//! simple implementation of the pattern says, it names only text that it contains, and a title
//! made from a pattern names its commit again.
//!
//! The input is a pattern, then one title per line.

use release_governor::domain::{RefPattern, RunTitle};

use crate::support::sha;

const SHA: &str = "{sha}";
const MOST_STARS: usize = 3;
const LONGEST_REF: usize = 60;

pub fn run(input: &str) {
    let mut lines = input.split('\n');
    let pattern = lines.next().unwrap_or_default();
    let titles: Vec<&str> = lines.collect();
    // The operator controls ref patterns, whose cost grows with each star.
    let stars = pattern.replace("**", "*").matches('*').count();
    for title in titles.iter().filter(|title| stars <= MOST_STARS && title.len() <= LONGEST_REF) {
        let fits = RefPattern::new(pattern).matches(title);
        assert_eq!(fits, is_ref(pattern, title), "{pattern:?} as a ref on {title:?}");
    }
    if let Ok(compiled) = RunTitle::new(pattern) {
        assert_eq!(compiled.written(), pattern);
        assert_eq!(compiled.names_a_sha(), pattern.contains(SHA));
        titles.iter().for_each(|title| a_title(&compiled, Some(pattern), title));
        let made = pattern.replace('*', " what 7654321 ever ").replace(SHA, &sha('a'));
        assert!(compiled.fits(&made), "{pattern:?} does not fit {made:?}, which it was made into");
        names_its_sha(&compiled, &made, !pattern.contains('*'));
    }
    a_run_name(pattern, &titles);
}

fn a_title(compiled: &RunTitle, pattern: Option<&str>, title: &str) {
    let shas = compiled.shas_in(title);
    for sha in &shas {
        let stands = title.to_ascii_lowercase().contains(sha.as_str());
        assert!(stands, "{sha:?} does not stand in {title:?}");
    }
    if compiled.names_a_sha() {
        assert_eq!(compiled.fits(title), !shas.is_empty());
        return;
    }
    assert!(shas.is_empty(), "{shas:?} by a pattern that names none");
    let Some(pattern) = pattern else { return };
    // GitHub trims titles, so a space at either end may be missing.
    let variants = [title.to_owned(), format!("{title} "), format!(" {title}")];
    let fits = variants.iter().any(|title| is_wild(pattern.as_bytes(), title.as_bytes()));
    assert_eq!(compiled.fits(title), fits, "{pattern:?} on {title:?}");
}

fn names_its_sha(compiled: &RunTitle, made: &str, is_alone: bool) {
    if !compiled.names_a_sha() {
        return;
    }
    let shas = compiled.shas_in(made);
    let is_it = |one: &&release_governor::domain::ShaPrefix| one.as_str() == sha('a');
    let touches_digits = made.split(&sha('a')).any(|part| {
        part.ends_with(|c: char| c.is_ascii_hexdigit())
            || part.starts_with(|c: char| c.is_ascii_hexdigit())
    });
    assert!(shas.iter().any(|one| is_it(&one)), "{made:?} names {shas:?}");
    assert!(!is_alone || touches_digits || shas.len() == 1, "{made:?} names {shas:?}");
}

/// A title that GitHub makes from a `run-name` names the commit it was given.
fn a_run_name(run_name: &str, titles: &[&str]) {
    let Some(compiled) = RunTitle::of_run_name(run_name) else { return };
    assert!(compiled.names_a_sha());
    titles.iter().for_each(|title| a_title(&compiled, None, title));
    let (mut made, mut rest) = (String::new(), run_name);
    while let Some((literal, after)) = rest.split_once("${{") {
        let Some((expression, following)) = after.split_once("}}") else { break };
        made.push_str(literal);
        let is_sha = expression.to_lowercase().contains("sha");
        made.push_str(&if is_sha { sha('a') } else { " x ".to_owned() });
        rest = following;
    }
    made.push_str(rest);
    // Digits that touch others are not a commit id.
    let longest = made.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
    if made.contains(&sha('a').repeat(2)) || longest > Some(64) {
        return;
    }
    names_its_sha(&compiled, &made, false);
}

/// A matcher in which `*` stands for anything.
fn is_wild(pattern: &[u8], text: &[u8]) -> bool {
    // Whether the pattern so far matches each prefix of the text.
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for part in pattern {
        if *part == b'*' {
            let first = fits.iter().position(|fit| *fit).unwrap_or(fits.len());
            fits.iter_mut().skip(first).for_each(|fit| *fit = true);
        } else {
            for end in (0..text.len()).rev() {
                fits[end + 1] = fits[end] && text[end] == *part;
            }
            fits[0] = false;
        }
    }
    fits[text.len()]
}

/// A matcher in which `*` stands for anything but a slash, `**` for anything.
fn is_ref(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let mut fits = vec![false; name.len() + 1];
    fits[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        if pattern[at] != b'*' {
            for end in (0..name.len()).rev() {
                fits[end + 1] = fits[end] && name[end] == pattern[at];
            }
            fits[0] = false;
            at += 1;
            continue;
        }
        let any = pattern.get(at + 1) == Some(&b'*');
        for end in 0..name.len() {
            fits[end + 1] = fits[end + 1] || (fits[end] && (any || name[end] != b'/'));
        }
        at += if any { 2 } else { 1 };
    }
    fits[name.len()]
}
