//! Reads source files as the checks need them: without comments, string literals and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
pub(crate) struct Source {
    /// The path below `src`, with `/`.
    pub(crate) path: String,
    /// The code at its original lines and columns, with comments, strings and characters
    /// blanked out.
    pub(crate) code: String,
    /// The original text.
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = without_tests(&blanked(text));
        Self { path: path.to_owned(), code, text: text.to_owned() }
    }

    /// The top-level module that the file belongs to.
    pub(crate) fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The depth of the file below the crate's root, in modules.
    pub(crate) fn depth(&self) -> usize {
        self.path.split('/').count()
    }

    /// Whether the file contains only tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// All files below `src`.
pub(crate) fn sources() -> Vec<Source> {
    let root = root().join("src");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Source::new(&below, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.retain(|source| !source.is_test());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "the sources are where they are looked for");
    found
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The text with comments, strings and characters blanked out, line for line.
fn blanked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_text(rest, &out) {
            length
        } else if c == '"' {
            quoted(rest)
        } else if c == '\'' {
            character(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            let (gone, after) = rest.split_at(skip);
            out.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    out
}

/// The length of the raw string that begins here, if one does.
fn raw_text(rest: &str, before: &str) -> Option<usize> {
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes: String = after.chars().take_while(|c| *c == '#').collect();
    let inside = after[hashes.len()..].strip_prefix('"')?;
    let end = format!("\"{hashes}");
    let length = inside.find(&end)? + end.len();
    Some(rest.len() - inside.len() + length)
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, or 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            let after: Vec<_> = chars.skip(1).take(12).collect();
            after.iter().find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1)
        }
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// The code without `#[cfg(test)] mod … { … }`. The following lines keep their positions.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = test_module(&out) {
        let end = block_end(&out, start).unwrap_or(out.len());
        let blank: String =
            out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// The start of an inline test module.
fn test_module(code: &str) -> Option<usize> {
    let mark = "#[cfg(test)]";
    code.match_indices(mark).map(|(at, _)| at).find(|at| {
        let after = code[at + mark.len()..].trim_start();
        let module = after.starts_with("mod ") || after.starts_with("pub mod ");
        module && after.find('{') < after.find(';').or(Some(usize::MAX)) && after.contains('{')
    })
}

/// The end of the block that opens after `start`.
pub(crate) fn block_end(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in code[start..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(start + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The line of an offset in a text, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Every occurrence of `word` in `code` as a whole identifier.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = !word.starts_with(part) || !code[..*at].ends_with(part);
        before && (!word.ends_with(part) || !code[at + word.len()..].starts_with(part))
    })
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let text = "a /* x */ b // y\n\"te\\\"xt\" r#\"raw \" \"# 'c' '\\'' &'static z\n\
                #[cfg(test)]\nmod tests {\n fn t() { x.unwrap() }\n}\nfn after() {}\n";
    let source = Source::new("plan/x.rs", text);
    let words: Vec<_> = source.code.split_whitespace().collect();
    assert_eq!(words.join(" "), "a b &'static z fn after() {}");
    assert_eq!(source.code.lines().count(), text.lines().count());
    assert_eq!(source.room(), "plan");
    assert!(Source::new("plan/tests/x.rs", "").is_test());
    let declared = Source::new("plan.rs", "#[cfg(test)]\nmod tests;\nfn f() {}");
    assert!(declared.code.contains("fn f()"));
}
