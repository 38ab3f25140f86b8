//! Enterprise Server: its own base URL and pages, no rate limits, and no newer features.

use ghbox::story;
use serde_json::json;

use crate::client::{Client, github};
use crate::openapi::check_all;

const SHOP: &str = "/api/v3/repos/acme/shop";

#[test]
fn an_enterprise_server_answers_below_api_v3_and_nowhere_else() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    github.enterprise_server("https://ghe.example.com");
    let app = Client::app(&github).host("ghe.example.com");
    let answer = app.get(SHOP);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-github-enterprise-version"), "3.20.0");
    assert_eq!(answer.header("x-ratelimit-limit"), "");
    let shown = answer.json();
    assert_eq!(shown["url"], "https://ghe.example.com/api/v3/repos/acme/shop");
    assert_eq!(shown["html_url"], "https://ghe.example.com/acme/shop");
    assert_eq!(shown["owner"]["avatar_url"], "https://ghe.example.com/avatars/u/1001?");
    let page = app.get("/repos/acme/shop");
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    let limits = app.get("/api/v3/rate_limit");
    assert_eq!(
        (limits.status, &limits.json()["message"]),
        (404, &json!("Rate limiting is not enabled."))
    );
    assert_eq!(app.get("/api/v3/meta").json()["installed_version"], "3.20.0");
    let run = shop.in_production();
    let body = json!({ "ref": "main", "inputs": { "sha": run }, "return_run_details": true });
    let dispatches = format!("{SHOP}/actions/workflows/deploy.yml/dispatches");
    assert_eq!(app.post(&dispatches, &body).status, 400);
    let runs = app.get(&format!("{SHOP}/actions/runs")).json();
    let page = runs["workflow_runs"][0]["html_url"].as_str().expect("a page");
    assert!(page.starts_with("https://ghe.example.com/acme/shop/actions/runs/"), "{page}");
    check_all(&github.requests());
}
