//! Lists of path patterns with the semantics of gitignore.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A validated, compiled list of gitignore patterns, in order. Clones share the compiled form,
/// which takes tens of kilobytes: many repositories have identical lists.
#[derive(Clone)]
pub struct PathPatterns(Arc<Compiled>);

struct Compiled {
    written: Vec<String>,
    matcher: Gitignore,
    directories: NamedDirectories,
}

/// The directories that patterns name as parents of what they match: `infra` in `infra/net/**`,
/// `**/migrations` in `**/migrations/*.sql`.
struct NamedDirectories {
    matcher: Gitignore,
    /// The pattern that names each directory.
    named_by: BTreeMap<String, String>,
}

/// Stands for any entry of a directory: no pattern names it, but `*` and `**` match it.
const ANYTHING: &str = "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{1}";

/// A pattern that does not mean what its author intended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` {why}")]
pub struct PatternError {
    pub pattern: String,
    /// What is wrong with it, and what to write instead.
    pub why: &'static str,
}

impl PathPatterns {
    /// Validates and compiles the patterns.
    ///
    /// # Errors
    ///
    /// Lists every pattern that can never match as written, or that the library interprets
    /// differently from git: a silent misinterpretation would understate the risk.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, Vec<PatternError>> {
        let mut errors = Vec::new();
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let error = |why| PatternError { pattern: pattern.to_owned(), why };
            if let Some(why) = misreading(pattern) {
                errors.push(error(why));
            } else if builder.add_line(None, pattern).is_err() {
                errors.push(error("is not a valid pattern"));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let written: Vec<String> = patterns.iter().map(|p| p.as_ref().to_owned()).collect();
        let compiled = builder.build().ok().zip(NamedDirectories::of(&written));
        let Some((matcher, directories)) = compiled else {
            let (pattern, why) = (String::new(), "do not compile together");
            return Err(vec![PatternError { pattern, why }]);
        };
        Ok(Self(Arc::new(Compiled { written, matcher, directories })))
    }

    /// The patterns as written.
    #[must_use]
    pub fn written(&self) -> &[String] {
        &self.0.written
    }

    /// The pattern that makes `path` match, if any does. As in git, a matching directory
    /// includes everything below it, and a negation cannot exclude a file in it.
    #[must_use]
    pub fn matching(&self, path: &str) -> Option<&str> {
        // The matcher panics on absolute paths, which git does not have.
        let path = path.trim_start_matches('/');
        let directories = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        let steps = directories.map(|directory| (directory, true)).chain([(path, false)]);
        for (step, is_directory) in steps {
            if let ignore::Match::Ignore(glob) = self.0.matcher.matched(step, is_directory) {
                return Some(glob.original());
            }
        }
        None
    }

    /// The pattern that a changed entry at `path` falls under, if any. A comparison does not
    /// distinguish files from links and submodules, and these can replace a directory. So the
    /// path is also matched as a directory with arbitrary contents.
    #[must_use]
    pub fn covering(&self, path: &str) -> Option<&str> {
        if self.0.written.is_empty() {
            return None;
        }
        let path = path.trim_start_matches('/');
        self.matching(path)
            .or_else(|| match self.0.matcher.matched(path, true) {
                ignore::Match::Ignore(glob) => Some(glob.original()),
                ignore::Match::None | ignore::Match::Whitelist(_) => None,
            })
            .or_else(|| self.0.directories.matching(path))
            .or_else(|| {
                // A negation that names the path itself covers everything that the entry may
                // be.
                let is_brought_back = [false, true]
                    .iter()
                    .any(|dir| self.0.matcher.matched(path, *dir).is_whitelist());
                if is_brought_back {
                    return None;
                }
                self.matching(&format!("{path}/{ANYTHING}/{ANYTHING}"))
            })
    }
}

impl NamedDirectories {
    /// Returns `None` if the directories do not compile together.
    fn of(patterns: &[String]) -> Option<Self> {
        let mut named_by = BTreeMap::new();
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns.iter().filter(|pattern| !pattern.starts_with('!')) {
            for directory in named_directories(pattern) {
                builder.add_line(None, &directory).ok()?;
                named_by.entry(directory).or_insert_with(|| pattern.clone());
            }
        }
        Some(Self { matcher: builder.build().ok()?, named_by })
    }

    fn matching(&self, path: &str) -> Option<&str> {
        match self.matcher.matched(path, false) {
            ignore::Match::Ignore(glob) => self.named_by.get(glob.original()).map(String::as_str),
            ignore::Match::None | ignore::Match::Whitelist(_) => None,
        }
    }
}

/// The directories on the path to what a pattern matches whose own name has no wildcard, each
/// as a pattern.
fn named_directories(pattern: &str) -> Vec<String> {
    let ends = pattern.match_indices('/').map(|(end, _)| end);
    let mut found = Vec::new();
    // Neither a trailing slash nor the leading one that anchors the pattern ends a parent's
    // name.
    for end in ends.filter(|end| (1..pattern.len().saturating_sub(1)).contains(end)) {
        let Some(directory) = pattern.get(..end) else { continue };
        let name = directory.rsplit('/').next().unwrap_or(directory);
        if is_spelt_out(name) {
            // Without a slash, the new pattern would match at any depth, unlike the original.
            let is_anchored = directory.contains('/');
            found.push(if is_anchored { directory.to_owned() } else { format!("/{directory}") });
        }
    }
    found
}

/// Whether a name has no wildcard.
fn is_spelt_out(name: &str) -> bool {
    let mut escaped = false;
    !name.chars().any(|c| {
        let is_wildcard = !escaped && matches!(c, '*' | '?' | '[');
        escaped = !escaped && c == '\\';
        is_wildcard
    })
}

/// Why this pattern does not mean what is written, or means something else here than in git.
fn misreading(pattern: &str) -> Option<&'static str> {
    if pattern.trim().is_empty() {
        return Some("is empty: leave it out");
    }
    if pattern.starts_with('#') {
        return Some("is a comment in gitignore's language: write `\\#` for a name that begins so");
    }
    if pattern.contains(['\n', '\r', '\0']) {
        return Some("holds a line break: one pattern an entry");
    }
    if pattern.ends_with(char::is_whitespace) {
        return Some("ends in white space, which git leaves out: write `[ ]` for a space there");
    }
    if pattern.contains(['{', '}']) {
        return Some("holds braces, which gitignore does not know: write one pattern for each");
    }
    if pattern.contains("//") {
        return Some("holds `//`, and no path does: write `/`");
    }
    if pattern.contains("\\/") {
        return Some("holds a backslash before a slash, where it escapes nothing");
    }
    let path = pattern.strip_prefix('!').unwrap_or(pattern);
    if path.is_empty() || path == "/" {
        return Some("names no path");
    }
    if path.split('/').any(|name| name.contains("**") && name != "**") {
        return Some("holds `**` beside other characters: write `*`, or `**` between slashes");
    }
    if pattern.ends_with('\\') && !pattern.ends_with("\\\\") {
        return Some("ends in a backslash, which escapes nothing");
    }
    odd_brackets(pattern)
}

/// What is wrong with the pattern's brackets, if anything.
fn odd_brackets(pattern: &str) -> Option<&'static str> {
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once(['[', '\\']) {
        let mut inside = after.chars();
        if rest.get(before.len()..).is_some_and(|here| here.starts_with('\\')) {
            inside.next();
            rest = inside.as_str();
            continue;
        }
        // A `]` in first position is literal.
        let first = inside.next();
        let Some((class, behind)) = inside.as_str().split_once(']') else {
            return Some("holds a `[` that no `]` closes");
        };
        let class: Vec<char> = first.into_iter().chain(class.chars()).collect();
        if let Some(why) = misread_class(&class) {
            return Some(why);
        }
        rest = behind;
    }
    None
}

/// Why the library and git interpret this bracket expression differently, if they do. In git,
/// it matches bytes and never a slash, and supports escapes and class names.
fn misread_class(class: &[char]) -> Option<&'static str> {
    let range = |from: char, to: char| {
        let kinds = [char::is_ascii_digit, char::is_ascii_lowercase, char::is_ascii_uppercase];
        from <= to && kinds.iter().any(|kind| kind(&from) && kind(&to))
    };
    let is_odd_range = class.windows(3).any(|part| match part {
        [from, '-', to] => !range(*from, *to),
        _ => false,
    });
    let is_chained = class.windows(5).any(|part| matches!(part, [_, '-', _, '-', _]));
    let is_odd = |c: &char| !(c.is_ascii_graphic() || *c == ' ') || matches!(c, '/' | '\\' | '[');
    if matches!(class, ['!' | '^', ..]) {
        Some(
            "holds a `[` with what is not meant, which is no `/` to git: write what is meant, or `?`",
        )
    } else if is_odd_range || is_chained {
        Some("holds a range that is none of letters or of digits: write the characters themselves")
    } else if class.iter().any(is_odd) {
        Some("holds brackets with `/`, `\\`, `[` or what is not ASCII: write a pattern for each")
    } else {
        None
    }
}

impl fmt::Debug for PathPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0.written).finish()
    }
}

impl PartialEq for PathPatterns {
    fn eq(&self, other: &Self) -> bool {
        self.0.written == other.0.written
    }
}

impl Eq for PathPatterns {}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(patterns: &[&str], path: &str) -> bool {
        PathPatterns::new(patterns).unwrap().matching(path).is_some()
    }

    #[test]
    fn patterns_mean_what_gitignore_says() {
        assert!(matching(&["**/migrations/**"], "db/migrations/1.sql"));
        assert!(matching(&["**/migrations/**"], "migrations/1.sql"));
        assert!(matching(&["infra/"], "infra/net/main.tf"));
        assert!(!matching(&["infra/"], "infra"));
        assert!(matching(&["Cargo.lock"], "crates/a/Cargo.lock"));
        assert!(!matching(&["/Cargo.lock"], "crates/a/Cargo.lock"));
        assert!(!matching(&["infra/**", "!infra/README.md"], "infra/README.md"));
    }

    #[test]
    fn a_negation_brings_nothing_back_out_of_a_directory_that_matched() {
        assert!(matching(&["infra/", "!infra/README.md"], "infra/README.md"));
    }

    #[test]
    fn what_takes_a_directorys_place_falls_under_what_is_said_of_the_directory() {
        for (pattern, path) in [
            ("infra/**", "infra"),
            ("infra/", "infra"),
            ("/infra/", "infra"),
            ("infra/*", "infra"),
            ("infra/*.tf", "infra"),
            ("infra/net/**", "infra"),
            ("infra/net/**", "infra/net"),
            ("/infra/net/main.tf", "infra/net"),
            ("**/migrations/**", "db/migrations"),
            ("**/migrations/*.sql", "db/migrations"),
            ("**/migrations/*/**", "migrations"),
            ("db/*/migrations/1.sql", "db/shop/migrations"),
            ("vendor*/**", "vendored"),
            ("\\#a/b", "#a"),
        ] {
            let patterns = PathPatterns::new(&[pattern]).unwrap();
            assert_eq!(patterns.covering(path), Some(pattern), "{pattern} on {path}");
            let file = patterns.matching(path);
            assert_eq!(file, None, "{pattern} on {path}, were it known to be a file");
        }
    }

    #[test]
    fn what_is_no_directory_of_a_pattern_falls_under_nothing() {
        for (patterns, path) in [
            (&["infra/**"][..], "src/infra"),
            (&["infra/net/**"], "net"),
            (&["*/secrets.yml"], "README.md"),
            (&["src/*/auth/**"], "src/main.rs"),
            (&["**/auth/**"], "src/authors.rs"),
            (&["**/auth/**"], "docs/auth.md"),
            (&["infra/**", "!infra/README.md"], "infra/README.md"),
            (&["infra/**", "!infra/*.md"], "infra/notes.md"),
            (&["!infra/**"], "infra"),
        ] {
            let patterns = PathPatterns::new(patterns).unwrap();
            assert_eq!(patterns.covering(path), None, "{patterns:?} on {path}");
        }
    }

    #[test]
    fn a_negation_of_the_directory_brings_nothing_below_it_back() {
        let patterns = PathPatterns::new(&["infra/**", "!infra"]).unwrap();
        assert_eq!(patterns.covering("infra"), Some("infra/**"));
    }

    #[test]
    fn a_pattern_that_would_be_misread_is_refused() {
        for bad in [
            "src/[ab",
            "{a,b}.rs",
            "[[:alpha:]]",
            "",
            "# all",
            "a***b",
            "a**",
            "**.rs",
            "a**/b",
            "a\\",
            "[!",
            "[]",
            "a//b",
            "!",
            "/",
            "!/",
            "a\\/",
            "a\\\\/b",
            "a ",
            "a\u{a0}",
            "[!a]b",
            "[^a]b",
            "[\\]]",
            "[a/b]",
            "[é]",
            "[[]",
            "[+-9]",
            "[z-a]",
            "[a-Z]",
            "[a-c-e]",
            "[--0]",
        ] {
            assert!(PathPatterns::new(&[bad]).is_err(), "{bad}");
        }
        for good in [
            "[]a]b",
            "\\[a",
            "a\\\\",
            "\\[[ab]\\]",
            "[a-z0-9_-]",
            "[-a]",
            "[a^!]",
            "[*?]",
            "**",
            "!**/a",
            " a",
        ] {
            assert!(PathPatterns::new(&[good]).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_matching_pattern_is_told() {
        let patterns = PathPatterns::new(&["infra/**", "**/auth/**"]).unwrap();
        assert_eq!(patterns.matching("src/auth/login.rs"), Some("**/auth/**"));
    }
}
