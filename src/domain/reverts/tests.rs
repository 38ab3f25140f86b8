use std::time::{Duration, Instant};

use super::*;

/// A parsed message on one line.
fn told(message: &str) -> String {
    let CommitMessage { title, pull, picked_from, reverts_commit, reverts_pull } =
        CommitMessage::of(message);
    let mut told = format!("{} x{}", title.text, title.reverts);
    if let Some(pull) = pull {
        told.push_str(&format!(" #{pull}"));
    }
    for from in picked_from {
        told.push_str(&format!(" from {}", from.as_str()));
    }
    if let Some(commit) = reverts_commit {
        told.push_str(&format!(" not {}", commit.as_str()));
    }
    if let Some(RevertedPull { repository, number }) = reverts_pull {
        let name = repository.map_or_else(String::new, |name| name.to_string());
        told.push_str(&format!(" not {name}#{number}"));
    }
    told
}

#[test]
fn each_message_says_what_it_says() {
    let whole = "0123456789abcdef0123456789abcdef01234567";
    let rows = [
        ("", " x0".to_owned()),
        ("Add a cart", "Add a cart x0".to_owned()),
        ("\n\n  Add a cart (#12)  \r\n\r\nIt rolls.", "Add a cart x0 #12".to_owned()),
        ("Add (#12) a cart", "Add (#12) a cart x0".to_owned()),
        ("Add a cart(#12)", "Add a cart(#12) x0".to_owned()),
        ("(#12)", " x0 #12".to_owned()),
        ("Add (#0)", "Add (#0) x0".to_owned()),
        ("Add (#99999999999999999999)", "Add (#99999999999999999999) x0".to_owned()),
        ("Merge pull request #12 from dev/cart\n\nA cart", "A cart x0 #12".to_owned()),
        (
            "Merge pull request #12 from dev/cart",
            "Merge pull request #12 from dev/cart x0 #12".to_owned(),
        ),
        ("Revert \"Add (#12)\" (#13)", "Add x1 #13".to_owned()),
        ("Revert \"Revert \"Add\"\"", "Add x2".to_owned()),
        ("Reapply \"Add\"", "Add x2".to_owned()),
        ("Revert \"Reapply \"Add (#1)\" (#2)\" (#3)", "Add x3 #3".to_owned()),
        ("revert: feat(cart): add", "feat(cart): add x1".to_owned()),
        ("Revert(cart)!: add", "add x1".to_owned()),
        ("revert(cart: add", "revert(cart: add x0".to_owned()),
        ("reverts: add", "reverts: add x0".to_owned()),
        ("Undo\n\nThis reverts commit 0123456.", "Undo x0 not 0123456".to_owned()),
        ("Undo\n\nThis reverts commit\n0123456ABC, reversing", "Undo x0 not 0123456abc".to_owned()),
        ("Undo\n\nThis reverts commit012345678", "Undo x0".to_owned()),
        ("Undo\n\nThis reverts commit 012345z78", "Undo x0".to_owned()),
        ("Undo\n\nReverts acme/shop#12", "Undo x0 not acme/shop#12".to_owned()),
        ("Undo\n\nReverts #12.", "Undo x0 not #12".to_owned()),
        ("Undo\n\nReverts #12th", "Undo x0".to_owned()),
        ("Undo\n\nReverts acme/shop/till#12", "Undo x0".to_owned()),
        ("Undo\n\nReverts nothing. Reverts #3", "Undo x0 not #3".to_owned()),
        ("Pick\n\n(cherry picked from commit 0123456)", "Pick x0 from 0123456".to_owned()),
    ];
    for (message, expected) in rows {
        assert_eq!(told(message), expected, "{message:?}");
    }
    for cut in [6, 41] {
        let named = &format!("{whole}{whole}")[..cut];
        assert_eq!(told(&format!("Undo\n\nThis reverts commit {named}")), "Undo x0");
    }
}

#[test]
fn what_is_kept_of_a_message_is_bounded() {
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let picks = format!("(cherry picked from commit {sha})\n").repeat(1_000);
    let message = CommitMessage::of(&format!("{}\n\n{picks}", "é".repeat(100_000)));
    assert_eq!(message.title.text.chars().count(), LONGEST_TITLE);
    assert_eq!(message.picked_from.len(), MOST_PICKS);
    assert!(serde_json::to_string(&message).unwrap().len() < 1_000);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it measures how long the work takes")]
fn hostile_messages_are_read_in_linear_time() {
    let length = 1 << 17;
    let units = [
        "Revert \"",
        "Reapply \"",
        "revert: ",
        "revert(",
        "revert(a): ",
        "(#",
        "(#1)",
        ")",
        "1)",
        "\"",
        "This reverts commit ",
        "This reverts commit 0",
        "Reverts ",
        "Reverts #",
        "Reverts a/b",
        "(cherry picked from commit ",
        " ",
        "\n",
        "é",
        "0",
    ];
    let begun = Instant::now();
    for unit in units {
        for end in ["", "\"", "11111111111111111111)", " (#1)"] {
            let whole = unit.repeat(length / unit.len());
            drop(CommitMessage::of(&format!("{whole}{end}")));
            drop(CommitMessage::of(&format!("{whole}{}", end.repeat(length / 8))));
        }
    }
    // This takes seconds in a debug build. Anything quadratic would take hours.
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}
