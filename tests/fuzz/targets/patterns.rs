//! Any accepted pattern matches any path as a simple implementation of git's manual does.
//!
//! The input is one pattern per line, an empty line, and one path per line.

use release_governor::domain::PathPatterns;

pub fn run(input: &str) {
    let (patterns, paths) = input.split_once("\n\n").unwrap_or((input, "a\nb/a\n a/b/c"));
    let patterns: Vec<&str> = patterns.split('\n').collect();
    let Ok(compiled) = PathPatterns::new(&patterns) else { return };
    for path in paths.split('\n') {
        let matching = compiled.matching(path);
        // git has no such paths.
        if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
            continue;
        }
        assert_eq!(matching, decided(&patterns, path), "{patterns:?} on {path:?}");
        let goes_back_for_directories = |one: &&str| one.starts_with('!') && one.ends_with('/');
        if matching.is_some() && !patterns.iter().any(goes_back_for_directories) {
            assert!(compiled.matching(&format!("{path}/x")).is_some(), "not all below {path:?}");
        }
    }
}

/// The pattern that decides about a file: the match for the first of its directories that has
/// one, or for the file itself.
fn decided<'a>(patterns: &[&'a str], path: &str) -> Option<&'a str> {
    let names: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
    (1..=names.len()).find_map(|depth| {
        let is_directory = depth < names.len();
        let last = patterns.iter().rfind(|one| speaks_of(one, &names[..depth], is_directory));
        last.filter(|one| !one.starts_with('!')).copied()
    })
}

fn speaks_of(pattern: &str, names: &[&[u8]], is_directory: bool) -> bool {
    let pattern = pattern.strip_prefix('!').unwrap_or(pattern);
    let whole = pattern.strip_suffix('/').unwrap_or(pattern);
    if whole.len() < pattern.len() && !is_directory {
        return false;
    }
    let mut parts: Vec<&[u8]> = whole.split('/').map(str::as_bytes).collect();
    if parts.len() == 1 {
        return name(parts[0], names[names.len() - 1]);
    }
    if parts[0].is_empty() {
        parts.remove(0);
    }
    below(&parts, names)
}

/// Whether the names match the parts one by one, where `**` matches any number of names, and at
/// the end at least one.
fn below(parts: &[&[u8]], names: &[&[u8]]) -> bool {
    match parts {
        [] => names.is_empty(),
        [b"**"] => !names.is_empty(),
        [b"**", rest @ ..] => (0..=names.len()).any(|skipped| below(rest, &names[skipped..])),
        [part, rest @ ..] => {
            names.split_first().is_some_and(|(first, left)| name(part, first) && below(rest, left))
        }
    }
}

/// Whether a name matches one part of a pattern, byte for byte.
fn name(part: &[u8], text: &[u8]) -> bool {
    match part {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skipped| name(rest, &text[skipped..])),
        [b'?', rest @ ..] => !text.is_empty() && name(rest, &text[1..]),
        [b'\\', exact, rest @ ..] => text.first() == Some(exact) && name(rest, &text[1..]),
        [b'[', first, rest @ ..] => {
            let end = rest.iter().position(|b| *b == b']').expect("it is closed");
            let class: Vec<u8> = [*first].into_iter().chain(rest[..end].iter().copied()).collect();
            text.first().is_some_and(|b| holds(&class, *b)) && name(&rest[end + 1..], &text[1..])
        }
        [exact, rest @ ..] => text.first() == Some(exact) && name(rest, &text[1..]),
    }
}

fn holds(class: &[u8], byte: u8) -> bool {
    match class {
        [] => false,
        [from, b'-', to, rest @ ..] => (from..=to).contains(&&byte) || holds(rest, byte),
        [one, rest @ ..] => *one == byte || holds(rest, byte),
    }
}
