//! An App's installation and its token, which is valid for an hour and is replaced before it
//! expires.
//!
//! Source: GitHub's documentation, "Generating an installation access token for a GitHub App".

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex as AsyncMutex;

use super::{App, NoToken, Token, fingerprint};
use crate::domain::RepoName;
use crate::github::ask::encoded;
use crate::github::endpoint::Endpoint;
use crate::github::refusal::Refusals;

/// How long before its expiry a token is replaced. A pass takes seconds, and GitHub may fail
/// for minutes: the old token stays in use until there is a new one.
const REPLACED_BEFORE_END: SignedDuration = SignedDuration::from_mins(5);
/// The interval between attempts to replace a token that is still valid.
const BETWEEN_TRIES: Duration = Duration::from_secs(15);
/// How long a failure is the answer to all callers: many repositories wait for the same token.
/// Shorter than the default interval between two passes of a repository.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(5);
/// The margin for the time that a request takes to arrive.
const NOT_SENT_BEFORE_END: SignedDuration = SignedDuration::from_secs(30);

/// Identifies an installation.
pub(in crate::github) enum InstallationTarget {
    /// By its id.
    Number(u64),
    /// By the owner of this repository.
    OwnerOf(RepoName),
}

/// An installation and its token.
pub(in crate::github) struct Installation {
    app: Arc<App>,
    place: InstallationTarget,
    minted: Mutex<Option<Minted>>,
    /// Held while a token is requested. Callers that arrive meanwhile wait and get the same
    /// token.
    asking: AsyncMutex<InstallationState>,
    refusals: Refusals,
}

#[derive(Clone)]
struct Minted {
    token: Token,
    expires: Timestamp,
    permissions: BTreeMap<String, String>,
}

#[derive(Default)]
struct InstallationState {
    /// The installation's id, once known.
    installation: Option<u64>,
    /// Until then, GitHub told us not to ask for a token.
    told_to_wait: Option<Timestamp>,
    /// When the next attempt to replace a token that is still valid may start (monotonic time).
    next_try: Duration,
    /// The last temporary failure, and when it occurred (monotonic time).
    failure: Option<(Duration, String)>,
}

#[derive(Deserialize)]
struct WireInstallation {
    id: u64,
}

#[derive(Deserialize)]
struct WireToken {
    token: String,
    expires_at: Timestamp,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

impl Installation {
    pub(in crate::github) fn new(
        app: Arc<App>,
        place: InstallationTarget,
        refusals: Refusals,
    ) -> Self {
        Self { app, place, minted: Mutex::default(), asking: AsyncMutex::default(), refusals }
    }

    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Where the App is installed, for messages.
    pub(super) fn place(&self) -> String {
        match &self.place {
            InstallationTarget::Number(number) => format!("installation {number}"),
            InstallationTarget::OwnerOf(repository) => repository.owner().to_owned(),
        }
    }

    /// An opaque value that changes with the installation's permissions.
    pub(super) fn grant(&self) -> String {
        let permissions = self.lock().as_ref().map(|minted| minted.permissions.clone());
        fingerprint(format!("{}{permissions:?}", self.app.account_key()).as_bytes())
    }

    pub(super) fn permissions(&self) -> Option<BTreeMap<String, String>> {
        self.lock().as_ref().map(|minted| minted.permissions.clone())
    }

    /// The token, if it need not be replaced yet.
    pub(super) fn at_hand(&self, line: &Endpoint) -> Option<Token> {
        self.lasting(line, REPLACED_BEFORE_END)
    }

    /// The token to send now: a new one if the current one expires soon.
    pub(super) async fn token(&self, line: &Endpoint) -> Result<Token, NoToken> {
        let Some(old) = self.lasting(line, NOT_SENT_BEFORE_END) else {
            let mut asked = self.asking.lock().await;
            // Another caller may have requested one while this one waited.
            if let Some(token) = self.lasting(line, NOT_SENT_BEFORE_END) {
                return Ok(token);
            }
            return self.mint(line, &mut asked).await;
        };
        // The old token is used while another caller requests a new one, and if that request
        // fails.
        let Ok(mut asked) = self.asking.try_lock() else { return Ok(old) };
        if let Some(token) = self.at_hand(line) {
            return Ok(token);
        }
        if line.clock.monotonic() < asked.next_try {
            return Ok(old);
        }
        match self.mint(line, &mut asked).await {
            Ok(token) => Ok(token),
            Err(why) => {
                tracing::debug!("keeping the App's current token for {}: {why:?}", self.place());
                asked.next_try = line.clock.monotonic().saturating_add(BETWEEN_TRIES);
                Ok(old)
            }
        }
    }

    /// A token to replace one that GitHub no longer accepts.
    pub(super) async fn instead_of(
        &self,
        line: &Endpoint,
        refused: &Token,
    ) -> Result<Option<Token>, NoToken> {
        let mut asked = self.asking.lock().await;
        let known = self.lock().as_ref().map(|minted| minted.token.clone());
        if let Some(newer) = known.filter(|known| known.fingerprint != refused.fingerprint) {
            return Ok(Some(newer));
        }
        *self.lock() = None;
        self.mint(line, &mut asked).await.map(Some)
    }

    /// The token, if it is valid for longer than `margin`.
    fn lasting(&self, line: &Endpoint, margin: SignedDuration) -> Option<Token> {
        let minted = self.lock();
        let minted = minted.as_ref()?;
        let left = minted.expires.duration_since(line.clock.now());
        (left > margin).then(|| minted.token.clone())
    }

    /// Requests a token, unless that just failed or GitHub told us to wait.
    async fn mint(&self, line: &Endpoint, asked: &mut InstallationState) -> Result<Token, NoToken> {
        self.app.read_again(line).await;
        let now = line.clock.monotonic();
        if let Some(why) = self.refusals.standing(now, &self.app.key_fingerprint()) {
            return Err(NoToken::Refused(why));
        }
        if let Some(until) = asked.told_to_wait.filter(|until| line.clock.now() < *until) {
            return Err(NoToken::ToldToWait(until));
        }
        if let Some((at, why)) = &asked.failure
            && now.saturating_sub(*at) < FAILURE_REMEMBERED
        {
            return Err(NoToken::ForNow(why.clone()));
        }
        let minted = self.mint_now(line, asked).await;
        let now = line.clock.monotonic();
        match minted {
            Ok(minted) => {
                self.refusals.over();
                let token = minted.token.clone();
                *self.lock() = Some(minted);
                Ok(token)
            }
            Err(NoToken::Refused(why)) => {
                // The App may be reinstalled under another id.
                asked.installation = None;
                self.refusals.refused(now, &self.app.key_fingerprint(), &why);
                Err(NoToken::Refused(why))
            }
            Err(NoToken::ToldToWait(until)) => {
                asked.told_to_wait = Some(until);
                Err(NoToken::ToldToWait(until))
            }
            Err(NoToken::ForNow(why)) => {
                asked.failure = Some((now, why.clone()));
                Err(NoToken::ForNow(why))
            }
        }
    }

    async fn mint_now(
        &self,
        line: &Endpoint,
        asked: &mut InstallationState,
    ) -> Result<Minted, NoToken> {
        let number = match asked.installation {
            Some(number) => number,
            None => self.find(line).await?,
        };
        asked.installation = Some(number);
        let path = format!("/app/installations/{number}/access_tokens");
        let answer = self.app.ask(line, "create_installation_token", Method::POST, &path).await?;
        let place = self.place();
        match answer.status {
            StatusCode::NOT_FOUND => return Err(self.not_installed()),
            StatusCode::FORBIDDEN => {
                return Err(NoToken::Refused(format!(
                    "GitHub gives the App no token for {place}{}. Where its installation is \
                     suspended, unsuspend it",
                    answer.quoted()
                )));
            }
            _ => {}
        }
        let wire: WireToken = self.app.understood(&answer, "give a token")?;
        let token = Token::new(&wire.token)
            .map_err(|why| NoToken::ForNow(format!("GitHub's token for {place} is bad: {why}")))?;
        let token = Token { made_at: Some(line.clock.monotonic()), ..token };
        tracing::debug!(expires = %wire.expires_at, "a new token of the App for {place}");
        Ok(Minted { token, expires: wire.expires_at, permissions: wire.permissions })
    }

    /// The installation's id. The owner may be an organization or a user. If the App is
    /// installed for selected repositories only, the repository may be needed to find it.
    async fn find(&self, line: &Endpoint) -> Result<u64, NoToken> {
        let repository = match &self.place {
            InstallationTarget::Number(number) => return Ok(*number),
            InstallationTarget::OwnerOf(repository) => repository,
        };
        let (owner, name) = (encoded(repository.owner()), encoded(repository.name()));
        for path in [
            format!("/orgs/{owner}/installation"),
            format!("/users/{owner}/installation"),
            format!("/repos/{owner}/{name}/installation"),
        ] {
            let answer = self.app.ask(line, "get_installation", Method::GET, &path).await?;
            if answer.status == StatusCode::NOT_FOUND || answer.status.is_redirection() {
                continue;
            }
            let found: WireInstallation = self.app.understood(&answer, "find its installation")?;
            return Ok(found.id);
        }
        Err(self.not_installed())
    }

    fn not_installed(&self) -> NoToken {
        NoToken::Refused(match &self.place {
            InstallationTarget::Number(number) => format!(
                "the App has no installation {number}. Install it, or take \
                 `github.app.installation_id` out: it is found from each repository's owner"
            ),
            InstallationTarget::OwnerOf(repository) => {
                let owner = repository.owner();
                format!("the App is not installed for {owner}. Install it there")
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Minted>> {
        self.minted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
