//! Finds the line of each key in the file. Used only in messages, which omit the line if it is
//! unknown.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

/// The location of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Counted from 1.
    pub(super) line: usize,
    /// The source text of a plain scalar, because YAML parses `branch: 2024` as a number.
    pub(super) text: Option<String>,
}

/// The locations in a YAML or JSON text that has already been parsed successfully.
pub(super) fn of_yaml(text: &str) -> BTreeMap<String, Spot> {
    let mut walk = SpotWalk::default();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let line = span.start.line();
        if let Event::MappingStart(..) = event {
            walk.open(line, NestingLevel::Mapping(None));
        } else if let Event::SequenceStart(..) = event {
            walk.open(line, NestingLevel::Sequence(0));
        } else if let Event::MappingEnd | Event::SequenceEnd = event {
            walk.levels.pop();
        } else if let Event::Scalar(text, style, ..) = event {
            walk.scalar(line, &text, style == ScalarStyle::Plain);
        } else if let Event::Alias(_) = event {
            walk.scalar(line, "", false);
        }
    }
    walk.spots
}

/// The locations in a TOML text, from table headers and from keys at the beginning of a line.
pub(super) fn of_toml(text: &str) -> BTreeMap<String, Spot> {
    let mut spots = BTreeMap::new();
    let mut tables: BTreeMap<&str, usize> = BTreeMap::new();
    let mut prefix = String::new();
    for (index, written) in text.lines().enumerate() {
        let written = written.trim();
        let mut note = |key: String| {
            spots.entry(key).or_insert(Spot { line: index + 1, text: None });
        };
        if let Some(name) = written.strip_prefix("[[").and_then(|rest| rest.split_once("]]")) {
            let count = tables.entry(name.0).or_default();
            prefix = format!("{}[{count}]", name.0.trim());
            *count += 1;
            note(prefix.clone());
        } else if let Some(name) = written.strip_prefix('[').and_then(|r| r.split_once(']')) {
            name.0.trim().clone_into(&mut prefix);
            note(prefix.clone());
        } else if let Some((key, _)) = written.split_once('=') {
            let key = key.trim().trim_matches(['"', '\'']);
            note(if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") });
        }
    }
    spots
}

#[derive(Default)]
struct SpotWalk {
    spots: BTreeMap<String, Spot>,
    levels: Vec<(String, NestingLevel)>,
}

enum NestingLevel {
    /// The key whose value comes next, if it was read.
    Mapping(Option<String>),
    /// The index of the next item.
    Sequence(usize),
}

impl SpotWalk {
    fn open(&mut self, line: usize, level: NestingLevel) {
        let key = self.value(line, None);
        self.levels.push((key, level));
    }

    fn scalar(&mut self, line: usize, text: &str, plain: bool) {
        if let Some((parent, NestingLevel::Mapping(key @ None))) = self.levels.last_mut() {
            let path = if parent.is_empty() { text.to_owned() } else { format!("{parent}.{text}") };
            self.spots.insert(path, Spot { line, text: None });
            *key = Some(text.to_owned());
        } else {
            self.value(line, plain.then(|| text.to_owned()));
        }
    }

    /// Records that a value begins here, and returns its path.
    fn value(&mut self, line: usize, text: Option<String>) -> String {
        let path = match self.levels.last_mut() {
            None => String::new(),
            Some((parent, NestingLevel::Sequence(next))) => {
                *next += 1;
                format!("{parent}[{}]", *next - 1)
            }
            Some((parent, NestingLevel::Mapping(key))) => {
                let key = key.take().unwrap_or_default();
                if parent.is_empty() { key } else { format!("{parent}.{key}") }
            }
        };
        // Prefer the line of the key to the line of the value below it.
        let line = self.spots.get(&path).map_or(line, |spot| spot.line);
        self.spots.insert(path.clone(), Spot { line, text });
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(spots: &BTreeMap<String, Spot>) -> Vec<String> {
        spots.iter().map(|(key, spot)| format!("{key}:{}", spot.line)).collect()
    }

    #[test]
    fn keys_and_items_are_found_in_yaml() {
        let text = "a:\n  b: 007\nlist:\n  - c: [x,\n      y]\n    d: 'q'\n";
        let spots = of_yaml(text);
        let expected =
            [":1", "a:1", "a.b:2", "list:3", "list[0]:4", "list[0].c:4", "list[0].c[0]:4"];
        let found = lines(&spots);
        for key in expected {
            assert!(found.iter().any(|f| f == key), "{key} in {found:?}");
        }
        assert!(found.contains(&"list[0].c[1]:5".to_owned()), "{found:?}");
        assert_eq!(spots["a.b"].text.as_deref(), Some("007"));
        assert_eq!(spots["list[0].d"].text, None);
    }

    #[test]
    fn keys_are_found_in_toml() {
        let text = "[github]\napi_url = \"x\"\n[[repositories]]\nname = \"a\"\n[[repositories]]\n";
        let found = lines(&of_toml(text));
        assert_eq!(
            found,
            [
                "github:1",
                "github.api_url:2",
                "repositories[0]:3",
                "repositories[0].name:4",
                "repositories[1]:5"
            ]
        );
    }
}
