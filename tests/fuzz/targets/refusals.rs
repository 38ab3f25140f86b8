//! Any response that is an error or a request to wait. A read fails on it. A write is sent once
//! and reported as done, not done, or unknown. A wait has a bounded length. No message contains
//! the token, or is longer than one line of bounded length.
//!
//! The input is an HTTP response without its version: a status, headers, an empty line, a body.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use jiff::SignedDuration;
use release_governor::domain::Sha;
use release_governor::github::{
    Compared, LimitsView, ReadError, WriteFailure, WriteMethod, WriteRequest,
};
use serde_json::json;

use crate::support::{Answer, REPOSITORY, block_on, connected, first_line, sha, shows_no_token};

/// The longest wait that a server can impose.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(2);
/// The longest excerpt of GitHub's text and URLs, with our own text around it.
const LONGEST_MESSAGE: usize = 12_000;

/// A response as written in the input.
#[derive(Clone)]
struct Written {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Written {
    fn read(input: &[u8]) -> Self {
        let (status, mut rest) = first_line(input);
        let status = std::str::from_utf8(status).ok().and_then(|status| status.trim().parse().ok());
        let status = status.filter(|status| (100..=999).contains(status)).unwrap_or(403);
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let (line, below) = first_line(rest);
            rest = below;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let name = HeaderName::from_bytes(line[..colon].trim_ascii());
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.push((name, value));
            }
        }
        Self { status, headers, body: Bytes::copy_from_slice(rest) }
    }

    fn answer(&self) -> Answer {
        let mut answer = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            answer = answer.header(name, value);
        }
        answer.body(self.body.clone().into()).unwrap()
    }
}

pub fn run(input: &[u8]) {
    let written = Written::read(input);
    block_on(async {
        a_read(&written).await;
        a_write(&written).await;
    });
}

async fn a_read(written: &Written) {
    let status = written.status;
    let answer = written.clone();
    let (reader, _, asked) = connected(move |_, _| answer.answer());
    let (one, other): (Sha, Sha) = (sha('1').parse().unwrap(), sha('2').parse().unwrap());
    let read = reader.compare(&REPOSITORY.parse().unwrap(), &one, &other).await;
    let sent = *asked.lock().unwrap();
    assert!((1..=3).contains(&sent), "sent {sent} times");
    let limits = reader.limits();
    bearable(&limits);
    match read {
        Ok(Compared::Known(_)) => assert!((200..300).contains(&status), "{status} is an answer"),
        Ok(Compared::Gone(words)) => {
            assert!(matches!(status, 404 | 422), "{status} is for good");
            tame(&words);
        }
        Err(error) => {
            let words = error.to_string();
            tame(&words);
            let is_transient = matches!(status, 408 | 500..=599);
            let told = matches!(error, ReadError::ToldToWait { .. });
            match error {
                ReadError::ToldToWait { until, .. } => {
                    assert!(matches!(status, 403 | 429), "{status} tells to wait");
                    assert_eq!(limits.told_to_wait_until, Some(until));
                }
                ReadError::Server { .. } | ReadError::Transport { .. } => {
                    assert!(is_transient, "{status} is asked again");
                    assert_eq!(sent, 3, "asked again, and not for ever");
                }
                ReadError::Moved { .. } => assert!((300..400).contains(&status)),
                ReadError::BadCredentials { .. } => assert!(matches!(status, 401 | 403)),
                ReadError::Refused { status: said, .. } => assert_eq!(said, status),
                ReadError::NotFound { .. } => panic!("a comparison that is not there is gone"),
                ReadError::Gone410 { .. } => assert_eq!(status, 410),
                ReadError::Malformed { .. } => {
                    assert!(!(300..600).contains(&status) || status == 304, "{status}");
                }
                ReadError::EmptyList { .. } | ReadError::TooMany { .. } => panic!("no list"),
            }
            // During an imposed wait, nothing is sent.
            if told {
                let again = reader.user().await;
                assert!(matches!(again, Err(ReadError::ToldToWait { .. })), "{again:?}");
                assert_eq!(*asked.lock().unwrap(), sent, "sent while told to wait");
            }
        }
    }
}

async fn a_write(written: &Written) {
    let (status, answer) = (written.status, written.clone());
    let (reader, writer, asked) = connected(move |_, _| answer.answer());
    let write = WriteRequest {
        method: WriteMethod::Post,
        repository: REPOSITORY.parse().unwrap(),
        path: "/actions/workflows/3/dispatches".to_owned(),
        body: json!({ "ref": "main", "inputs": { "sha": sha('1') } }),
        urgent: true,
        operation: "create_dispatch",
    };
    let sent = writer.send_if(write, Arc::new(|| Ok(()))).await;
    assert_eq!(*asked.lock().unwrap(), 1, "a write is sent once");
    bearable(&reader.limits());
    let is_done = (200..300).contains(&status);
    match sent {
        Ok(done) => assert!(is_done && done.status == status, "{status} is done"),
        Err(failure) => {
            tame(&failure.to_string());
            match failure {
                WriteFailure::Done { .. } => assert!(is_done, "{status} is done"),
                WriteFailure::Unknown { .. } => {
                    let is_unknown = matches!(status, 100..=199 | 408 | 500..);
                    assert!(is_unknown, "{status} tells whether it was done");
                }
                WriteFailure::Refused { status: said, .. } => {
                    assert!(said == status && (400..500).contains(&status) && status != 408);
                }
                WriteFailure::Moved { .. } => assert!((300..400).contains(&status)),
                WriteFailure::BadCredentials { .. } => assert!(matches!(status, 401 | 403)),
                WriteFailure::ToldToWait { .. } => assert!(matches!(status, 403 | 429)),
                WriteFailure::CalledOff { .. }
                | WriteFailure::Deferred { .. }
                | WriteFailure::NeverSent { .. } => panic!("it was sent: {failure:?}"),
            }
        }
    }
}

fn tame(words: &str) {
    // Other terminal control characters are removed where the message is displayed.
    assert!(!words.contains(['\n', '\r']), "more than a line: {words:?}");
    shows_no_token(words);
    assert!(words.len() <= LONGEST_MESSAGE, "a message of {} bytes", words.len());
}

/// The wait of a gate is bounded.
fn bearable(limits: &LimitsView) {
    let Some(until) = limits.told_to_wait_until else { return };
    let since = limits.told_to_wait_since.expect("it closed some time");
    let wait = until.duration_since(since);
    assert!(wait > SignedDuration::ZERO && wait <= LONGEST_WAIT, "told to wait for {wait}");
}
