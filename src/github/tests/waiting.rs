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
    let settings = Settings { max_requests_per_minute: 60, ..settings() };
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
    let settings = Settings { max_requests_per_minute: 700, ..settings() };
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
