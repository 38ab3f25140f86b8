//! Finds the state directory even if the rest of the configuration is invalid.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};

use super::environment::Variables;
use super::mistake::Mistakes;
use super::read;
use super::settings::Settings;

/// The state directory set in the environment, otherwise in the file at `path`, otherwise the
/// default.
///
/// Commands that talk to a running controller need nothing else from the file, so its other
/// mistakes are ignored. If the file cannot be parsed as a whole, only its `state` section is
/// parsed.
#[must_use]
pub fn state_dir(path: &Path, environment: impl Iterator<Item = (String, String)>) -> PathBuf {
    let environment = Variables::read(environment, &mut Mistakes::default());
    let of_environment = directory_in(&environment.file);
    let of_file = || {
        let bytes = read::bytes(path, "").ok()?;
        let whole = read::file(path, Ok(&bytes), "", &mut Mistakes::default());
        match whole {
            Some(file) => directory_in(&file.values),
            None => directory_in(&section_alone(path, &read::text(&bytes).ok()?)?),
        }
    };
    of_environment.or_else(of_file).unwrap_or_else(|| Settings::default().state_dir)
}

fn directory_in(file: &Dict) -> Option<PathBuf> {
    let Value::Dict(_, state) = file.get("state")? else { return None };
    state.get("dir")?.as_str().filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// Parses only the `state` section of a file that cannot be parsed as a whole.
fn section_alone(path: &Path, text: &str) -> Option<Dict> {
    let read = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => read::toml(&toml_section(text)?).ok()?,
        Some("json") => read::json(&json_section(text)?).ok()?,
        Some(_) | None => read::yaml(&yaml_section(text)?).ok()?,
    };
    let Value::Dict(_, values) = read else { return None };
    Some(values)
}

/// The lines from the one that begins the section to the next unindented one.
fn yaml_section(text: &str) -> Option<String> {
    let begins =
        |line: &str| ["state:", "\"state\":", "'state':"].iter().any(|key| line.starts_with(key));
    let mut lines = text.lines().skip_while(|line| !begins(line));
    let first = lines.next()?;
    let belongs = |line: &&str| line.is_empty() || line.starts_with([' ', '\t', '#']);
    let section: Vec<&str> = std::iter::once(first).chain(lines.take_while(belongs)).collect();
    Some(section.join("\n"))
}

/// The lines from the section header to the next header, or the single line that sets the
/// directory.
fn toml_section(text: &str) -> Option<String> {
    let is_header = |line: &&str| line.trim_start().starts_with('[');
    let one_line = text.lines().take_while(|line| !is_header(line));
    let one_line = one_line.map(str::trim).find(|line| {
        line.split_once('=').is_some_and(|(key, _)| key.replace(' ', "") == "state.dir")
    });
    if let Some(line) = one_line {
        return Some(line.to_owned());
    }
    let mut lines = text.lines().skip_while(|line| line.replace(' ', "") != "[state]");
    let first = lines.next()?;
    let section: Vec<&str> =
        std::iter::once(first).chain(lines.take_while(|line| !is_header(line))).collect();
    Some(section.join("\n"))
}

/// The value of the key, whatever follows it.
fn json_section(text: &str) -> Option<String> {
    let after = text.split_once("\"state\"")?.1.trim_start().strip_prefix(':')?;
    let mut values = serde_json::Deserializer::from_str(after).into_iter::<serde_json::Value>();
    let value = values.next()?.ok()?;
    Some(serde_json::json!({ "state": value }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str, variables: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        state_dir(&path, variables).display().to_string()
    }

    #[test]
    fn a_refused_file_still_says_where_the_state_is() {
        for (name, text) in [
            ("a.yaml", "state: {dir: /data}\nrepositories: [{name: acme/shop, brnach: main}]\n"),
            ("a.yaml", "repositories: [\nstate:\n  # on the volume\n\n  dir: /data\n"),
            ("a.yaml", "state: {dir: /data}\nrepositories: }\n"),
            ("a.toml", "repositories = 3\n[state]\ndir = \"/data\"\n"),
            ("a.json", "{\"state\": {\"dir\": \"/data\"}, \"nothing\": 1}"),
            ("a.yaml", "\"state\":\n  dir: /data\nrepositories: }\n"),
            (
                "a.toml",
                "[state]\ndir = \"/data\"\n[[repositories]]\nname = \"acme/shop\"\n[[oops\n",
            ),
            ("a.toml", "state.dir = \"/data\"\n[[oops\n"),
            ("a.json", "{\"state\": {\"dir\": \"/data\"}, \"repositories\": [}"),
        ] {
            assert_eq!(of(name, text, &[]), "/data", "{text}");
        }
    }

    #[test]
    fn the_environment_comes_before_the_file_and_the_default_after_it() {
        let variables = [("RELEASE_GOVERNOR_STATE__DIR", "/elsewhere"), ("GITHUB_TOKEN", "x")];
        assert_eq!(of("a.yaml", "state: {dir: /data}\n", &variables), "/elsewhere");
        assert_eq!(of("a.yaml", "state: {dir: 3}\n", &[]), "./state");
        assert_eq!(of("a.yaml", "}", &[]), "./state");
        assert_eq!(
            state_dir(Path::new("/nowhere/a.yaml"), std::iter::empty()),
            Path::new("./state")
        );
    }
}
