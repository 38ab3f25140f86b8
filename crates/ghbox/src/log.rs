//! What was asked and what was answered, kept for tests to look at.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When the box got it, by its clock.
    pub at: Timestamp,
    /// The request's method.
    pub method: Method,
    /// Path and query as they came, without the `/api/v3` of Enterprise Server.
    pub path: String,
    /// GitHub's name of the operation; None: the box has no such route.
    pub operation: Option<&'static str>,
    /// The login behind the token, if the token was good.
    pub login: Option<String>,
    /// The installation that the token was minted for.
    pub installation: Option<u64>,
    /// The request's headers, without its token.
    pub request_headers: HeaderMap,
    /// The request's body.
    pub request_body: Bytes,
    /// The answer's status, also of one that was lost.
    pub response_status: u16,
    /// The answer's headers.
    pub response_headers: HeaderMap,
    /// The answer's body as it would have been sent whole.
    pub response_body: Bytes,
    /// What it cost of the secondary limits.
    pub points: u32,
    /// Whether it cost a request of the primary limit: a 304 is free.
    pub charged: bool,
    /// Whether the asker got it.
    pub fate: Fate,
}

impl Exchange {
    /// Whether it asked for a change.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Answered,
    /// It arrived, but not as GitHub means it: a fault made it up, or spoiled it.
    Spoiled,
    /// The request was carried out and its answer lost.
    AnswerLost,
    /// The request never reached GitHub.
    RequestLost,
}

/// How many requests there were since the box was made, kept or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// All of them.
    pub all: u64,
    /// Those that asked for a change.
    pub writes: u64,
    /// Those that were answered 304.
    pub not_modified: u64,
    /// Those that were answered 400 or more.
    pub refused: u64,
    /// By GitHub's name of the operation.
    pub by_operation: BTreeMap<&'static str, u64>,
}

/// How many exchanges are kept unless a test asks for more.
const KEPT: usize = 20_000;
/// and how many bytes of bodies: a page of a hundred runs is over a megabyte.
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

    /// Whether exchanges are kept at all; counted they are anyhow.
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
