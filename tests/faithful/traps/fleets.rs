//! Many repositories: some are slow, some are gone, and none slows down another.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ghbox::story;
use ghbox::{AutoProgress, Fault, FaultOn, GhBox};

use crate::client::{Client, github};

#[test]
fn one_repository_or_one_owner_may_be_slow() {
    let github = github();
    for name in ["acme/slow", "acme/shop", "ben/blog"] {
        story::repository(&github, name);
    }
    let waited = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&waited);
    github.sleep_with(move |length| {
        *counted.lock().expect("a count") += length.as_secs();
        Box::pin(std::future::ready(()))
    });
    let app = Client::app(&github);
    let waits = |path: &str| {
        app.get(path);
        std::mem::take(&mut *waited.lock().expect("a count"))
    };
    let late = Fault::Delay(Duration::from_secs(30));
    let one = github.fail(FaultOn::any().in_repository("acme/slow").always(), late.clone());
    assert_eq!((waits("/repos/acme/slow/commits"), waits("/repos/acme/shop")), (30, 0));
    github.mend(one);
    github.fail(FaultOn::any().of_owner("acme").always(), late);
    assert_eq!((waits("/repos/Acme/shop"), waits("/repos/ben/blog")), (30, 0));
}

#[test]
fn an_owner_may_be_gone_with_all_that_it_owns() {
    let github = github();
    story::repository(&github, "acme/shop");
    story::repository(&github, "ben/blog");
    let app = Client::app(&github);
    github.set_owner_gone("acme", true);
    assert_eq!(app.get("/repos/acme/shop/branches/main").status, 404);
    assert_eq!(app.get("/repos/ben/blog").status, 200);
    github.set_owner_gone("acme", false);
    assert_eq!(app.get("/repos/acme/shop").status, 200);
}

#[test]
fn a_box_that_keeps_no_requests_counts_them() {
    let github = github();
    story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    github.keep_requests(0);
    let etag = app.get("/repos/acme/shop").header("etag").to_owned();
    app.get("/repos/acme/nothing");
    app.header("if-none-match", &etag).get("/repos/acme/shop");
    let counts = github.request_counts();
    assert_eq!((counts.all, counts.not_modified, counts.refused, counts.writes), (3, 1, 1, 0));
    assert_eq!(counts.by_operation.get("repos/get"), Some(&3));
    assert!(github.requests().is_empty());
}

/// How long requests to one repository take, at a fake GitHub with `count` repositories.
#[expect(clippy::disallowed_methods, reason = "the box's own speed is what is measured here")]
fn asked_among(count: u32) -> Duration {
    let github: GhBox = github();
    github.keep_requests(0);
    let progress = AutoProgress::new(Duration::from_secs(5), Duration::from_secs(60));
    for number in 0..count {
        let repo = story::repository(&github, &format!("acme/shop{number}"));
        repo.auto_progress(story::VERIFY, progress.clone());
        repo.verified(&["src/lib.rs"]);
    }
    let app = Client::app(&github);
    let began = Instant::now();
    for _ in 0..300 {
        assert_eq!(app.get("/repos/acme/shop7/actions/runs").status, 200);
    }
    began.elapsed()
}

#[test]
fn a_request_costs_the_same_among_a_thousand_repositories_as_among_ten() {
    let (few, many) = (asked_among(10), asked_among(1_000));
    // Both take a few dozen milliseconds; a scan of all repositories would take a hundred times
    // as long.
    assert!(many < few * 5 + Duration::from_millis(200), "{few:?} among ten, {many:?} among all");
}
