//! The log of requests and answers, for tests to inspect.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;

/// A request and its outcome.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When the box received it, by its clock.
    pub at: Timestamp,
    pub method: Method,
    /// Path and query as received, without Enterprise Server's `/api/v3` prefix.
    pub path: String,
    /// GitHub's name of the operation; `None` if the box has no such route.
    pub operation: Option<&'static str>,
    /// The login behind the token, if the token was valid.
    pub login: Option<String>,
    /// The installation that the token was minted for.
    pub installation: Option<u64>,
    /// The headers, without the token.
    pub request_headers: HeaderMap,
    pub request_body: Bytes,
    /// The status, even if the answer was lost.
    pub response_status: u16,
    pub response_headers: HeaderMap,
    /// The whole body, even if it was cut off or lost.
    pub response_body: Bytes,
    /// Its cost in points of the secondary limits.
    pub points: u32,
    /// Whether it counted toward the primary limit. A 304 does not.
    pub charged: bool,
    /// Whether the caller received the answer.
    pub fate: Fate,
}

impl Exchange {
    /// Whether it is a write: any method but GET and HEAD.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// What happened to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Answered,
    /// It arrived, but a fault replaced or damaged it.
    Spoiled,
    /// The request was carried out, but its answer was lost.
    AnswerLost,
    /// The request never reached GitHub.
    RequestLost,
}

/// How many requests the box has received, whether kept in the log or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    pub all: u64,
    pub writes: u64,
    /// Requests answered with 304.
    pub not_modified: u64,
    /// Requests answered with 400 or above.
    pub refused: u64,
    /// By GitHub's name of the operation.
    pub by_operation: BTreeMap<&'static str, u64>,
}

/// How many exchanges are kept by default.
const KEPT: usize = 20_000;
/// How many bytes of bodies are kept: a page of a hundred runs is over a megabyte.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

pub(super) struct RequestLog {
    exchanges: VecDeque<Exchange>,
    bytes: usize,
    pub(super) counts: RequestCounts,
    most: usize,
}

impl Default for RequestLog {
    fn default() -> Self {
        RequestLog {
            exchanges: VecDeque::new(),
            bytes: 0,
            counts: RequestCounts::default(),
            most: KEPT,
        }
    }
}

impl RequestLog {
    pub(super) fn keep(&mut self, most: usize) {
        self.most = most;
        self.trim();
    }

    /// Whether exchanges are kept at all. They are always counted.
    pub(super) fn keeps(&self) -> bool {
        self.most > 0
    }

    pub(super) fn count(&mut self, operation: Option<&'static str>, write: bool, status: u16) {
        self.counts.all += 1;
        self.counts.writes += u64::from(write);
        self.counts.not_modified += u64::from(status == 304);
        self.counts.refused += u64::from(status >= 400);
        *self.counts.by_operation.entry(operation.unwrap_or("unknown")).or_default() += 1;
    }

    pub(super) fn add(&mut self, exchange: Exchange) {
        self.bytes += weight(&exchange);
        self.exchanges.push_back(exchange);
        self.trim();
    }

    fn trim(&mut self) {
        while self.exchanges.len() > self.most || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.exchanges.pop_front() else { return };
            self.bytes -= weight(&oldest);
        }
    }

    pub(super) fn all(&self) -> Vec<Exchange> {
        self.exchanges.iter().cloned().collect()
    }

    pub(super) fn take(&mut self) -> Vec<Exchange> {
        self.bytes = 0;
        self.exchanges.drain(..).collect()
    }
}

fn weight(exchange: &Exchange) -> usize {
    exchange.request_body.len() + exchange.response_body.len()
}
