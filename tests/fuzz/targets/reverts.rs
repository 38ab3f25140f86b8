//! Any commit message. What is kept of it is bounded and part of it, it is parsed alike with
//! any line endings, a revert of it adds one to the count, and nothing counts as reverted
//! without the keyword.

use release_governor::domain::CommitMessage;

/// The limits of a kept title, in characters, and of the commits it was picked from.
const LONGEST_TITLE: usize = 256;
const MOST_PICKS: usize = 4;

pub fn run(message: &str) {
    let told = CommitMessage::of(message);
    let lower = message.to_ascii_lowercase();
    assert!(told.title.text.chars().count() <= LONGEST_TITLE, "a long title is kept");
    assert!(message.contains(&told.title.text), "{:?} is no part of it", told.title.text);
    assert!(told.picked_from.len() <= MOST_PICKS, "{} picks", told.picked_from.len());
    for sha in told.picked_from.iter().chain(&told.reverts_commit) {
        assert!(lower.contains(sha.as_str()), "{sha:?} does not stand in it");
    }
    for number in told.pull.iter().chain(told.reverts_pull.iter().map(|pull| &pull.number)) {
        assert!(message.contains(&number.to_string()), "{number} does not stand in it");
    }
    assert!(told.reverts_commit.is_none() || message.contains("This reverts commit"));
    assert!(told.reverts_pull.is_none() || message.contains("Reverts "));
    if told.title.reverts > 0 {
        assert!(lower.contains("revert") || lower.contains("reapply"), "reverts by no word");
    }

    let stored = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<CommitMessage>(&stored).unwrap(), told, "kept otherwise");

    if !message.contains('\r') {
        let others = CommitMessage::of(&message.replace('\n', "\r\n"));
        assert_eq!(others, told, "told by how its lines end");
    }
    around(message.lines().next().unwrap_or_default());
}

/// `Revert "…"` around any title counts as one revert, `Reapply "…"` as two.
fn around(title: &str) {
    let is_whole = title.chars().count() <= LONGEST_TITLE && !title.trim().is_empty();
    if !is_whole || title.starts_with("Merge pull request #") || title != title.trim() {
        return;
    }
    let inner = CommitMessage::of(title).title;
    for (word, more) in [("Revert", 1), ("Reapply", 2)] {
        let outer = CommitMessage::of(&format!("{word} \"{title}\" (#12)")).title;
        assert_eq!((&outer.text, outer.reverts), (&inner.text, inner.reverts + more), "{title:?}");
    }
    let by_words = CommitMessage::of(&format!("revert(a scope)!: {title} (#34)")).title;
    assert_eq!((&by_words.text, by_words.reverts), (&inner.text, inner.reverts + 1), "{title:?}");
}
