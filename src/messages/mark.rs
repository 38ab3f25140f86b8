//! The link of a `dispatching` status: the runs of the dispatched workflow on its ref. People
//! find the run there, and a process that lost its ledger reads the workflow and the ref from
//! it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::domain::Branch;

const PATH: &str = "/actions/workflows/";
const QUERY: &str = "?query=branch%3A";
/// RFC 3986's unreserved characters.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The page of a workflow's runs on a ref. It must not be the page of one run, which would be
/// read back as the attempt's own.
#[must_use]
pub fn runs_page(repository_page: &str, workflow_file: &str, deploy_ref: &Branch) -> String {
    let file = utf8_percent_encode(workflow_file, PLAIN);
    let deploy_ref = utf8_percent_encode(deploy_ref.as_str(), PLAIN);
    format!("{repository_page}{PATH}{file}{QUERY}{deploy_ref}")
}

/// The workflow file and the ref that a [`runs_page`] names. Earlier versions did not name a
/// ref.
#[must_use]
pub fn read_runs_page(url: &str) -> Option<(String, Option<Branch>)> {
    let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    let (_, page) = url.split_once(PATH)?;
    let (file, deploy_ref) = match page.split_once(QUERY) {
        Some((file, deploy_ref)) => (file, Some(decoded(deploy_ref)?)),
        None => (page, None),
    };
    let file = decoded(file)?;
    let is_one_segment = !file.is_empty() && !file.contains(['/', '?', '#']);
    is_one_segment.then(|| (file, deploy_ref.map(Branch::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_of_runs_names_is_read_back() {
        for (file, on) in
            [("deploy.yml", "main"), ("ship it.yaml", "release/2026:q4"), ("ü.yml", "ü")]
        {
            let page = runs_page("https://github.com/acme/shop", file, &on.into());
            assert_eq!(read_runs_page(&page), Some((file.to_owned(), Some(on.into()))), "{page}");
        }
        assert_eq!(
            runs_page("https://ghe.example.com/acme/shop", "deploy.yml", &"release/1".into()),
            "https://ghe.example.com/acme/shop/actions/workflows/deploy.yml?query=branch%3Arelease%2F1"
        );
    }

    #[test]
    fn a_page_of_an_earlier_version_names_no_ref() {
        let page = "https://github.com/acme/shop/actions/workflows/deploy.yml";
        assert_eq!(read_runs_page(page), Some(("deploy.yml".to_owned(), None)));
    }

    #[test]
    fn other_pages_name_no_workflow() {
        for page in [
            "https://github.com/acme/shop/actions/runs/7",
            "https://github.com/acme/shop/actions/workflows/",
            "https://github.com/acme/shop/actions/workflows/deploy.yml/badge.svg",
            "https://github.com/acme/shop/actions/workflows/%FF.yml",
            "",
        ] {
            assert_eq!(read_runs_page(page), None, "{page}");
        }
    }
}
