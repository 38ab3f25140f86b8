//! ETags, pagination, rate limits, dates.

use std::time::Duration;

use ghbox::story::{self, VERIFY};
use ghbox::{Limits, StartRun};
use serde_json::json;

use crate::client::{Client, github};

const SHOP: &str = "/repos/acme/shop";

#[test]
fn a_304_is_free_of_the_primary_limit() {
    let github = github();
    story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    let first = app.get(SHOP);
    assert_eq!(first.header("x-ratelimit-remaining"), "4999");
    let again = app.clone().header("if-none-match", first.header("etag"));
    let second = again.get(SHOP);
    assert_eq!((second.status, second.body.len()), (304, 0));
    assert_eq!(second.header("x-ratelimit-remaining"), "4999");
    assert_eq!(second.header("etag"), first.header("etag"));
    let points: u32 = github.requests().iter().map(|exchange| exchange.points).sum();
    assert_eq!(points, 2);
}

#[test]
fn an_etag_belongs_to_its_token() {
    let github = github();
    story::repository(&github, "acme/shop");
    github.add_token("next-hour", "release-governor[bot]");
    let etag = Client::app(&github).get(SHOP).header("etag").to_owned();
    let other = Client::with_token(&github, "next-hour").header("if-none-match", &etag);
    assert_eq!(other.get(SHOP).status, 200);
}

#[test]
fn pages_are_linked_at_the_address_that_was_asked() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    for _ in 0..5 {
        shop.start_run(VERIFY, StartRun::push("main", &shop.tip("main")));
    }
    let app = Client::app(&github).host("ghe.example.com");
    let runs =
        |page: &str| app.get(&format!("/api/v3{SHOP}/actions/runs?branch=main&per_page=2{page}"));
    let url = "https://ghe.example.com/api/v3/repos/acme/shop/actions/runs?branch=main&per_page=2";
    let expected = format!("<{url}&page=2>; rel=\"next\", <{url}&page=3>; rel=\"last\"");
    assert_eq!(runs("").header("link"), expected);
    let expected = format!("<{url}&page=2>; rel=\"prev\", <{url}&page=1>; rel=\"first\"");
    assert_eq!(runs("&page=3").header("link"), expected);
    assert_eq!(runs("&page=4").json()["workflow_runs"], json!([]));
}

#[test]
fn the_date_is_the_boxs_own_and_times_have_no_fractions() {
    let github = github();
    github.advance(Duration::from_millis(1_999));
    story::repository(&github, "acme/shop");
    let answer = Client::app(&github).get(SHOP);
    assert_eq!(answer.header("date"), "Fri, 20 Nov 2026 14:00:01 GMT");
    assert_eq!(answer.json()["created_at"], "2026-11-20T14:00:01Z");
}

#[test]
fn the_primary_limit_refuses_until_its_hour_is_over() {
    let github = github();
    story::repository(&github, "acme/shop");
    github.set_limits(Limits { requests_per_hour: 2, ..Limits::default() });
    let app = Client::app(&github);
    app.get(SHOP);
    app.get(SHOP);
    let refused = app.get(SHOP);
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(refused.header("retry-after"), "");
    let limits = app.get("/rate_limit");
    assert_eq!((limits.status, &limits.json()["rate"]["remaining"]), (200, &0.into()));
    github.advance(Duration::from_secs(3_600));
    assert_eq!(app.get(SHOP).status, 200);
}

#[test]
fn the_secondary_limits_count_points_and_content() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    github.enforce_secondary(true);
    let app = Client::app(&github);
    let path = format!("{SHOP}/statuses/{}", shop.tip("main"));
    let status = json!({ "state": "pending" });
    for _ in 0..80 {
        assert_eq!(app.post(&path, &status).status, 201);
    }
    let refused = app.post(&path, &status);
    assert_eq!((refused.status, refused.header("retry-after")), (403, "60"));
    assert_eq!(shop.statuses(&shop.tip("main")).len(), 80);
    // 80 writes cost 400 of the 900 points, which leaves 500 reads.
    for _ in 0..500 {
        assert_eq!(app.get(SHOP).status, 200);
    }
    assert_eq!(app.get(SHOP).status, 403);
    github.advance(Duration::from_secs(60));
    assert_eq!(app.post(&path, &status).status, 201);
}
