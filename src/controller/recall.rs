//! What a start shows before its first passes: a repository that was not governed well before a
//! restart is not taken for a new one after it.

use super::{Controller, LastStanding};

impl Controller {
    /// Says when the repositories had their last good passes, in an earlier process.
    pub(super) async fn recall(&self) {
        for (name, view) in self.shared.store.views().await {
            // A row of an earlier version may lack it.
            let standing: LastStanding = serde_json::from_value(view).unwrap_or_default();
            if let Some(at) = standing.last_good_pass
                && self.snapshot(&name).is_some()
            {
                self.shared.metrics.good_pass(&name, at);
            }
        }
    }
}
