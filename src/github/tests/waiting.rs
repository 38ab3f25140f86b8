//! Limits, pace, and the clock.

use super::*;
use jiff::SignedDuration;

#[tokio::test]
async fn when_one_call_is_told_to_wait_all_calls_wait() {
    let world = world([problem(403, "API rate limit exceeded").with("retry-after", "90")]);
    let until = noon() + SignedDuration::from_secs(90);
    let told = world.reader.workflows(&shop()).await.unwrap_err();
    assert!(matches!(told, ReadError::ToldToWait { until: at, .. } if at == until), "{told}");
    assert!(told.is_transient());

    let again = world.reader.past_caches().user().await.unwrap_err();
    assert!(matches!(again, ReadError::ToldToWait { .. }), "{again}");
    let write = world.writer.send(writing::dispatch()).await;
    assert_eq!(write, Err(WriteFailure::ToldToWait { until }));
    assert_eq!(world.script.seen().len(), 1, "nothing else was sent");
    assert_eq!(world.reader.limits().told_to_wait_until, Some(until));

    world.time.advance(Duration::from_secs(90));
    world.script.then(answer(200, json!({ "workflows": [] })));
    assert!(world.reader.workflows(&shop()).await.is_ok());
    assert_eq!(world.reader.limits().told_to_wait_until, None);
}

#[tokio::test]
async fn time_is_githubs() {
    let reply =
        answer(200, json!({ "login": "gov" })).with("date", "Sun, 01 Nov 2026 13:00:00 GMT");
    let world = world([reply]);
    world.reader.user().await.unwrap();
    assert_eq!(world.clock.now(), noon() + SignedDuration::from_hours(1));
    assert_eq!(world.reader.limits().last_ok_at, Some(world.clock.now()));
    let text = world.metrics.encode();
    assert!(text.contains("release_governor_clock_difference_seconds -3600"), "{text}");
}

#[tokio::test]
async fn reads_leave_by_the_pace() {
    let settings = GithubSettings { max_requests_per_minute: 60, ..settings() };
    let page = || answer(200, json!({ "login": "gov" }));
    let world = world_of(settings, (0..20).map(|_| page()));
    for _ in 0..20 {
        world.reader.user().await.unwrap();
    }
    let took = world.clock.now().duration_since(noon());
    assert!((14..=16).contains(&took.as_secs()), "54 a minute after a burst of 6: {took:?}");
}

#[tokio::test]
async fn writes_are_a_second_apart_unless_there_is_no_pace() {
    let settings = GithubSettings { max_requests_per_minute: 700, ..settings() };
    let paced = world_of(settings, (0..5).map(|_| answer(201, json!({}))));
    let free = world((0..5).map(|_| answer(201, json!({}))));
    for world in [&paced, &free] {
        for _ in 0..5 {
            world.writer.send(writing::dispatch()).await.unwrap();
        }
    }
    let took = |world: &World| world.clock.now().duration_since(noon()).as_secs();
    assert_eq!((took(&paced), took(&free)), (4, 0));
}

#[tokio::test]
async fn the_gate_of_a_token_that_was_replaced_holds_the_new_one_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "ghp_old").unwrap();
    let settings = GithubSettings { token: TokenSource::File(file.clone()), ..settings() };
    let limit = || problem(403, "API rate limit exceeded").with("retry-after", "3600");
    let world = world_of(settings, [limit()]);
    let told = |error: &ReadError| matches!(error, ReadError::ToldToWait { .. });
    assert!(told(&world.reader.workflows(&shop()).await.unwrap_err()));
    assert!(told(&world.reader.workflows(&shop()).await.unwrap_err()));
    let write = world.writer.send(writing::dispatch()).await;
    assert!(matches!(write, Err(WriteFailure::ToldToWait { .. })), "{write:?}");
    assert_eq!(world.script.seen().len(), 1);
    std::fs::write(&file, "ghp_new").unwrap();
    world.time.advance(Duration::from_secs(5));
    world.script.then(answer(201, json!({})));
    assert!(world.writer.send(writing::dispatch()).await.is_ok());
    world.script.then(answer(200, json!({ "workflows": [] })));
    assert!(world.reader.workflows(&shop()).await.is_ok());
    assert_eq!(world.reader.limits().told_to_wait_until, None);
}

#[tokio::test]
async fn good_reads_do_not_shorten_the_waits_that_writes_met() {
    let world = world([]);
    let mut waits = Vec::new();
    for _ in 0..4 {
        world.script.then(problem(403, "You have exceeded a secondary rate limit."));
        let began = world.clock.now();
        let write = world.writer.send(writing::dispatch()).await;
        let Err(WriteFailure::ToldToWait { until }) = write else { panic!("{write:?}") };
        let wait = until.duration_since(began);
        waits.push(wait.as_secs());
        world.time.advance(Duration::try_from(wait).unwrap());
        world.script.then(answer(200, json!({ "workflows": [] })));
        world.reader.workflows(&shop()).await.unwrap();
    }
    assert_eq!(waits, [60, 120, 240, 480]);
}

#[tokio::test]
async fn a_refused_token_does_not_bring_the_limit_of_anonymous_callers() {
    let refused = || {
        problem(401, "Bad credentials")
            .with("x-ratelimit-limit", "60")
            .with("x-ratelimit-remaining", "0")
            .with("x-ratelimit-reset", (noon().as_second() + 3_000).to_string())
    };
    let world = world([refused()]);
    assert!(world.reader.workflows(&shop()).await.is_err());
    world.time.advance(Duration::from_secs(6));
    world.script.then(answer(200, json!({ "workflows": [] })));
    let settled = world.reader.in_lane(Lane::Settled);
    assert!(settled.workflows(&shop()).await.is_ok());
}

#[tokio::test]
async fn a_refusal_says_where_the_token_is_to_be_authorized() {
    let url = "https://github.com/orgs/acme/sso?authorization_request=AZSCKL";
    let refusal = problem(403, "Resource protected by organization SAML enforcement.")
        .with("x-github-sso", format!("required; url={url}"));
    let world = world([refusal]);
    let error = world.reader.workflows(&shop()).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"cannot list the workflows of acme/shop: GitHub said 403 "Resource protected by organization SAML enforcement. Authorize the token for single sign-on at https://github.com/orgs/acme/sso?authorization_request=AZSCKL""#);
}
