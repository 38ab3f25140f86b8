//! The file becomes invalid while a controller runs: operators' commands still work.

use ghbox::story;

use super::Mount;
use crate::town::Town;

/// An invalid file, and a word of the error about it.
const BROKEN: [(&str, &str); 3] = [
    ("repositories: [{name: acme/shop, brnach: main}]\n", "brnach"),
    ("repositories: [", "is not valid YAML"),
    ("repositories: [{name: acme/shop, cooldown_minutes: soon}]\n", "cooldown_minutes"),
];

#[test]
fn commands_go_through_a_running_controller_whatever_the_file_says() {
    let (town, shop, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    for (content, word) in BROKEN {
        mount.judges(&running, &town.text(content), word);
        let says_why = |arguments: &[&str]| {
            let done = town.run(arguments).with(0);
            let note = done.error();
            assert!(note.contains("goes by its last good one"), "{arguments:?}: {note}");
            assert!(note.contains(word), "{arguments:?}: {note}");
            done
        };
        says_why(&["pause", "acme/shop", "--reason", "incident 42"]);
        assert_eq!(
            town.run(&["status", "--json"]).json()["repositories"][0]["paused"],
            "incident 42"
        );
        // A command without a repository refers to the only governed one.
        says_why(&["resume"]);
        says_why(&["approve", "acme/shop", &shop.tip("main"), "--reason", "rehearsed"]);
        says_why(&["history", "acme/shop"]);
        says_why(&["status", "acme/shop"]);
        let unknown = town.run(&["pause", "acme/cart", "--reason", "x"]).with(4).error();
        assert!(unknown.contains("known are acme/shop"), "{unknown}");
    }
    let elsewhere = town.directory.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    let refused = town.run(&["status", "--state-dir", elsewhere]).with(2).error();
    assert!(refused.contains("cooldown_minutes"), "{refused}");
    assert_eq!(running.end().0, 0);
    // Without a running controller it is an error, and nothing is done.
    let refused = town.run(&["pause", "acme/shop", "--reason", "x"]).with(2).error();
    assert!(refused.contains("cooldown_minutes"), "{refused}");
}

#[test]
fn the_state_directory_can_be_said_where_the_file_does_not() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    std::fs::write(town.config(), "}").unwrap();
    let state = town.state();
    let state = state.to_str().unwrap();
    town.run(&["pause", "--state-dir", state, "--reason", "incident 42"]).with(0);
    let status = town.run(&["status", "--json", "--state-dir", state]).json();
    assert_eq!(status["repositories"][0]["paused"], "incident 42");
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_probe_finds_the_running_controller_whatever_the_file_says() {
    let town = Town::new();
    story::repository(&town.github, "acme/shop").in_production();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    town.configure_at(&town.state(), &free.to_string(), "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    running.until_said("ALLOW");
    std::fs::write(town.config(), town.text("repositories: [{name: acme/shop, brnach: main}]\n"))
        .unwrap();
    let said = town.run(&["probe"]).with(0).text();
    assert!(said.contains("/readyz 200"), "{said}");
    assert_eq!(running.end().0, 0);
}
