//! Faults on demand, in process and over TCP.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ghbox::story;
use ghbox::{Fate, Fault, FaultOn, GhBox};
use http::Method;
use serde_json::json;

use crate::client::{Client, github};

const SHOP: &str = "/repos/acme/shop";
const DISPATCHES: &str = "/repos/acme/shop/actions/workflows/deploy.yml/dispatches";

#[test]
fn a_lost_answer_was_carried_out_and_a_lost_request_was_not() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    let body = json!({ "ref": "main", "inputs": { "sha": shop.tip("main") } });
    for (fault, kind, dispatches, fate) in [
        (Fault::LoseAnswer, ErrorKind::ConnectionReset, 1, Fate::AnswerLost),
        (Fault::LoseRequest, ErrorKind::ConnectionReset, 1, Fate::RequestLost),
        (Fault::RefuseConnection, ErrorKind::ConnectionRefused, 1, Fate::RequestLost),
    ] {
        github.fail(FaultOn::operation("create-workflow-dispatch"), fault);
        let error = app.send(Method::POST, DISPATCHES, Some(&body)).expect_err("no answer");
        assert_eq!(error.kind(), kind);
        assert_eq!(shop.dispatches().len(), dispatches);
        assert_eq!(github.requests().last().map(|exchange| exchange.fate), Some(fate));
    }
    assert_eq!(app.post(DISPATCHES, &body).status, 204);
}

#[test]
fn a_5xx_may_come_before_or_after_the_effect() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    let body = json!({ "ref": "main", "inputs": { "sha": shop.tip("main") } });
    github.fail(FaultOn::writes(), Fault::Status(502));
    assert_eq!((app.post(DISPATCHES, &body).status, shop.dispatches().len()), (502, 0));
    github.fail(FaultOn::writes(), Fault::StatusAfter(502));
    assert_eq!((app.post(DISPATCHES, &body).status, shop.dispatches().len()), (502, 1));
}

#[test]
fn a_fault_strikes_the_requests_that_it_names_and_no_others() {
    let github = github();
    story::repository(&github, "acme/shop");
    story::repository(&github, "acme/shop2");
    let app = Client::app(&github);
    let statuses = |path: &str| -> Vec<u16> { (0..4).map(|_| app.get(path).status).collect() };
    github.fail(FaultOn::operation("repos/get").nth(2).times(2), Fault::Status(503));
    assert_eq!(statuses(SHOP), [200, 503, 503, 200]);
    let standing =
        github.fail(FaultOn::any().in_repository("acme/shop").always(), Fault::Status(500));
    assert_eq!(statuses(SHOP), [500; 4]);
    assert_eq!(statuses("/repos/acme/shop2"), [200; 4]);
    github.mend(standing);
    assert_eq!(statuses(SHOP), [200; 4]);
    github.fail(FaultOn::path("/repos/*/compare/*").always(), Fault::Status(500));
    assert_eq!(statuses("/repos/acme/shop/compare/main...main"), [500; 4]);
    github.calm();
    assert_eq!(statuses("/repos/acme/shop/compare/main...main"), [200; 4]);
}

#[test]
fn answers_may_be_no_json_or_stop_in_the_middle() {
    let github = github();
    story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    github.fail(FaultOn::any(), Fault::Truncate);
    let error = app.send(Method::GET, SHOP, None).expect_err("half an answer");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    github.fail(FaultOn::any(), Fault::MalformedJson);
    assert!(serde_json::from_slice::<serde_json::Value>(&app.get(SHOP).body).is_err());
    github.fail(FaultOn::any(), Fault::Html(502));
    let page = app.get(SHOP);
    assert_eq!((page.status, page.header("content-type")), (502, "text/html; charset=utf-8"));
}

#[test]
fn limits_come_in_all_their_shapes() {
    let github = github();
    story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    let secondary = |status, retry_after| Fault::SecondaryLimit { status, retry_after };
    github.fail(FaultOn::any(), secondary(429, Some(17)));
    let answer = app.get(SHOP);
    assert_eq!((answer.status, answer.header("retry-after")), (429, "17"));
    github.fail(FaultOn::any(), secondary(403, None));
    let answer = app.get(SHOP);
    assert_eq!((answer.status, answer.header("retry-after")), (403, ""));
    assert!(answer.json()["message"].as_str().expect("words").contains("secondary rate limit"));
    github.fail(FaultOn::any(), Fault::PrimaryLimit);
    let answer = app.get(SHOP);
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (403, "0"));
    assert_eq!(answer.header("x-ratelimit-reset"), "1795186800");
}

#[test]
fn the_same_seed_fails_the_same_requests() {
    let outcomes = |seed: u64| -> Vec<Option<u16>> {
        let github = github();
        story::repository(&github, "acme/shop");
        let app = Client::app(&github);
        github.rage(seed, 300, vec![Fault::Status(500), Fault::LoseAnswer]);
        let ask = |_| app.send(Method::GET, SHOP, None).ok().map(|answer| answer.status);
        let outcomes = (0..100).map(ask).collect();
        github.calm();
        assert_eq!(app.get(SHOP).status, 200);
        outcomes
    };
    let first = outcomes(7);
    assert_eq!(first, outcomes(7));
    assert_ne!(first, outcomes(8));
    let failed = first.iter().filter(|outcome| **outcome != Some(200)).count();
    assert!((15..=45).contains(&failed), "{failed} of 100");
}

/// Sends a request over TCP, and returns everything received until the connection ends.
fn over_tcp(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: token app\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer, or the end");
    text
}

fn serving<R: Send + 'static>(
    github: &GhBox,
    ask: impl FnOnce(SocketAddr) -> R + Send + 'static,
) -> R {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (done, stop) = tokio::sync::oneshot::channel();
        let asking = tokio::task::spawn_blocking(move || {
            let result = ask(address);
            done.send(()).expect("the server waits");
            result
        });
        github.serve(listener, async { stop.await.expect("done") }).await.expect("it serves");
        asking.await.expect("an answer")
    })
}

#[test]
fn over_tcp_a_lost_answer_closes_the_connection_and_a_cut_one_stops_short() {
    let github = github();
    story::repository(&github, "acme/shop");
    github.add_token("app", "release-governor[bot]");
    let inside = github.clone();
    serving(&github, move |address| {
        let whole = over_tcp(address, SHOP);
        assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
        assert!(whole.contains(&format!("\"url\":\"http://{address}{SHOP}\"")), "{whole}");
        inside.lose_the_answer_to("repos/get");
        assert_eq!(over_tcp(address, SHOP), "");
        inside.fail(FaultOn::any(), Fault::Truncate);
        let cut = over_tcp(address, SHOP);
        assert!(cut.starts_with("HTTP/1.1 200 OK\r\n") && cut.len() < whole.len() * 3 / 4, "{cut}");
        inside.fail(FaultOn::any(), Fault::Delay(Duration::from_millis(20)));
        assert!(over_tcp(address, SHOP).starts_with("HTTP/1.1 200 OK\r\n"));
    });
    assert_eq!(github.requests().len(), 4);
}
