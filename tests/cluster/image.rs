//! Checks the image without building it; `.ci/image` builds and runs it.

use crate::tools::root;

fn dockerfile() -> String {
    std::fs::read_to_string(root().join("Dockerfile")).unwrap()
}

#[test]
fn both_bases_are_arguments_and_the_user_is_a_number() {
    let dockerfile = dockerfile();
    let from: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(from, ["FROM ${BUILD_IMAGE} AS build", "FROM ${RUNTIME_IMAGE}"]);
    // Kubernetes can only verify that a numeric user is not root.
    let users: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("USER ")).collect();
    assert_eq!(users, ["USER 65532:65532"]);
}

/// A tag may point to another image tomorrow.
#[test]
fn every_base_is_nothing_or_named_by_its_digest() {
    let dockerfile = dockerfile();
    let bases: Vec<&str> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("ARG ")?.split_once("_IMAGE=").map(|(_, base)| base))
        .collect();
    assert_eq!(bases.len(), 2, "{bases:?}");
    for base in bases {
        let digest = base.split_once("@sha256:").map(|(_, digest)| digest);
        let whole = digest.is_some_and(|digest| {
            digest.len() == 64 && digest.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        });
        assert!(whole || base == "scratch", "{base} is not named by its digest");
    }
    let copied =
        dockerfile.lines().filter_map(|line| line.split_once("--from=")).map(|(_, from)| from);
    for from in copied {
        assert!(from.starts_with("build "), "copied from another image: {from}");
    }
}

#[test]
fn the_image_is_of_this_version_and_built_with_a_rust_that_is_new_enough() {
    let dockerfile = dockerfile();
    assert!(dockerfile.contains(&format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"))));
    let rust =
        format!("ARG BUILD_IMAGE=docker.io/library/rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(dockerfile.contains(&rust), "{rust}");
}

/// Credentials, state and history stay out of the build.
#[test]
fn the_builds_context_is_a_list_of_what_is_let_in() {
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let lines: Vec<&str> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["*", "!Cargo.toml", "!Cargo.lock", "!src", "!crates"]);
}

/// `.ci/image` builds the image twice; these settings make the builds identical.
#[test]
fn the_build_leaves_out_where_and_when_it_was_made_and_keeps_what_it_was_made_from() {
    let dockerfile = dockerfile();
    for (words, why) in [
        ("--locked", "the crates are those of Cargo.lock"),
        ("--remap-path-prefix=/src=.", "no path of the source"),
        ("--remap-path-prefix=${CARGO_HOME:-/usr/local/cargo}/registry=", "no path of the crates"),
        ("cargo auditable build", "the program carries the list of its crates"),
        ("cargo install \"cargo-auditable@$CARGO_AUDITABLE\" --locked", "in one version"),
        ("touch --no-dereference --date=\"@$SOURCE_DATE_EPOCH\"", "no time of its files"),
        ("RELEASE_GOVERNOR_REVISION=\"$REVISION\"", "the metrics tell the commit"),
        ("image.revision=\"${REVISION}\"", "the label tells the commit"),
    ] {
        assert!(dockerfile.contains(words), "{why}: {words}");
    }
    let script = std::fs::read_to_string(root().join(".ci/image")).unwrap();
    assert!(script.contains("[ \"$one\" = \"$other\" ] || fail"), "both are compared");
}
