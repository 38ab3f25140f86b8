//! Paginated lists.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AllOrFirst;
use crate::github::Reader;
use crate::github::ask::ReadRequest;
use crate::github::error::ReadError;
use crate::github::etag::TaggedPage;
use crate::github::pages::SmallPages;
use crate::github::wire::Unusable;

/// An item of a list, which is cached in its parsed form.
pub(super) trait ListItem: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> ListItem for T {}

impl Reader {
    /// A page of a list. If GitHub fails with a server error, for example because a full page
    /// takes it too long, the page is read in small pages.
    pub(super) async fn list_page<T: ListItem>(
        &self,
        ask: &ReadRequest,
        parse: &impl Fn(&[u8]) -> Result<Vec<T>, Unusable>,
    ) -> Result<TaggedPage<Vec<T>>, ReadError> {
        let Some(small) = SmallPages::of(&ask.path) else { return self.page(ask, parse).await };
        let (slow, clock) = (&self.client.slow_lists, &self.client.line.clock);
        if slow.has(&small.list, clock.monotonic()) {
            return self.small_pages(ask, &small, parse).await;
        }
        let failed = match self.page(ask, parse).await {
            Err(failed @ ReadError::Server { .. }) => failed,
            read => return read,
        };
        let Ok(page) = Box::pin(self.small_pages(ask, &small, parse)).await else {
            return Err(failed);
        };
        tracing::info!("{failed}. Smaller pages work: they are used for an hour");
        slow.note(&small.list, clock.monotonic());
        Ok(page)
    }

    async fn small_pages<T: ListItem>(
        &self,
        ask: &ReadRequest,
        small: &SmallPages,
        parse: &impl Fn(&[u8]) -> Result<Vec<T>, Unusable>,
    ) -> Result<TaggedPage<Vec<T>>, ReadError> {
        let mut value = Vec::new();
        let mut next = Some(small.first.clone());
        for _ in 0..small.count {
            let Some(path) = next else { break };
            let ReadRequest { operation, what, kept, .. } = ask;
            let ask = ReadRequest {
                kept: kept.clone(),
                ..ReadRequest::new(operation, what.clone(), path)
            };
            let page = self.page(&ask, parse).await?;
            value.extend(page.value);
            next = page.next;
        }
        Ok(TaggedPage { value, next: small.then(next.as_deref()) })
    }

    /// The first pages of a list, and whether they are the whole list.
    pub(super) async fn some_pages<T: ListItem>(
        &self,
        mut ask: ReadRequest,
        pages: u32,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, Unusable>,
    ) -> Result<(Vec<T>, bool), ReadError> {
        let mut all = Vec::new();
        for _ in 0..pages {
            let page = self.list_page(&ask, &parse).await?;
            all.extend(page.value);
            match page.next {
                Some(next) => ask.path = next,
                None => return Ok((all, true)),
            }
        }
        Ok((all, false))
    }

    /// A whole list, of at most `limit` pages.
    pub(super) async fn all_pages<T: ListItem>(
        &self,
        ask: ReadRequest,
        limit: u32,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, Unusable>,
    ) -> Result<Vec<T>, ReadError> {
        let what = ask.what.clone();
        match self.some_pages(ask, limit, parse).await? {
            (all, true) => Ok(all),
            (_, false) => Err(ReadError::TooMany { what, pages: limit }),
        }
    }

    /// All pages of a list or the first one, as requested.
    pub(super) async fn pages<T: ListItem>(
        &self,
        ask: ReadRequest,
        wanted: AllOrFirst,
        limit: u32,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, Unusable>,
    ) -> Result<Vec<T>, ReadError> {
        match wanted {
            AllOrFirst::All => self.all_pages(ask, limit, parse).await,
            AllOrFirst::First => Ok(self.list_page(&ask, &parse).await?.value),
        }
    }
}
