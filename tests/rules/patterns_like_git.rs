//! Checks path patterns against git itself: the same paths match, by the same pattern.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use release_governor::config;
use release_governor::domain::PathPatterns;
use tempfile::TempDir;

use crate::arbitrary::cases;

/// A repository with one directory for each list of patterns, which is its `.gitignore`.
struct Git(TempDir);

impl Git {
    fn with(lists: &[PathPatterns]) -> Self {
        let git = Self(tempfile::tempdir().unwrap());
        let made = git.command(&["init", "--quiet"]).status();
        assert!(made.expect("git is installed").success());
        for (place, list) in lists.iter().enumerate() {
            let directory = git.0.path().join(place.to_string());
            std::fs::create_dir(&directory).unwrap();
            let text = list.written().join("\n") + "\n";
            std::fs::write(directory.join(".gitignore"), text).unwrap();
        }
        git
    }

    /// A git command without any user configuration.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(self.0.path()).args(["-c", "core.ignoreCase=false"]).args(arguments);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("GIT_") {
                command.env_remove(variable);
            }
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// What git reports for each path below each directory: the last pattern that matches it,
    /// negated or not.
    fn speaks(&self, lists: usize, paths: &[String]) -> Vec<Vec<Option<String>>> {
        let asked: Vec<String> = (0..lists)
            .flat_map(|place| paths.iter().map(move |path| format!("{place}/{path}\0")))
            .collect();
        let arguments =
            ["check-ignore", "--no-index", "--stdin", "--verbose", "--non-matching", "-z"];
        let mut command = self.command(&arguments);
        let mut asking =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git is installed");
        let mut to_git = asking.stdin.take().unwrap();
        let question = asked.concat();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || to_git.write_all(question.as_bytes()).unwrap());
            asking.wait_with_output().unwrap()
        });
        let output = String::from_utf8(output.stdout).unwrap();
        // The fields of each answer: source, line, pattern and path.
        let fields: Vec<&str> = output.split_terminator('\0').collect();
        let answers: Vec<(Option<String>, &str)> = fields
            .chunks_exact(4)
            .map(|said| (Some(said[2].to_owned()).filter(|pattern| !pattern.is_empty()), said[3]))
            .collect();
        assert_eq!(answers.len(), asked.len(), "git answered every question");
        let in_order = answers
            .iter()
            .zip(&asked)
            .all(|((_, path), asked)| Some(*path) == asked.strip_suffix('\0'));
        assert!(in_order, "git answered in order");
        answers
            .chunks(paths.len())
            .map(|one| one.iter().map(|(said, _)| said.clone()).collect())
            .collect()
    }
}

/// All paths for which git and our patterns differ.
fn differences(lists: &[PathPatterns], paths: &[String]) -> Vec<String> {
    let said = Git::with(lists).speaks(lists.len(), paths);
    let mut found = Vec::new();
    for (list, said) in lists.iter().zip(&said) {
        for (path, theirs) in paths.iter().zip(said) {
            let theirs = theirs.as_deref().filter(|pattern| !pattern.starts_with('!'));
            let ours = list.matching(path);
            if ours != theirs {
                found.push(format!("{list:?} on {path:?}: {ours:?}, and git {theirs:?}"));
            }
        }
    }
    found
}

/// Names that are difficult for patterns.
const NAMES: [&str; 24] = [
    "a", "b", "ab", "abc", "c", "A", "é", "éa", ".a", "a.b", " a", "a b", "-", "!a", "#a", "[a]",
    "a*", "*", "?", "\\a", "]", "a^", "0", "9,",
];

/// Every name, every name in a directory of every name, and some deeper paths.
fn paths() -> Vec<String> {
    let mut paths: Vec<String> = NAMES.map(str::to_owned).to_vec();
    for above in NAMES {
        paths.extend(NAMES.map(|name| format!("{above}/{name}")));
        paths.push(format!("{above}/b/c"));
        paths.push(format!("a/{above}/b/c"));
        paths.push(format!("a/b/{above}/a"));
        paths.push(format!("c/{above}/a/b"));
    }
    paths
}

/// Each is a list of patterns, separated by `|`.
const LISTS: &[&str] = &[
    "a",
    "/a",
    "a/",
    "/a/",
    "a/b",
    "/a/b",
    "a/b/",
    "ab",
    "a*",
    "*a",
    "*",
    "*/",
    "/*",
    "/*/",
    "*/*",
    "*/b",
    "a/*",
    "a/*/b",
    "*/*/*",
    "?",
    "??",
    "?/?",
    "/?",
    "?a",
    "a?",
    "a/?",
    "**",
    "**/",
    "/**",
    "/**/",
    "**/a",
    "**/a/",
    "**/a/b",
    "a/**",
    "a/**/",
    "/a/**",
    "**/b/**",
    "a/**/b",
    "a/**/c",
    "a/**/b/",
    "**/**",
    "**/**/a",
    "a/**/**",
    "a/**/**/c",
    "**/*",
    "**/*/b",
    "*/**",
    "*/**/b",
    "/**/a",
    "**/?",
    "[ab]",
    "[a-c]",
    "[]]",
    "[]a]",
    "[-a]",
    "[a-]",
    "[a-c0-9]",
    "[a-c]/[a-c]",
    "[a^]",
    "[*]",
    "[?]",
    "[ ]a",
    "\\!a",
    "\\#a",
    "\\[a\\]",
    "\\*",
    "\\?",
    "a\\*",
    "\\\\a",
    "\\a",
    "\\a/b",
    "a/\\b",
    "é",
    "é*",
    "?a/b",
    "*.b",
    "a.*",
    ".*",
    ".a",
    "a b",
    "a\\ b",
    " a",
    "a,b",
    "9,",
    "A",
    "A/",
    "a#",
    "a!",
    "+",
    "a^",
    "!a",
    "*|!a",
    "*|!a/",
    "/*|!/a",
    "/*|!/a/",
    "a/|!a/b",
    "a/*|!a/b",
    "a/**|!a/b",
    "a/**|!a/b/",
    "a/**|!a/b/c",
    "**|!a",
    "**|!*/",
    "*|!*/|!*.b",
    "a|!a|a",
    "a|!a",
    "!a|a",
    "**/b|!a/b",
    "b|!/a/b",
    "a/b|!a",
    "*|!**/b",
    "*|!\\#a",
    "*|!\\!a",
    "*|!é",
    "[ab]|!b",
    "?|!?|a",
    "*/b|!c/b",
    "a|b|c",
    "**/a|**/b|!/a/b",
    "/a|/b/|c/**",
];

#[test]
fn what_a_pattern_matches_is_what_git_says() {
    let lists: Vec<PathPatterns> = LISTS
        .iter()
        .map(|list| {
            let list: Vec<&str> = list.split('|').collect();
            PathPatterns::new(&list).unwrap_or_else(|errors| panic!("{errors:?}"))
        })
        .collect();
    let found = differences(&lists, &paths());
    assert!(found.is_empty(), "{} differ:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_default_patterns_match_what_git_says() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("governor.yaml");
    std::fs::write(&file, "repositories: [{name: acme/shop}]\n").unwrap();
    let policy =
        config::load(&file, std::iter::empty()).unwrap().repositories.remove(0).as_ref().clone();
    let names = [
        "Cargo.lock",
        "Cargo.toml",
        "package.json",
        "requirements-dev.txt",
        "requirements.txt",
        "x.csproj",
        "build.gradle.kts",
        "go.sum",
        "auth",
        "Auth",
        "login.rs",
        "migrations",
        "main.tf",
        "x.yml",
        ".terraform.lock.hcl",
        "README.md",
    ];
    let directories = [
        "",
        "src/",
        "infra/",
        "src/infra/",
        "terraform/",
        ".github/workflows/",
        ".github/actions/x/",
        ".github/",
        "x/.github/workflows/",
        "auth/",
        "src/auth/x/",
        "db/migrations/",
        "requirements/",
        "a/requirements/b/",
    ];
    let paths: Vec<String> = directories
        .iter()
        .flat_map(|directory| names.map(|name| format!("{directory}{name}")))
        .collect();
    let lists = [policy.high_risk_paths, policy.medium_risk_paths];
    assert_eq!(differences(&lists, &paths), [""; 0]);
    let matching =
        |list: &PathPatterns| paths.iter().filter(|path| list.matching(path).is_some()).count();
    assert!(lists.iter().all(|list| (20..200).contains(&matching(list))), "both match some paths");
}

/// A pattern, plausible or not.
fn patterns() -> impl Strategy<Value = String> {
    let part = select(vec![
        "a", "b", "c", "ab", "A", "é", ".", " ", "-", "!", "#", "]", "^", ",", "0", "*", "*", "?",
        "[ab]", "[a-c]", "[]a]", "[-0]", "[^!]", "[é]", "[!a]", "\\a", "\\*", "\\?", "\\[", "\\\\",
        "\\!", "\\#", "\\ ",
    ]);
    let name = prop_oneof![
        1 => Just("**".to_owned()),
        4 => vec(part, 1..4).prop_map(|parts| parts.concat()),
    ];
    let ends =
        (select(vec!["", "", "", "!"]), select(vec!["", "", "/"]), select(vec!["", "", "/"]));
    (ends, vec(name, 1..4)).prop_map(|((negation, start, end), names)| {
        format!("{negation}{start}{}{end}", names.join("/"))
    })
}

/// A path that stands for anything below a directory.
const BELOW: &str = "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{1}";

/// Only accepted lists: rejected ones are never used.
fn accepted() -> impl Strategy<Value = PathPatterns> {
    let one = patterns().prop_filter("refused", |pattern| PathPatterns::new(&[pattern]).is_ok());
    vec(one, 1..5).prop_map(|list| PathPatterns::new(&list).unwrap())
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn patterns_that_nobody_thought_of_match_what_git_says(
        lists in vec(accepted(), 16),
        names in vec(vec(select(NAMES.to_vec()), 1..5), 150),
    ) {
        let paths: Vec<String> = names.iter().map(|names| names.join("/")).collect();
        let found = differences(&lists, &paths);
        prop_assert!(found.is_empty(), "{} differ:\n{}", found.len(), found.join("\n"));
    }
    #[test]
    fn a_path_that_git_would_ignore_as_a_file_or_as_a_directory_is_covered(
        lists in vec(accepted(), 16),
        names in vec(vec(select(NAMES.to_vec()), 1..5), 150),
    ) {
        let paths: Vec<String> = names.iter().map(|names| names.join("/")).collect();
        let below: Vec<String> = paths.iter().map(|path| format!("{path}/{BELOW}/{BELOW}")).collect();
        let git = Git::with(&lists);
        let (files, below) = (git.speaks(lists.len(), &paths), git.speaks(lists.len(), &below));
        for ((list, files), below) in lists.iter().zip(&files).zip(&below) {
            let has_negations = list.written().iter().any(|pattern| pattern.starts_with('!'));
            for ((path, file), below) in paths.iter().zip(files).zip(below) {
                let ignored = |said: &Option<String>| {
                    said.as_ref().is_some_and(|pattern| !pattern.starts_with('!'))
                };
                // A negation that matches the path also concerns what is below it.
                let expected = ignored(file) || ignored(below) && !has_negations;
                if expected {
                    prop_assert!(list.covering(path).is_some(), "{list:?} on {path:?}");
                }
            }
        }
    }
}
