//! Any file as a configuration, in the format that the first byte of the input selects. It is
//! accepted, or rejected with mistakes that each name the file or the environment, an existing
//! line, and the problem. No message contains a token. An accepted configuration is accepted
//! again when it is written in its effective form.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use release_governor::config::{self, Config, ConfigErrors};
use serde_json::Value;

use crate::support::{TOKEN, is_one_line};

/// The maximum number of mistakes reported.
const MOST_MISTAKES: usize = 101;

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = std::env::temp_dir().join(format!("fuzz-config-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
});

pub fn run(input: &str) {
    // A token in the file itself is no secret from its author.
    if input.contains(TOKEN) {
        return;
    }
    let (first, text) = input.split_once('\n').unwrap_or(("", input));
    let extension = match first.as_bytes().first() {
        Some(b't') => "toml",
        Some(b'j') => "json",
        _ => "yaml",
    };
    let name = format!("governor.{extension}");
    let lines = text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() + 1;
    let config = match load(&name, text) {
        Ok(config) => config,
        Err(errors) => return refused(&errors, &name, lines),
    };
    for warning in &config.warnings {
        shows_no_token(warning);
    }
    let effective = config.effective();
    shows_no_token(&effective.to_string());
    assert!(!config.repositories.is_empty(), "nothing is governed");

    // The effective form is complete, except for signals, whose headers it never shows.
    let has_signals = config
        .repositories
        .iter()
        .any(|policy| !policy.degraded.is_empty() || policy.health_check.is_some());
    let again = load("effective.json", &without_none(effective.clone()).to_string());
    match again {
        Ok(again) => {
            assert_eq!(again.effective(), effective);
            assert!(has_signals || again.digest == config.digest, "another digest");
        }
        Err(errors) => assert!(has_signals, "its own view is refused: {errors}\n{effective:#}"),
    }
}

fn load(name: &str, text: &str) -> Result<Config, ConfigErrors> {
    let path = DIRECTORY.join(name);
    std::fs::write(&path, text).unwrap();
    let token = ("GITHUB_TOKEN".to_owned(), TOKEN.to_owned());
    config::load(&path, std::iter::once(token))
}

fn refused(errors: &ConfigErrors, name: &str, lines: usize) {
    let ConfigErrors(mistakes) = errors;
    assert!((1..=MOST_MISTAKES).contains(&mistakes.len()), "{} mistakes", mistakes.len());
    for mistake in mistakes {
        let is_of_file = PathBuf::from(&mistake.file) == DIRECTORY.join(name);
        assert!(is_of_file || mistake.file == "environment", "of another file: {mistake}");
        assert!(mistake.line.is_none_or(|line| (1..=lines).contains(&line)), "no line: {mistake}");
        assert!(!mistake.expected.is_empty(), "nothing is said: {mistake:?}");
        is_one_line(&mistake.to_string());
    }
    let mut told = String::new();
    write!(told, "{errors}").unwrap();
    shows_no_token(&told);
}

/// Whatever follows the prefix of a token is redacted.
fn shows_no_token(told: &str) {
    assert!(!told.contains(TOKEN), "shows the token: {told}");
}

/// Omits keys without an effective value.
fn without_none(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_none(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(without_none).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
