//! Lists that are too slow for GitHub: it answers 502 at 100 entries per page, but works with
//! fewer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The number of entries on a small page.
const FEW: u32 = 25;
/// How long a list is read in small pages before full pages are tried again.
const READ_SO_FOR: Duration = Duration::from_secs(60 * 60);
/// The maximum number of slow lists that are remembered.
const KEPT: usize = 1_000;

const PER_PAGE: &str = "per_page=";
const PAGE: &str = "page=";

/// One page of a list, divided into small ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SmallPages {
    /// Identifies the list, regardless of the page.
    pub(super) list: String,
    /// The path of the first small page.
    pub(super) first: String,
    /// How many small pages make up the page.
    pub(super) count: u32,
    /// The path of the next page, in the list's own page size.
    next: String,
}

impl SmallPages {
    /// The small pages of this path and query. `None` if its pages are already small or are not
    /// selected by number.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (place, query) = path.split_once('?')?;
        let parts = || query.split('&');
        let number = |name: &str| parts().find_map(|part| part.strip_prefix(name));
        let per_page: u32 = number(PER_PAGE)?.parse().ok()?;
        if per_page <= FEW || !per_page.is_multiple_of(FEW) {
            return None;
        }
        // Lists with cursors cannot be divided by page number.
        if parts().any(|part| part.starts_with("after=") || part.starts_with("before=")) {
            return None;
        }
        let page: u32 = number(PAGE).map_or(Ok(1), str::parse).ok().filter(|page| *page > 0)?;
        let count = per_page.div_euclid(FEW);
        let with = |per_page: Option<u32>, page: Option<u32>| {
            let kept = parts().filter(|part| {
                let is_size = part.starts_with(PER_PAGE) && per_page.is_some();
                !is_size && !part.starts_with(PAGE)
            });
            let size = per_page.map(|per_page| format!("{PER_PAGE}{per_page}"));
            let number = page.filter(|page| *page > 1).map(|page| format!("{PAGE}{page}"));
            let parts: Vec<String> =
                size.into_iter().chain(kept.map(str::to_owned)).chain(number).collect();
            format!("{place}?{}", parts.join("&"))
        };
        Some(Self {
            list: with(None, None),
            first: with(Some(FEW), page.saturating_sub(1).checked_mul(count)?.checked_add(1)),
            count,
            next: with(None, page.checked_add(1)),
        })
    }

    /// The path of the list's next page, if `after` says that the list continues after the last
    /// small page.
    pub(super) fn then(&self, after: Option<&str>) -> Option<String> {
        let after = after?;
        let is_numbered = after.split(['?', '&']).any(|part| part.starts_with(PAGE));
        Some(if is_numbered { self.next.clone() } else { after.to_owned() })
    }
}

/// The lists that are currently read in small pages.
#[derive(Default)]
pub(super) struct SlowLists(Mutex<BTreeMap<String, Duration>>);

impl SlowLists {
    /// Whether this list is read in small pages at `now` (monotonic time).
    pub(super) fn has(&self, list: &str, now: Duration) -> bool {
        self.lock().get(list).is_some_and(|until| now < *until)
    }

    /// Records that this list could only be read in small pages.
    pub(super) fn note(&self, list: &str, now: Duration) {
        let mut lists = self.lock();
        if lists.len() >= KEPT {
            lists.retain(|_, until| now < *until);
        }
        if lists.len() >= KEPT {
            lists.clear();
        }
        lists.insert(list.to_owned(), now.saturating_add(READ_SO_FOR));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Duration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(path: &str) -> (String, u32, String) {
        let small = SmallPages::of(path).unwrap();
        (small.first, small.count, small.next)
    }

    #[test]
    fn small_pages_begin_and_end_where_the_page_does() {
        assert_eq!(
            small("/runs?per_page=100"),
            ("/runs?per_page=25".into(), 4, "/runs?per_page=100&page=2".into())
        );
        assert_eq!(
            small("/runs?per_page=100&branch=main&page=3"),
            (
                "/runs?per_page=25&branch=main&page=9".into(),
                4,
                "/runs?per_page=100&branch=main&page=4".into()
            )
        );
        assert_eq!(small("/compare/a...b?page=2&per_page=250").1, 10);
        assert_eq!(SmallPages::of("/a?page=2&per_page=250").unwrap().list, "/a?per_page=250");
    }

    #[test]
    fn what_has_no_large_pages_by_number_has_no_small_ones() {
        for path in [
            "/a",
            "/a?per_page=25",
            "/a?per_page=1&page=1",
            "/a?per_page=100&after=Y3Vyc29y",
            "/a?x=100",
        ] {
            assert_eq!(SmallPages::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_slow_list_is_tried_in_whole_pages_again_after_an_hour() {
        let lists = SlowLists::default();
        let at = Duration::from_secs;
        lists.note("/runs", at(10));
        assert!(lists.has("/runs", at(3_609)) && !lists.has("/runs", at(3_610)));
        assert!(!lists.has("/others", at(11)));
        for number in 0..3 * KEPT {
            lists.note(&format!("/{number}"), at(20));
        }
        assert!(lists.lock().len() <= KEPT);
    }
}
