//! Writes: sent once, and what is certain when they fail.

use super::*;

pub(super) fn dispatch() -> WriteRequest {
    WriteRequest {
        method: WriteMethod::Post,
        repository: shop(),
        path: "/actions/workflows/7/dispatches".into(),
        body: json!({ "ref": "main", "inputs": { "sha": sha('a') } }),
        urgent: true,
        operation: "create_dispatch",
    }
}

async fn after(reply: Reply) -> Result<WriteAnswer, WriteFailure> {
    let world = world([reply]);
    let answer = world.writer.send(dispatch()).await;
    assert_eq!(world.script.seen().len(), 1, "a write is sent once");
    answer
}

#[tokio::test]
async fn a_write_that_github_did_has_its_answer() {
    let world = world([answer(200, json!({ "workflow_run_id": 5 })), answer(201, json!({}))]);
    let done = world.writer.send(dispatch()).await.unwrap();
    assert_eq!((done.status, done.body["workflow_run_id"].as_u64()), (200, Some(5)));
    let patch = WriteRequest { method: WriteMethod::Patch, ..dispatch() };
    world.writer.send(patch).await.unwrap();
    let [post, patch] = world.script.seen().try_into().unwrap();
    assert_eq!((post.method.as_str(), patch.method.as_str()), ("POST", "PATCH"));
    assert_eq!(post.header("content-type"), Some("application/json"));
    assert_eq!(post.header("authorization"), Some("Bearer ghp_secret"));
    assert_eq!(post.body, dispatch().body.to_string());
}

#[tokio::test]
async fn a_204_needs_no_body_whole_or_cut() {
    for reply in [Reply::Answer(204, Vec::new(), String::new()), Reply::Cut(204)] {
        let done = after(reply).await.unwrap();
        assert_eq!(done, WriteAnswer { status: 204, body: Value::Null });
    }
}

#[tokio::test]
async fn every_3xx_and_4xx_is_certain_but_408_and_limits() {
    for status in [301, 302, 307, 308] {
        let reply = problem(status, "no").with("location", "https://ghe.example.com/api/v3/x");
        let moved = after(reply).await;
        assert!(matches!(moved, Err(WriteFailure::Moved { status: at, .. }) if at == status));
    }
    for status in [400, 403, 404, 409, 410, 422, 451] {
        let refused = after(problem(status, "no")).await;
        assert!(matches!(refused, Err(WriteFailure::Refused { status: at, .. }) if at == status));
    }
    let credential = after(problem(401, "Bad credentials")).await;
    assert!(matches!(credential, Err(WriteFailure::BadCredentials { .. })));
    let refusal = problem(403, "Resource not accessible").with("x-accepted-oauth-scopes", "repo");
    let error = after(refusal).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"
    grant the token repo: GitHub said 403 "Resource not accessible"
    "#);
    for limit in [problem(429, "slow down"), problem(403, "a secondary rate limit")] {
        assert!(matches!(after(limit).await, Err(WriteFailure::ToldToWait { .. })));
    }
}

#[tokio::test]
async fn whatever_is_not_certain_is_unknown() {
    for reply in [
        problem(408, ""),
        problem(500, ""),
        problem(502, ""),
        problem(503, "").with("retry-after", "5"),
        Reply::Reset,
        Reply::Silence,
    ] {
        let failure = after(reply).await;
        assert!(matches!(failure, Err(WriteFailure::Unknown { .. })), "{failure:?}");
    }
}

#[tokio::test]
async fn a_yes_whose_rest_was_lost_is_still_a_yes() {
    let html = Reply::Answer(200, Vec::new(), "<html>".into());
    for reply in [Reply::Cut(200), Reply::Cut(201), html] {
        let failure = after(reply).await;
        assert!(matches!(failure, Err(WriteFailure::Done { .. })), "{failure:?}");
    }
}

#[tokio::test]
async fn a_connection_that_was_never_made_carried_nothing() {
    let failure = after(Reply::NobodyListens).await;
    assert!(matches!(failure, Err(WriteFailure::NeverSent { .. })), "{failure:?}");
}

/// The real network stack against a port that hangs up after it received a request, one that
/// answers, and one where nobody listens.
#[tokio::test]
async fn the_network_tells_unsent_from_lost() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let writer = || {
        let settings = GithubSettings { api_url: format!("http://{address}"), ..settings() };
        let route = ApiRoute { api_url: settings.api_url.clone(), ca_file: None };
        let service = network(&route).unwrap();
        let metrics = Arc::new(Metrics::new());
        connect(&settings, service, Clock::system(), Arc::new(NoCache), metrics).unwrap().1
    };
    let serve = async {
        let mut requests = Vec::new();
        for answer in
            ["", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", "HTTP/1.1 204 x\r\n\r\n"]
        {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            requests.push(String::from_utf8_lossy(&request[..length]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    };
    let send = async {
        let mut failures = Vec::new();
        for _ in 0..2 {
            failures.push(writer().send(dispatch()).await.unwrap_err());
        }
        (failures, writer().send(dispatch()).await.unwrap().status)
    };
    let (requests, (failures, status)) = tokio::join!(serve, send);
    assert!(matches!(failures[0], WriteFailure::Unknown { .. }), "{failures:?}");
    assert!(matches!(failures[1], WriteFailure::Done { .. }), "{failures:?}");
    assert_eq!((status, requests.len()), (204, 3));
    let host = format!("host: {address}\r\n");
    assert!(requests.iter().all(|request| request.contains(&host)), "{requests:?}");

    drop(listener);
    let unsent = writer().send(dispatch()).await.unwrap_err();
    assert!(matches!(unsent, WriteFailure::NeverSent { .. }), "{unsent}");
}
