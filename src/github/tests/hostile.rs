//! Malicious servers: huge answers, and echoed credentials.

use super::*;
use crate::domain::ApprovalCommand;

const MANY: usize = 10_000_000;

/// The result, and how long it took.
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let clock = Clock::system();
    let began = clock.monotonic();
    let done = work.await;
    (done, clock.monotonic().saturating_sub(began))
}

#[tokio::test]
async fn thirty_megabytes_of_small_json_are_no_list_and_cost_no_time() {
    let small = format!("[{}]", vec!["{}"; MANY].join(","));
    let world = world([Reply::Answer(200, Vec::new(), small)]);
    let command = ApprovalCommand::new("/approve").unwrap();
    let (name, pull) = (shop(), 7.into());
    let (read, took) = timed(world.reader.timeline(&name, pull, &command)).await;
    let error = read.unwrap_err();
    assert!(matches!(error, ReadError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("a list of more than 1000"), "{error}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn an_answer_that_is_larger_than_its_kind_is_refused_for_good() {
    let large = format!("{{\"login\":\"gov\",\"bio\":\"{}\"}}", "x".repeat(2 << 20));
    let world = world([Reply::Answer(200, Vec::new(), large)]);
    let error = world.reader.user().await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    insta::assert_snapshot!(error, @"cannot identify the token's user: GitHub's response is malformed: GET /user: the response is larger than 1 MB");
}

#[tokio::test]
async fn a_list_of_errors_without_end_takes_milliseconds_and_a_line() {
    let errors = vec![json!({"message": "no"}); 2_000_000];
    let body = json!({"message": "Validation Failed", "errors": errors}).to_string();
    let world = world([Reply::Answer(422, Vec::new(), body)]);
    let (read, took) = timed(world.reader.workflows(&shop())).await;
    let error = read.unwrap_err().to_string();
    assert!(error.contains("GitHub said 422 \"no; no; no") && error.len() < 600, "{error}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn no_token_comes_back_in_any_text() {
    let other = format!("ghp_{}", "a1".repeat(18));
    let to = format!("https://elsewhere.example.com/x?t=ghp_secret&o={other}");
    let page = |body: Value| answer(200, body);
    let mut named = repository(1, "acme/shop");
    named["html_url"] = json!("https://x/ghp_secret");
    let odd = json!({"workflows": [{"id": other}]});
    let world = world([
        problem(301, "Moved").with("location", to),
        page(named).with("x-oauth-scopes", format!("repo, ghp_secret, {other}")),
        page(odd),
        Reply::Answer(422, Vec::new(), r#"{"message":"you sent ghp\u005fsecret"}"#.into()),
        page(json!({ "login": "gov" })),
    ]);
    let clean = |text: String| {
        assert!(!text.contains("secret") && !text.contains(&other), "{text}");
        text
    };
    let name = shop();
    clean(world.reader.repository(&name).await.unwrap_err().to_string());
    clean(world.reader.repository(&name).await.unwrap().value.html_url);
    clean(world.reader.workflows(&name).await.unwrap_err().to_string());
    let said = clean(world.reader.workflows(&name).await.unwrap_err().to_string());
    assert!(said.contains("you sent [token]"), "{said}");
    let granted = world.reader.granted().await.unwrap();
    clean(format!("{granted:?}"));
}

#[tokio::test]
async fn nothing_that_looks_like_a_token_is_written() {
    let world = world([answer(201, json!({}))]);
    let secret = format!("ghs_{}", "a1".repeat(18));
    let body = json!({ "description": format!("run {secret} failed") });
    world.writer.send(WriteRequest { body, ..writing::dispatch() }).await.unwrap();
    assert_eq!(world.script.seen()[0].body, r#"{"description":"run [token] failed"}"#);
}
