//! The chart's README has a table of all values, generated from the comments in values.yaml.

use std::fs;

use serde_json::Value;

use crate::rendered::{CHART, yaml};
use crate::tools::root;

const BEGIN: &str =
    "<!-- made from values.yaml: RELEASE_GOVERNOR_REWRITE=1 cargo test --test cluster -->\n";
const END: &str = "<!-- end of what is made -->\n";

/// Fails if the file does not have this text. With `RELEASE_GOVERNOR_REWRITE`, writes it
/// instead.
#[track_caller]
pub(crate) fn held_to(file: &str, text: &str) {
    let path = root().join(file);
    if std::env::var_os("RELEASE_GOVERNOR_REWRITE").is_some() {
        // Replace the file atomically, because other tests read it concurrently.
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &path).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "{file} is out of date: RELEASE_GOVERNOR_REWRITE=1 cargo test --test cluster makes it anew"
    );
}

/// A line of the values file: a key or the heading of a section.
enum Line {
    Heading(String),
    Key { path: Vec<String>, told: String },
}

/// The keys with their paths and the comment directly above each.
fn lines(values: &str) -> Vec<Line> {
    let (mut found, mut path, mut told) = (Vec::new(), Vec::<(usize, String)>::new(), Vec::new());
    for line in values.lines() {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim();
        if let Some(heading) = text.strip_prefix("## ") {
            found.push(Line::Heading(heading.to_owned()));
        } else if let Some(comment) = text.strip_prefix('#') {
            told.push(comment.trim().to_owned());
            continue;
        } else if let Some((key, _)) = text.split_once(':').filter(|_| !text.starts_with('-')) {
            path.retain(|(other, _)| *other < indent);
            path.push((indent, key.to_owned()));
            let path = path.iter().map(|(_, key)| key.clone()).collect();
            found.push(Line::Key { path, told: told.join(" ") });
        }
        told.clear();
    }
    found
}

fn at<'a>(values: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(values, |value, key| &value[key.as_str()])
}

/// A key has a row if it has a comment, or if its parent is documented by its parts.
fn table(text: &str) -> String {
    let values = yaml(text);
    let lines = lines(text);
    let told_below = |path: &[String]| {
        lines.iter().any(|line| match line {
            Line::Key { path: other, told } => {
                other.len() > path.len() && other.starts_with(path) && !told.is_empty()
            }
            Line::Heading(_) => false,
        })
    };
    let mut made = String::new();
    let mut whole: Option<&[String]> = None;
    for line in &lines {
        match line {
            Line::Heading(heading) => {
                made.push_str(&format!(
                    "\n### {heading}\n\n| value | default | meaning |\n|---|---|---|\n"
                ));
            }
            Line::Key { path, .. } if whole.is_some_and(|above| path.starts_with(above)) => {}
            Line::Key { path, told } => {
                let default = if told_below(path) {
                    // A key documented by its parts needs a row only if it has a comment of its
                    // own.
                    if told.is_empty() {
                        continue;
                    }
                    String::new()
                } else {
                    whole = Some(path);
                    format!("`{}`", at(&values, path))
                };
                let cells = [format!("`{}`", path.join(".")), default, told.clone()];
                made.push_str(&format!(
                    "| {} |\n",
                    cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
                ));
            }
        }
    }
    made
}

#[test]
fn the_readme_shows_the_values_as_they_are() {
    let values = fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let file = format!("{CHART}/README.md");
    let readme = fs::read_to_string(root().join(&file)).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    held_to(&file, &format!("{before}{BEGIN}{}\n{END}{after}", table(&values)));
}

#[test]
fn every_value_is_told_about() {
    let values = fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    for row in table(&values).lines().filter(|row| row.starts_with("| `")) {
        assert!(!row.ends_with("|  |"), "no comment stands above {row}");
    }
}

#[test]
fn a_table_is_made_of_comments_and_defaults() {
    let text = "## Image\n\n# What\n# runs.\nimage:\n  # Its name.\n  name: a|b\n  # Whole.\n  more:\n    x: 1\n";
    let made = table(text);
    assert!(made.contains("### Image\n"), "{made}");
    assert!(made.contains("| `image` |  | What runs. |\n"), "{made}");
    assert!(made.contains("| `image.name` | `\"a\\|b\"` | Its name. |\n"), "{made}");
    assert!(made.contains("| `image.more` | `{\"x\":1}` | Whole. |\n"), "{made}");
    assert!(!made.contains("image.more.x"), "{made}");
}
