//! What kind of server the box is, and what it was asked.

use http::Method;

use crate::GhBox;
use crate::limits::Limits;
use crate::log::{Exchange, RequestCounts};

impl GhBox {
    /// Sets the limits.
    pub fn set_limits(&self, limits: Limits) {
        self.world().meters.limits = limits;
    }

    /// Enforces the secondary limits, or leaves them be.
    pub fn enforce_secondary(&self, enforced: bool) {
        self.world().meters.limits.enforce_secondary = enforced;
    }

    /// Has Enterprise Server 3.20's manners from now on, wherever it is asked: it refuses
    /// `return_run_details` with 400, has no limits nor headers about them, and says its version.
    pub fn enterprise(&self) {
        let mut world = self.world();
        world.server.refuses_run_details = true;
        world.server.sends_limit_headers = false;
        world.server.enterprise = Some("3.20.0".to_owned());
    }

    /// Is an Enterprise Server with these pages, as `https://ghe.example.com`: with its manners
    /// (see [`GhBox::enterprise`]), all API below `/api/v3`, and nothing but pages at the root.
    pub fn enterprise_server(&self, html_url: &str) {
        self.enterprise();
        let mut world = self.world();
        world.server.root_is_pages = true;
        html_url.trim_end_matches('/').clone_into(&mut world.server.html_url);
    }

    /// Takes an account away, or brings it back: all that it owns is 404 until then, and the
    /// Apps that it installed are installed there no more.
    pub fn set_owner_gone(&self, login: &str, gone: bool) {
        let mut world = self.world();
        let login = login.to_lowercase();
        if gone {
            world.gone.insert(login);
        } else {
            world.gone.remove(&login);
        }
    }

    /// The most entries that a tree lists before it says `truncated`.
    pub fn set_tree_limit(&self, entries: usize) {
        self.world().server.tree_limit = entries;
    }

    /// The most commits that a page of a comparison lists, however many are asked for: 250 until
    /// this is said. GitHub documents 100 for every list.
    pub fn set_compare_page(&self, commits: usize) {
        self.world().server.compare_page = commits;
    }

    /// The operations that the box knows, by GitHub's names.
    #[must_use]
    pub fn operations() -> &'static [&'static str] {
        &crate::routes::OPERATIONS
    }

    /// All requests so far, oldest first; the last 20,000 unless [`GhBox::keep_requests`],
    /// and no more than 256 MB of bodies.
    #[must_use]
    pub fn requests(&self) -> Vec<Exchange> {
        self.world().log.all()
    }

    /// All requests since this was asked last.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Exchange> {
        self.world().log.take()
    }

    /// How many requests there were since the box was made; all of them, kept or not.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        self.world().log.counts.clone()
    }

    /// Keeps this many requests from now on; with 0 they are only counted, as a benchmark wants.
    pub fn keep_requests(&self, most: usize) {
        self.world().log.keep(most);
    }

    /// The requests so far that asked for a change.
    #[must_use]
    pub fn writes(&self) -> Vec<Exchange> {
        let writes = |exchange: &Exchange| !matches!(exchange.method, Method::GET | Method::HEAD);
        self.requests().into_iter().filter(writes).collect()
    }
}
