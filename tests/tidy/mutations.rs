//! Checks that the mutations match the current source.

use std::collections::BTreeSet;
use std::fs;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;

use crate::reading::root;

#[derive(Deserialize)]
struct Mutations {
    mutation: Vec<Mutation>,
}

/// A deliberate bug that the tests must detect.
#[derive(Deserialize)]
struct Mutation {
    name: String,
    file: String,
    find: String,
    replace: String,
}

impl Mutation {
    /// Why the mutation does not match, if so.
    fn trouble(&self, text: &str) -> Option<String> {
        let Self { name, file, find, replace } = self;
        let times = text.matches(find.as_str()).count();
        if times != 1 {
            return Some(format!("{name}: what it replaces stands {times} times in {file}"));
        }
        (!replace.contains("MUTATED")).then(|| format!("{name}: nothing switches it off"))
    }
}

#[test]
fn every_mutation_replaces_what_stands_once_in_its_file() {
    let path = root().join("tests/mutations/mutations.toml");
    let Mutations { mutation } = Figment::from(Toml::file_exact(path)).extract().unwrap();
    let names: BTreeSet<&str> = mutation.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), mutation.len(), "two mutations bear one name");
    let read = |one: &Mutation| fs::read_to_string(root().join(&one.file)).unwrap_or_default();
    let troubles: Vec<String> = mutation.iter().filter_map(|one| one.trouble(&read(one))).collect();
    assert!(troubles.is_empty(), "{troubles:#?}");
}

#[test]
fn a_mutation_that_fits_nothing_or_cannot_be_switched_off_is_found() {
    let mutation = |find: &str, replace: &str| Mutation {
        name: "x".into(),
        file: "y.rs".into(),
        find: find.into(),
        replace: replace.into(),
    };
    assert_eq!(mutation("a", "a || MUTATED").trouble("if a {}"), None);
    assert!(mutation("b", "b || MUTATED").trouble("if a {}").is_some());
    assert!(mutation("a", "a || MUTATED").trouble("if a && a {}").is_some());
    assert!(mutation("a", "true").trouble("if a {}").is_some());
}
