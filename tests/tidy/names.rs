//! One name, one meaning: no type name is used twice in the program, and no module has a
//! retired name.

use std::collections::BTreeMap;

use crate::reading::{Source, line_of, sources, words};

/// Retired terms and their replacements. `CONTRIBUTING.md` explains the terms in use.
const GIVEN_UP: &[(&str, &str)] = &[
    ("quiet", "unchanged"),
    ("holding", "hold_since"),
    ("claims", "ledger_lease"),
    ("places", "pass_permits"),
    ("roster", "registry"),
    ("footprint", "read_set"),
    ("shelf", "lru"),
    ("shelves", "lru_indexes"),
    ("left_behind", "recovery_scan"),
    ("rhythm", "refresh_schedule"),
    ("whom", "target"),
    ("looks", "queries"),
    ("reach", "client"),
    ("window", "read_model"),
    ("words", "messages"),
    ("told", "describe_entry"),
];

/// The types that a file defines, with their locations. The fake GitHub is not checked, and the
/// names of associated types are prescribed by their trait.
fn types(source: &Source) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for keyword in ["struct", "enum", "union", "trait", "type"] {
        for at in words(&source.code, keyword) {
            let line_start = source.code[..at].rfind('\n').map_or(0, |end| end + 1);
            let is_of_a_trait = keyword == "type" && source.code[line_start..].starts_with(' ');
            let name: String = source.code[at + keyword.len()..]
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !is_of_a_trait && name.starts_with(char::is_uppercase) {
                let place = format!("src/{}:{}", source.path, line_of(&source.code, at));
                found.push((name, place));
            }
        }
    }
    found
}

/// Names that are used for two types.
fn twice(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        for (name, place) in types(source) {
            places.entry(name).or_default().push(place);
        }
    }
    let several = places.into_iter().filter(|(_, places)| places.len() > 1);
    several.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect()
}

/// Modules with a retired name.
fn given_up(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let parts = source.path.trim_end_matches(".rs").split('/');
        for part in parts {
            for (word, instead) in GIVEN_UP.iter().filter(|(word, _)| *word == part) {
                found.push(format!("src/{}: `{word}` is now `{instead}`", source.path));
            }
        }
    }
    found
}

#[test]
fn a_type_name_means_one_thing_and_modules_have_plain_names() {
    let sources = sources();
    let found: Vec<String> = twice(&sources).into_iter().chain(given_up(&sources)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_type_name_that_stands_twice_is_found() {
    let one = Source::new("plan.rs", "pub struct Found;\nimpl A for B {\n    type Found = u8;\n}");
    let other = Source::new("store/file.rs", "enum Found {}");
    assert_eq!(twice(&[one, other]), ["Found: src/plan.rs:1, src/store/file.rs:1"]);
}

#[test]
fn a_module_with_a_name_that_was_given_up_is_found() {
    assert_eq!(given_up(&[Source::new("controller/roster.rs", "")]).len(), 1);
    assert!(given_up(&[Source::new("controller/registry.rs", "")]).is_empty());
}
