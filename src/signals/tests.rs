//! Valid, invalid and hostile responses.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs};

use super::*;
use crate::domain::{
    ExpectedValue, Hidden, SignalAccess, SignalFinding, SignalKind, WhenUnreachable,
};

const TOKEN: &str = "the-token-of-the-signal";

/// A server that answers every request with `serve`, and counts requests.
fn server(serve: fn(&mut TcpStream)) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 8192]);
            std::thread::spawn(move || serve(&mut stream));
        }
    });
    (address, count)
}

fn answer(stream: &mut TcpStream, head: &str, body: &str) {
    let length = body.len();
    let text = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
    let _ = stream.write_all(text.as_bytes());
}

fn access() -> SignalAccess {
    SignalAccess {
        headers: Vec::new(),
        bearer_token_file: None,
        ca_file: None,
        timeout: Duration::from_millis(400),
        interval: Duration::from_millis(500),
        stale_after: Duration::from_secs(3),
    }
}

fn http_signal(url: String, value: Option<(&str, &str)>, when: WhenUnreachable) -> Signal {
    let expected_value = value.map(|(pointer, value)| ExpectedValue {
        pointer: pointer.to_owned(),
        value: value.to_owned(),
    });
    let kind = SignalKind::Http {
        url,
        expected_status: vec![200],
        expected_value,
        when_unreachable: when,
    };
    Signal { name: "shop".to_owned(), kind, access: access() }
}

fn query(url: String, when: Option<&str>) -> Signal {
    let degraded_when = when.map(|when| crate::domain::Threshold::parse(when).unwrap());
    let kind = SignalKind::Prometheus { url, query: "up".to_owned(), degraded_when };
    Signal { name: "shop".to_owned(), kind, access: access() }
}

fn alerts(url: String) -> Signal {
    let kind = SignalKind::Alertmanager { url, matchers: vec!["a=b".to_owned()] };
    Signal { name: "shop".to_owned(), kind, access: access() }
}

fn reader(signal: Signal, carrier: Carrier) -> SignalReader {
    SignalReader::new(signal, Clock::system(), Arc::new(Metrics::new()), carrier)
}

/// The result of one reading over the network, as text.
async fn read(signal: Signal) -> String {
    let reader = reader(signal, Carrier::network());
    reader.read_if_due().await;
    told(reader.reading())
}

fn told(reading: SignalReading) -> String {
    match reading.found {
        SignalFinding::NotReadYet => "not read yet".to_owned(),
        SignalFinding::Healthy { what } => format!("healthy: {what}"),
        SignalFinding::Degraded { what, headline: _ } => format!("degraded: {what}"),
        SignalFinding::Unknown(why) => format!("unknown: {}", why.0),
    }
}

/// The result of a reading of the given response.
async fn reads(signal: Signal, code: u16, body: &'static str) -> String {
    let service = tower::service_fn(move |_| async move {
        let body = http_body_util::Full::new(bytes::Bytes::from_static(body.as_bytes()));
        Ok::<_, String>(::http::Response::builder().status(code).body(body).unwrap())
    });
    let reader = reader(signal, Carrier::inside(service));
    reader.read_if_due().await;
    told(reader.reading())
}

fn at(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[tokio::test]
async fn a_body_without_end_and_one_that_drips_are_given_up_in_time() {
    let (endless, _) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[");
        while stream.write_all(&[b' '; 65_536]).is_ok() {}
    });
    let mut signal = alerts(at(endless));
    signal.access.timeout = Duration::from_secs(20);
    assert_eq!(read(signal).await, "unknown: the response is larger than 4 MiB: narrow the query");
    // Without an expected value, the body is not read.
    let (status, value) = (None, Some(("/a", "b")));
    let signal = |value| http_signal(at(endless), value, WhenUnreachable::Unknown);
    assert_eq!(read(signal(status)).await, "healthy: HTTP 200");
    assert!(read(signal(value)).await.starts_with("unknown: "), "it has no end");
    let (dripping, _) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        let clock = Clock::system();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        while stream.write_all(b"[").is_ok() && clock.monotonic() < Duration::from_secs(5) {
            runtime.block_on(async { clock.sleep(Duration::from_millis(50)).await });
        }
    });
    let clock = Clock::system();
    assert_eq!(read(alerts(at(dripping))).await, "unknown: no complete response within 400ms");
    assert!(clock.monotonic() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let (elsewhere, asked) = server(|stream| answer(stream, "200 OK", "[]"));
    let place: &'static str = Box::leak(at(elsewhere).into_boxed_str());
    static PLACE: std::sync::OnceLock<&str> = std::sync::OnceLock::new();
    PLACE.set(place).unwrap();
    let (here, _) = server(|stream| {
        let place = PLACE.get().unwrap();
        answer(stream, &format!("302 Found\r\nLocation: {place}/{TOKEN}"), "");
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let mut signal = alerts(at(here));
    signal.access.bearer_token_file = Some(file);
    let told = read(signal).await;
    assert_eq!(
        told,
        format!("unknown: HTTP 302: it redirects to {place}/***, which is not followed")
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_secret_is_hidden_before_what_echoes_it_is_cut_and_as_json_writes_it() {
    const SECRET: &str = "s3cr3t-\"quoted\"-abcdefghijklmnopqrstuvwxyz0123456789";
    let (echo, _) = server(|stream| {
        // The text is shortened in the middle of the secret.
        let error = format!("{}{SECRET}", "x".repeat(140));
        let body = serde_json::json!({"status": "error", "errorType": "bad", "error": error});
        answer(stream, "400 Bad Request", &body.to_string());
    });
    let mut signal = alerts(at(echo));
    signal.access.headers = vec![("x-key".to_owned(), Hidden(SECRET.to_owned()))];
    let reader = reader(signal, Carrier::network());
    reader.read_if_due().await;
    let told = told(reader.reading());
    assert!(told.contains("***") && !told.contains("s3cr3t"), "{told}");
}

#[tokio::test]
async fn a_token_is_read_again_for_each_request_and_never_shown() {
    let (echo, _) = server(|stream| answer(stream, "400 Bad Request", "no such tok-123 here"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let mut signal = alerts(at(echo));
    signal.access.bearer_token_file = Some(file.clone());
    signal.access.headers = vec![("x-key".to_owned(), Hidden("here".to_owned()))];
    signal.access.interval = Duration::ZERO;
    let reader = reader(signal, Carrier::network());
    reader.read_if_due().await;
    let first = told(reader.reading());
    assert!(first.starts_with("unknown: cannot read bearer_token_file "), "{first}");
    std::fs::write(&file, "tok-123").unwrap();
    reader.read_if_due().await;
    assert_eq!(told(reader.reading()), "unknown: HTTP 400: no such *** ***");
    std::fs::write(&file, "a\nb").unwrap();
    reader.read_if_due().await;
    assert!(told(reader.reading()).ends_with("holds no token on one line"));
}

#[tokio::test]
async fn tls_by_an_authority_of_ones_own_is_trusted_where_ca_file_names_it() {
    let pem = |name: &str| -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/network").join(name)
    };
    let certificates = CertificateDer::pem_file_iter(pem("localhost.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            certificates.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_file(pem("localhost.key.pem")).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 8192]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    let url = format!("https://localhost:{port}/healthz");
    let mut signal = http_signal(url, None, WhenUnreachable::Degraded);
    signal.access.timeout = Duration::from_secs(10);
    let stranger = read(signal.clone()).await;
    assert!(stranger.starts_with("unknown: its TLS certificate is by an authority"), "{stranger}");
    signal.access.ca_file = Some(pem("ca.pem"));
    assert_eq!(read(signal.clone()).await, "healthy: HTTP 200");
    signal.access.ca_file = Some(pem("localhost.key.pem"));
    assert!(read(signal.clone()).await.contains("contains no PEM certificate"));
    signal.access.ca_file = Some(pem("none.pem"));
    assert!(read(signal).await.starts_with("unknown: cannot read ca_file "));
}

#[tokio::test]
async fn nobody_at_an_address_is_unknown_unless_the_signal_says_that_it_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = at(listener.local_addr().unwrap());
    drop(listener);
    let unknown = read(http_signal(url.clone(), None, WhenUnreachable::Unknown)).await;
    assert!(unknown.starts_with("unknown: ") && unknown.contains("refused"), "{unknown}");
    let down = read(http_signal(url, None, WhenUnreachable::Degraded)).await;
    assert!(down.starts_with("degraded: ") && down.contains("refused"), "{down}");
}

/// A Prometheus response with the given data.
macro_rules! data {
    ($kind:literal, $result:literal) => {
        concat!(
            r#"{"status": "success", "data": {"resultType": ""#,
            $kind,
            r#"", "result": "#,
            $result,
            "}}"
        )
    };
}

#[tokio::test]
async fn a_query_is_degraded_by_any_result_or_by_comparison() {
    let prometheus = |when| query("http://p".to_owned(), when);
    let empty = data!("vector", "[]");
    let one = data!("vector", r#"[{"metric": {"__name__": "x", "a": "b"}, "value": [1, "0.5"]}]"#);
    let nan = data!("vector", r#"[{"metric": {}, "value": [1, "NaN"]}]"#);
    let inf = data!("vector", r#"[{"metric": {}, "value": [1, "+Inf"]}]"#);
    let histogram = data!("vector", r#"[{"metric": {"a": "b"}, "histogram": [1, {}]}]"#);
    let table = [
        (None, empty, "healthy: the query returns nothing"),
        (None, one, r#"degraded: the query returns x{a="b"} 0.5"#),
        (None, nan, "degraded: the query returns NaN"),
        (None, histogram, r#"degraded: the query returns {a="b"} a histogram"#),
        (None, data!("scalar", r#"[1, "1"]"#), "unknown: the query returns a scalar"),
        (Some("> 0.1"), one, r#"degraded: x{a="b"} 0.5 is > 0.1"#),
        (Some("> 0.5"), one, r#"healthy: x{a="b"} 0.5 is not > 0.5"#),
        (Some("> 0.5"), empty, "unknown: the query returns nothing that can be compared"),
        (Some("> 0.5"), nan, "unknown: NaN cannot be compared with > 0.5"),
        (Some("> 0.5"), inf, "degraded: inf is > 0.5"),
        (Some("< 0.5"), inf, "healthy: inf is not < 0.5"),
        (Some("> 0.5"), histogram, r#"unknown: {a="b"} a histogram cannot be compared"#),
        (Some("> 0.5"), data!("scalar", r#"[1, "1"]"#), "degraded: 1 is > 0.5"),
        (Some("> 0.5"), data!("string", r#"[1, "1"]"#), "unknown: the query returns string"),
        (Some("> 0.5"), data!("matrix", "[]"), "unknown: the query returns matrix"),
        (Some("> 0.5"), data!("vector", "7"), "unknown: the response's vector cannot be read"),
        (Some("> 0.5"), data!("vector", "null"), "unknown: the query returns vector"),
    ];
    for (when, body, expected) in table {
        let told = reads(prometheus(when), 200, body).await;
        assert!(told.starts_with(expected), "{when:?} {body}: {told}");
    }
    let warned = r#"{"status": "success", "warnings": ["a store is gone"],
        "data": {"resultType": "vector", "result": []}}"#;
    let told = reads(prometheus(None), 200, warned).await;
    assert_eq!(told, "unknown: nothing is degraded, but: a store is gone");
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_is_unknown_and_never_healthy() {
    let bad = r#"{"status": "error", "errorType": "bad_data", "error": "parse error"}"#;
    let prometheus = || query("http://p".to_owned(), None);
    assert_eq!(reads(prometheus(), 400, bad).await, "unknown: HTTP 400: bad_data: parse error");
    for (code, body) in [(200, "<html>"), (200, ""), (200, "[]"), (503, "{}"), (204, "")] {
        for signal in [prometheus(), alerts("http://a".to_owned())] {
            if (code, body) == (200, "[]") && signal.kind.as_str() == "alertmanager" {
                continue;
            }
            let told = reads(signal, code, body).await;
            assert!(told.starts_with("unknown: "), "{code} {body}: {told}");
        }
    }
    for code in [301, 401, 403, 407, 429] {
        let http = http_signal("http://h".to_owned(), None, WhenUnreachable::Degraded);
        for signal in [prometheus(), alerts("http://a".to_owned()), http] {
            let told = reads(signal, code, "[]").await;
            assert!(told.starts_with(&format!("unknown: HTTP {code}: ")), "{told}");
        }
    }
}

#[tokio::test]
async fn only_an_active_alert_that_nobody_silenced_counts_and_null_is_an_empty_list() {
    let table = [
        ("[]", "healthy: no alert that matches is active"),
        (r#"[{"labels": null, "status": null}]"#, "degraded: active: an alert without a name"),
        (r#"[{}]"#, "degraded: active: an alert without a name"),
        (
            r#"[{"labels": {"alertname": "B", "x": null}, "startsAt": "2026-11-02T09:00:00Z",
                "status": {"state": "active", "silencedBy": null, "inhibitedBy": null}},
               {"labels": {"alertname": "A", "job": "shop"}, "startsAt": "2026-11-02T08:00:00Z",
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}}]"#,
            r#"degraded: active: A {job="shop"}, B"#,
        ),
        (r#"[{"status": {"state": "suppressed"}}]"#, "healthy: "),
        (r#"[{"status": {"state": "unprocessed"}}]"#, "healthy: "),
        (r#"[{"status": {"state": "active", "silencedBy": ["1"]}}]"#, "healthy: "),
        (r#"[{"status": {"state": "active", "inhibitedBy": ["1"]}}]"#, "healthy: "),
        (r#"[{"status": {"state": "active", "mutedBy": ["night"]}}]"#, "healthy: "),
    ];
    for (body, expected) in table {
        let told = reads(alerts("http://a".to_owned()), 200, body).await;
        assert!(told.starts_with(expected), "{body}: {told}");
    }
}

#[tokio::test]
async fn an_address_is_healthy_by_its_status_and_by_one_value_of_its_json() {
    let signal = |value| http_signal("http://h".to_owned(), value, WhenUnreachable::Unknown);
    let (ok, one) = (Some(("/a/0/b", "ok")), Some(("/n", "1")));
    let table = [
        (None, 200, "anything", "healthy: HTTP 200"),
        (None, 503, "", "degraded: HTTP 503, expected 200"),
        (ok, 200, r#"{"a": [{"b": "ok"}]}"#, "healthy: HTTP 200, /a/0/b is \"ok\""),
        (ok, 200, r#"{"a": [{"b": "bad"}]}"#, "degraded: HTTP 200, /a/0/b is \"bad\""),
        (ok, 200, r#"{"a": [{"b": null}]}"#, "degraded: HTTP 200, /a/0/b is \"null\""),
        (ok, 200, r#"{"a": [{"b": {}}]}"#, "unknown: HTTP 200: /a/0/b is not a string"),
        (ok, 200, r#"{"a": 1}"#, "unknown: HTTP 200: the response has nothing at /a/0/b"),
        (ok, 200, "ok", "unknown: HTTP 200: the response is not JSON"),
        (one, 200, r#"{"n": 1}"#, "healthy: "),
        (one, 200, r#"{"n": true}"#, "degraded: "),
    ];
    for (value, code, body, expected) in table {
        let told = reads(signal(value), code, body).await;
        assert!(told.starts_with(expected), "{code} {body}: {told}");
    }
}

/// A signal with a background reader, whose responses take `late`; and the clock.
fn followed(late: Duration) -> (Following, Clock) {
    let clock = Clock::of_paused_runtime("2026-11-02T09:00:00Z".parse().unwrap(), 7);
    let slept = clock.clone();
    let service = tower::service_fn(move |_| {
        let clock = slept.clone();
        async move {
            clock.sleep(late).await;
            let body = http_body_util::Full::new(bytes::Bytes::from_static(b"fine"));
            Ok::<_, String>(::http::Response::builder().status(200).body(body).unwrap())
        }
    });
    let mut signal = http_signal("http://h".to_owned(), None, WhenUnreachable::Unknown);
    signal.access.timeout = Duration::from_secs(20);
    let metrics = Arc::new(Metrics::new());
    let carrier = Carrier::inside(service);
    let of = Signals::new(clock.clone(), Arc::clone(&metrics), carrier.clone());
    of.go_live();
    let reader = Arc::new(SignalReader::new(signal, clock.clone(), metrics, carrier));
    reader.start();
    let bell = Arc::new(watch::Sender::new(()));
    (Following { of, signals: vec![reader], check: None, bell }, clock)
}

#[tokio::test(start_paused = true)]
async fn what_is_merely_not_read_yet_after_a_start_is_waited_for_and_for_seconds_only() {
    let (quick, _) = followed(Duration::from_millis(300));
    let [seen] = quick.seen(false).await.signals.try_into().unwrap();
    assert_eq!(told(seen), "healthy: HTTP 200");

    let (slow, clock) = followed(Duration::from_secs(9));
    let began = clock.monotonic();
    let waited = || (clock.monotonic() - began).as_secs();
    for _ in 0..2 {
        let [seen] = slow.seen(false).await.signals.try_into().unwrap();
        assert_eq!((told(seen).as_str(), waited()), ("not read yet", 3));
    }
    // Before a dispatch, the reading gets its full timeout.
    let [seen] = slow.seen(true).await.signals.try_into().unwrap();
    assert_eq!(told(seen), "healthy: HTTP 200");
}
