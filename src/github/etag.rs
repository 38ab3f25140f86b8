//! Conditional requests: what is cached of an answer, and under which key.

use std::future::Future;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::auth::Token;
use crate::clock::beside_others;
use crate::store::CachePut;

/// Increased when the format of cached values changes, so that old entries are ignored.
const SHAPE: u32 = 2;

/// A cache of answers. Implementations decide how many to keep and for how long.
pub trait ResponseCache: Send + Sync {
    /// The value last stored under `key`, if it is still there.
    fn get<'a>(&'a self, key: &'a str) -> Getting<'a>;
    /// Stores `response` under `key` and returns the outcome.
    fn put(&self, key: &str, response: CachedResponse) -> CachePut;
}

/// The future of a cache lookup.
pub type Getting<'a> = Pin<Box<dyn Future<Output = Option<CachedResponse>> + Send + 'a>>;

/// A cached answer: not its body, but the value parsed from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedResponse {
    /// The fingerprint of the token that got the answer: ETags depend on the token.
    pub token: String,
    /// The ETag as received.
    pub etag: String,
    /// The parsed value, serialized as JSON.
    pub value: String,
    /// Path and query of the next page, if there is one.
    pub next: Option<String>,
}

/// A cache that stores nothing.
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

/// A value, and the path of its list's next page.
pub(super) struct TaggedPage<T> {
    pub(super) value: T,
    pub(super) next: Option<String>,
}

/// The cache key of an answer. `kept` distinguishes values that different readers parse from
/// the same body. The token is not part of the key: an App's token changes every hour, and
/// entries of the previous one would only take up space.
fn key(url: &str, kept: &str) -> String {
    format!("{SHAPE} GET {url} {kept}")
}

/// The cached answer to `token` with its ETag. `None` if the entry has another format.
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

/// Caches the answer to `token` and returns the outcome.
pub(super) fn save<T: Serialize>(
    cache: &dyn ResponseCache,
    token: &Token,
    url: &str,
    kept: &str,
    etag: &str,
    page: &TaggedPage<T>,
) -> CachePut {
    // A value that cannot be serialized is not cached.
    let Ok(value) = serde_json::to_string(&page.value) else { return CachePut::Anew };
    let (token, etag) = (token.fingerprint.clone(), etag.to_owned());
    let response = CachedResponse { token, etag, value, next: page.next.clone() };
    cache.put(&key(url, kept), response)
}

/// The cache in the store, so that a restart does not cost requests.
impl ResponseCache for crate::store::AnswerCache {
    fn get<'a>(&'a self, key: &'a str) -> Getting<'a> {
        Box::pin(async {
            let bytes = Self::get(self, key).await?;
            beside_others(bytes.len(), || serde_json::from_slice(&bytes).ok())
        })
    }

    fn put(&self, key: &str, response: CachedResponse) -> CachePut {
        // A response that cannot be serialized is not cached.
        let bytes = serde_json::to_vec(&response);
        bytes.map_or(CachePut::Anew, |bytes| Self::put(self, key, bytes))
    }
}
