//! Test API: the kind of server that the box imitates, and its request log.

use http::Method;

use crate::GhBox;
use crate::limits::Limits;
use crate::log::{Exchange, RequestCounts};

impl GhBox {
    pub fn set_limits(&self, limits: Limits) {
        self.world().meters.limits = limits;
    }

    /// Turns the secondary limits on or off.
    pub fn enforce_secondary(&self, enforced: bool) {
        self.world().meters.limits.enforce_secondary = enforced;
    }

    /// Behaves like Enterprise Server 3.20 from now on: refuses `return_run_details` with 400,
    /// has no rate limits or headers about them, and reports its version.
    pub fn enterprise(&self) {
        let mut world = self.world();
        world.server.refuses_run_details = true;
        world.server.sends_limit_headers = false;
        world.server.enterprise = Some("3.20.0".to_owned());
    }

    /// Imitates an Enterprise Server whose web pages are at `html_url`, for example
    /// `https://ghe.example.com`: behaves as after [`GhBox::enterprise`], serves the API below
    /// `/api/v3` and only web pages at the root.
    pub fn enterprise_server(&self, html_url: &str) {
        self.enterprise();
        let mut world = self.world();
        world.server.root_is_pages = true;
        html_url.trim_end_matches('/').clone_into(&mut world.server.html_url);
    }

    /// Removes an account or restores it. While it is gone, everything it owns gets 404, and
    /// Apps are not installed on it.
    pub fn set_owner_gone(&self, login: &str, gone: bool) {
        let mut world = self.world();
        let login = login.to_lowercase();
        if gone {
            world.gone.insert(login);
        } else {
            world.gone.remove(&login);
        }
    }

    /// The maximum number of entries that a tree lists before it is `truncated`.
    pub fn set_tree_limit(&self, entries: usize) {
        self.world().server.tree_limit = entries;
    }

    /// The maximum number of commits on a page of a comparison, regardless of the requested
    /// page size. Default: 250. GitHub documents 100 for every list.
    pub fn set_compare_page(&self, commits: usize) {
        self.world().server.compare_page = commits;
    }

    /// The operations that the box implements, by GitHub's names.
    #[must_use]
    pub fn operations() -> &'static [&'static str] {
        &crate::routes::OPERATIONS
    }

    /// All requests so far, oldest first. Keeps the last 20,000 (see [`GhBox::keep_requests`])
    /// and at most 256 MB of bodies.
    #[must_use]
    pub fn requests(&self) -> Vec<Exchange> {
        self.world().log.all()
    }

    /// All requests since the last call.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Exchange> {
        self.world().log.take()
    }

    /// How many requests the box has received, whether kept in the log or not.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        self.world().log.counts.clone()
    }

    /// Keeps at most this many requests in the log. With 0, they are only counted, as for a
    /// benchmark.
    pub fn keep_requests(&self, most: usize) {
        self.world().log.keep(most);
    }

    /// The logged requests that are writes.
    #[must_use]
    pub fn writes(&self) -> Vec<Exchange> {
        let writes = |exchange: &Exchange| !matches!(exchange.method, Method::GET | Method::HEAD);
        self.requests().into_iter().filter(writes).collect()
    }
}
