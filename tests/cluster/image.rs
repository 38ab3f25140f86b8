//! What can be said of the image without building it; `.ci/image` builds and runs it.

use crate::tools::root;

fn dockerfile() -> String {
    std::fs::read_to_string(root().join("Dockerfile")).unwrap()
}

#[test]
fn both_bases_are_arguments_and_the_user_is_a_number() {
    let dockerfile = dockerfile();
    let from: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(from, ["FROM ${BUILD_IMAGE} AS build", "FROM ${RUNTIME_IMAGE}"]);
    // Kubernetes can see of a number alone that it is not root.
    let users: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("USER ")).collect();
    assert_eq!(users, ["USER 65532:65532"]);
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
    assert_eq!(lines, ["*", "!Cargo.toml", "!Cargo.lock", "!src"]);
}
