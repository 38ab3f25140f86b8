//! Restores what a start needs before its first passes: a repository without a recent good pass
//! before a restart must not look like a new one after it.

use super::{Controller, LastStanding};

impl Controller {
    /// Sets the metric of each repository's last good pass from an earlier process.
    pub(super) async fn recall(&self) {
        for (name, view) in self.shared.store.views().await {
            // A row written by an earlier version may lack it.
            let standing: LastStanding = serde_json::from_value(view).unwrap_or_default();
            if let Some(at) = standing.last_good_pass
                && self.snapshot(&name).is_some()
            {
                self.shared.metrics.good_pass(&name, at);
            }
        }
    }
}
