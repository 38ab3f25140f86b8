//! Operators may abbreviate a commit id if it is unambiguous; GitHub does not guarantee to
//! resolve it.

use ghbox::{Fault, FaultOn, NewCommit};
use release_governor::controller::NotDone;

use crate::story::Story;

/// A repository with known commits, at a GitHub that does not resolve abbreviated ids. Returns
/// the newest commit.
fn at_a_github_that_takes_whole_ids() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let sha = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    for length in 7..40 {
        let path = format!("/repos/acme/shop/commits/{}?*", &sha[..length]);
        let words = "No commit found for SHA".to_owned();
        let refuse = Fault::Refuse { status: 422, message: words };
        shop.github.fail(FaultOn::path(&path).always(), refuse);
    }
    (shop, sha)
}

#[test]
fn a_shortened_id_of_a_commit_that_was_seen_is_asked_for_whole() {
    let (mut shop, sha) = at_a_github_that_takes_whole_ids();
    for length in [7, 12, 39, 40] {
        let decision = shop.simulates(&sha[..length]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(decision.sha.as_str(), sha, "{length} digits");
    }
}

#[test]
fn a_shortened_id_of_a_commit_that_was_not_seen_is_for_github_to_tell() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let elsewhere = shop.repo.push(NewCommit::on("feature").file("src/new.rs", "new"));
    let decision = shop.simulates(&elsewhere[..10]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(decision.sha.as_str(), elsewhere);
    let unknown = shop.simulates("0123456789");
    assert!(matches!(unknown, Err(NotDone::NoSuchCommit { .. })), "{unknown:?}");
}
