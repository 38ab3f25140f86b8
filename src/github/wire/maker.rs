//! Who made a commit.

use serde::Deserialize;

use super::{Unusable, User};
use crate::domain::Login;

/// The fields of a commit that show who made it.
#[derive(Deserialize)]
pub(in crate::github) struct WireMaker {
    committer: Option<User>,
    commit: WireSigned,
}

#[derive(Deserialize)]
struct WireSigned {
    verification: Option<WireVerification>,
}

#[derive(Deserialize)]
struct WireVerification {
    verified: bool,
    reason: Option<String>,
}

/// The account with which GitHub commits and signs for users of its website and API.
const WEB_FLOW: &str = "web-flow";

impl WireMaker {
    /// Whether GitHub made and signed the commit. This may be temporarily unknown, because
    /// another service verifies signatures (docs.github.com, "Get a commit", the reasons of
    /// `verification`).
    pub(in crate::github) fn is_github(&self) -> Result<bool, Unusable> {
        let is_web_flow =
            self.committer.as_ref().is_some_and(|user| user.login == Login::from(WEB_FLOW));
        let Some(signed) = self.commit.verification.as_ref().filter(|_| is_web_flow) else {
            return Ok(false);
        };
        match signed.reason.as_deref() {
            Some(why @ ("gpgverify_unavailable" | "gpgverify_error")) if !signed.verified => {
                Err(Unusable::Malformed(format!("the signature was not looked at: {why}")))
            }
            Some(_) | None => Ok(signed.verified),
        }
    }
}
