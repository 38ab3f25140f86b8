//! Hostile and meaningless files are rejected quickly, with a clear error.

use std::fmt::Write;
use std::path::Path;

use insta::assert_snapshot;
use release_governor::config;

use crate::config::{file, yaml};

#[test]
fn a_file_that_is_not_there_is_said_with_its_name() {
    let mistakes = config::load(Path::new("no/such.yaml"), std::iter::empty()).unwrap_err();
    assert_snapshot!(mistakes, @"no/such.yaml: cannot be read: No such file or directory (os error 2). Give its path with --config FILE");
    let mistakes = config::load(Path::new("/"), std::iter::empty()).unwrap_err().to_string();
    assert!(mistakes.contains("Is a directory"), "{mistakes}");
}

#[test]
fn a_file_that_says_nothing_is_told_what_is_missing() {
    for nothing in ["", "\n", "# a comment\n", "---\n", "null"] {
        let expected = "governor.yaml: the file is empty: expected at least `repositories`";
        assert_eq!(yaml(nothing).mistakes(), expected);
    }
    assert_snapshot!(file("governor.toml", "# x").mistakes(), @"governor.toml: the file is empty: expected at least `repositories`");
    assert_snapshot!(file("governor.json", " ").mistakes(), @"governor.json: the file is empty: expected at least `repositories`");
    assert_snapshot!(yaml("repositories: []").mistakes(), @"governor.yaml:1: repositories: expected at least one repository, as in `- name: acme/shop`");
    assert_snapshot!(yaml("github:").mistakes(), @"governor.yaml: repositories: expected at least one repository, as in `- name: acme/shop`");
}

#[test]
fn a_file_of_another_shape_is_told_the_right_one() {
    assert_snapshot!(yaml("just text").mistakes(), @"governor.yaml: expected keys with values, as in `repositories: [{name: acme/shop}]`");
    assert_snapshot!(yaml("a: 1\n---\nb: 2\n").mistakes(), @"governor.yaml:2: is not valid YAML: more than one document");
    assert_snapshot!(yaml("repositories:\n\t- x\n").mistakes(), @"governor.yaml:2: is not valid YAML: tabs disallowed within this context (block indentation)");
    assert_snapshot!(yaml("defaults: 3\nrepositories: {}\n").mistakes(), @r"
    the configuration has 2 mistakes:
    governor.yaml:1: defaults: found `3`, expected a mapping of keys to values
    governor.yaml:2: repositories: found a mapping, expected a list of mappings with a `name`, as in `- name: acme/shop`
    ");
    assert_snapshot!(file("governor.ini", "x").mistakes(), @"governor.ini: the name must end in .yaml, .yml, .toml or .json");
    assert_snapshot!(file("governor.yaml", b"\xff\xfe\x00").mistakes(), @"governor.yaml: is not UTF-8 text");
}

#[test]
fn a_billion_laughs_are_not_funny() {
    let mut text = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (before, name) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let items = vec![format!("*{before}"); 9].join(", ");
        writeln!(text, "{name}: &{name} [{items}]").unwrap();
    }
    let mistakes = yaml(&text).mistakes();
    assert!(mistakes.contains("too large or too deep"), "{mistakes}");
}

#[test]
fn a_deep_file_is_refused_before_it_is_followed() {
    for (name, text) in [
        ("a.yaml", format!("a: {}", "[".repeat(200_000))),
        ("b.yaml", (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("a.json", format!("{{\"a\": {}", "[".repeat(200_000))),
        ("a.toml", format!("a = {}", "[".repeat(200_000))),
    ] {
        let mistakes = file(name, text).mistakes();
        assert!(mistakes.contains("is not valid"), "{name}: {mistakes}");
        assert!(mistakes.len() < 300, "{name}: {mistakes}");
    }
}

#[test]
fn a_huge_file_is_refused_unread() {
    let mistakes = yaml(&"#".repeat(10_000_000)).mistakes();
    assert_snapshot!(mistakes, @"governor.yaml: is larger than 4 MiB, the limit for a configuration file");
}

#[test]
fn endless_mistakes_end() {
    let text: String = (0..20_000).map(|n| format!("key{n}: 1\n")).collect();
    let mistakes = yaml(&text).mistakes();
    assert_eq!(mistakes.lines().count(), 102);
    assert!(mistakes.ends_with("governor.yaml: and perhaps more: these come first"), "{mistakes}");
    let long = yaml(&format!("? {}\n: {}\n", "x".repeat(100_000), "y".repeat(100_000)));
    assert!(long.mistakes().len() < 1_000);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let mistakes = yaml("\"a\\e[31m\": 1\nrepositories: [{name: \"\\e[31mx\"}]\n").mistakes();
    assert!(!mistakes.contains('\u{1b}'), "{mistakes:?}");
}

#[test]
fn a_pipe_or_a_device_is_no_configuration_and_is_waited_for_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), Path::new("/dev/zero"), Path::new("/dev/null")] {
        let mistakes = config::load(path, std::iter::empty()).unwrap_err().to_string();
        assert!(mistakes.ends_with(": is not a regular file"), "{mistakes}");
    }
}

#[test]
fn more_patterns_than_anybody_reviews_are_refused_before_they_are_compiled() {
    let clock = release_governor::clock::Clock::system();
    let repository = |list: &str| format!("repositories: [{{name: acme/shop, {list}}}]");
    let many: Vec<String> = (0..100_000).map(|number| format!("\"**/p{number}/**\"")).collect();
    let text = repository(&format!("high_risk_paths: [{}]", many.join(", ")));
    assert_snapshot!(yaml(&text).mistakes(), @"governor.yaml:1: repositories[0].high_risk_paths: has 100000 items: expected at most 5000");
    let long: Vec<String> =
        (0..200).map(|number| format!("\"{number}{}\"", "x".repeat(1_000))).collect();
    let text = repository(&format!("high_risk_paths: [{}]", long.join(", ")));
    assert_snapshot!(yaml(&text).mistakes(), @"governor.yaml:1: repositories[0].high_risk_paths: has 195 KiB of patterns: expected at most 128");
    let teams: Vec<String> = (0..100_000).map(|number| format!("acme/t{number}")).collect();
    let text = repository(&format!("approval_teams: [{}]", teams.join(", ")));
    assert_snapshot!(yaml(&text).mistakes(), @"governor.yaml:1: repositories[0].approval_teams: has 100000 items: expected at most 5000");
    let many: String = (0..60_000).map(|number| format!("- name: acme/r{number}\n")).collect();
    let text = format!("repositories:\n{many}");
    assert_snapshot!(yaml(&text).mistakes(), @"governor.yaml: repositories: has 60000 items: expected at most 50000");
    assert!(clock.monotonic() < std::time::Duration::from_secs(120), "{:?}", clock.monotonic());
}

#[test]
fn the_same_patterns_in_a_thousand_repositories_are_compiled_once() {
    let patterns: Vec<String> = (0..100).map(|number| format!("\"**/p{number}/**\"")).collect();
    let list = format!("[{}]", patterns.join(", "));
    let mut text = format!("x: &x {list}\n").replace("x: &x ", "defaults: {high_risk_paths: &x ");
    text = format!("{}}}\nrepositories:\n", text.trim_end());
    for number in 0..1_000 {
        writeln!(text, "- {{name: acme/r{number}, high_risk_paths: *x}}").unwrap();
    }
    let good = config::load(&yaml(&text).path(), std::iter::empty()).unwrap();
    assert_eq!(good.repositories.len(), 1_000);
}
