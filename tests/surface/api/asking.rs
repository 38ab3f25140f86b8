//! Sends requests to a running controller over HTTP. Every answer is validated against the
//! API's description.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::described;
use crate::town::Running;

/// An HTTP response.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The address of the next page, from the `Link` header.
    pub(super) fn next(&self) -> Option<String> {
        let link = self.header("link").strip_suffix(">; rel=\"next\"")?;
        Some(link.strip_prefix('<')?.to_owned())
    }
}

/// Sends a GET request.
#[track_caller]
pub(super) fn get(running: &Running, address: &str) -> Answer {
    ask(running, "GET", address, &[])
}

/// Sends a GET request that must return 200.
#[track_caller]
pub(super) fn good(running: &Running, address: &str) -> Answer {
    let answer = get(running, address);
    assert_eq!(answer.code, 200, "{address}: {answer:?}");
    answer
}

#[track_caller]
pub(super) fn ask(
    running: &Running,
    method: &str,
    address: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request =
        format!("{method} {address} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let code = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let answer = Answer { code, headers, body: body.to_owned() };
    if method == "GET" {
        let judged = described::check(described_as(address), code, &answer.headers, &answer.body);
        judged.unwrap_or_else(|wrong| panic!("{address}: {wrong}\n{answer:?}"));
    }
    answer
}

/// The JSON of an answer for a snapshot: commits are replaced by the given names, and values
/// that differ from run to run are removed.
pub(super) fn shown(value: &Value, names: &[(&str, &str)]) -> String {
    let mut value = value.clone();
    redact(&mut value, "");
    let mut text = serde_json::to_string_pretty(&value).unwrap();
    for (sha, name) in names {
        text = text.replace(sha, name).replace(&sha[..7], &format!("{name}~7"));
    }
    text
}

fn redact(value: &mut Value, key: &str) {
    match value {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "[time]".clone_into(text),
        Value::String(text) if key == "id" || key == "next" => "[id]".clone_into(text),
        Value::String(text) if key == "rejection_key" => "[digest]".clone_into(text),
        Value::String(text) => *text = without_times(text),
        Value::Array(all) => all.iter_mut().for_each(|one| redact(one, key)),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| redact(value, key)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces dates and times within a sentence, ids of attempts, and user ids.
fn without_times(text: &str) -> String {
    let digits = |word: &str, form: &str| {
        word.len() == form.len()
            && word
                .chars()
                .zip(form.chars())
                .all(|(c, form)| if form == '0' { c.is_ascii_digit() } else { c == form })
    };
    let mut before = "";
    let words = text.split(' ').map(|word| {
        let is_id =
            ["attempt", "dispatching"].contains(&before) && word.trim_end_matches(':').len() == 6;
        let is_user = before.ends_with("uid");
        before = word;
        match word {
            _ if digits(word, "0000-00-00") => "[date]",
            _ if digits(word, "00:00") => "[clock]",
            _ if is_id => "[id]",
            _ if is_user => "[uid]",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The index answers with and without a trailing slash, but is described once.
fn described_as(address: &str) -> &str {
    if address == "/api/v1/" { "/api/v1" } else { address }
}
