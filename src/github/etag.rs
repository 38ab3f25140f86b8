//! Conditional requests: what is remembered of an answer, and under which name.

use std::future::Future;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::auth::Token;
use crate::clock::beside_others;
use crate::store::CachePut;

/// Raised when the shape of what is kept changes, so that old entries are asked for anew.
const SHAPE: u32 = 2;

/// Remembers answers. How many, and for how long, is its own business.
pub trait ResponseCache: Send + Sync {
    /// What was put under `key` last, if it is still there.
    fn get<'a>(&'a self, key: &'a str) -> Getting<'a>;
    /// Remembers `response` under `key`. Gives what became of it.
    fn put(&self, key: &str, response: CachedResponse) -> CachePut;
}

/// A remembered answer on its way from where it is kept.
pub type Getting<'a> = Pin<Box<dyn Future<Output = Option<CachedResponse>> + Send + 'a>>;

/// What is remembered of an answer: not its body, but what was parsed from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedResponse {
    /// Whose answer it is: tags depend on the token.
    pub token: String,
    /// GitHub's tag of it, as sent.
    pub etag: String,
    /// The parsed value, as JSON of this program's own making.
    pub value: String,
    /// Path and query of the next page, where there is one.
    pub next: Option<String>,
}

/// Remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl ResponseCache for NoCache {
    fn get<'a>(&'a self, _: &'a str) -> Getting<'a> {
        Box::pin(std::future::ready(None))
    }
    fn put(&self, _: &str, _: CachedResponse) -> CachePut {
        CachePut::Anew
    }
}

/// A value, and where its list goes on.
pub(super) struct TaggedPage<T> {
    pub(super) value: T,
    pub(super) next: Option<String>,
}

/// The name of an answer. `kept` tells apart what different readers keep of the same body. A
/// token is no part of it: an App's changes every hour, and what was kept under the last one
/// would only take up room.
fn key(url: &str, kept: &str) -> String {
    format!("{SHAPE} GET {url} {kept}")
}

/// What `token` was answered, with its tag; nothing where it no longer has this shape.
pub(super) async fn load<T: DeserializeOwned>(
    cache: &dyn ResponseCache,
    token: &Token,
    url: &str,
    kept: &str,
) -> Option<(String, TaggedPage<T>)> {
    let cached = cache.get(&key(url, kept)).await;
    let cached = cached.filter(|cached| cached.token == token.fingerprint)?;
    let length = cached.value.len();
    let value = beside_others(length, || serde_json::from_str(&cached.value).ok())?;
    Some((cached.etag, TaggedPage { value, next: cached.next }))
}

/// Remembers what `token` was answered. Gives what became of it.
pub(super) fn save<T: Serialize>(
    cache: &dyn ResponseCache,
    token: &Token,
    url: &str,
    kept: &str,
    etag: &str,
    page: &TaggedPage<T>,
) -> CachePut {
    // A value that cannot be written down is merely asked for again.
    let Ok(value) = serde_json::to_string(&page.value) else { return CachePut::Anew };
    let (token, etag) = (token.fingerprint.clone(), etag.to_owned());
    let response = CachedResponse { token, etag, value, next: page.next.clone() };
    cache.put(&key(url, kept), response)
}

/// The store's cache, so that a restart costs no rate limit.
impl ResponseCache for crate::store::AnswerCache {
    fn get<'a>(&'a self, key: &'a str) -> Getting<'a> {
        Box::pin(async {
            let bytes = Self::get(self, key).await?;
            beside_others(bytes.len(), || serde_json::from_slice(&bytes).ok())
        })
    }

    fn put(&self, key: &str, response: CachedResponse) -> CachePut {
        // What cannot be written down is merely asked for again.
        let bytes = serde_json::to_vec(&response);
        bytes.map_or(CachePut::Anew, |bytes| Self::put(self, key, bytes))
    }
}
