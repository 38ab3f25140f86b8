//! Who we are to GitHub: where the token comes from, and when another one takes its place.

mod app;
mod installation;
mod token;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

pub(super) use app::App;
pub(super) use installation::{Installation, InstallationTarget};
pub(super) use token::TokenFile;

use super::endpoint::Endpoint;
use super::error::ReadError;
use crate::domain::Login;

/// Tokens of GitHub's have tens to some hundreds of bytes.
const LONGEST_TOKEN: usize = 4096;
/// Digits that tell two secrets apart without telling them: eight bytes.
const FINGERPRINT_BYTES: usize = 8;

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// This one, as long as the process lives.
    Value(SecretString),
    /// What this file holds; read again when it changes.
    File(PathBuf),
    /// The installations of a GitHub App.
    App(AppSource),
}

/// A GitHub App, as it is configured.
#[derive(Clone, Debug)]
pub struct AppSource {
    /// Its number, or its client id: GitHub takes either as the issuer of a JWT.
    pub app_id: String,
    /// The file of its private key; read again when it changes.
    pub private_key_file: PathBuf,
    /// The installation that is used for all repositories; none: that of each one's owner.
    pub installation_id: Option<u64>,
}

/// The token as it is sent.
#[derive(Clone)]
pub(super) struct Token {
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// What tells two tokens apart without telling them.
    pub(super) fingerprint: String,
    /// When GitHub made it, a monotonic time; none for one that a person made.
    made_at: Option<Duration>,
}

/// So long GitHub's services may not all know a new token of an App, and refuse what it may do.
const IS_NEW_FOR: Duration = Duration::from_secs(60);

impl Token {
    fn new(secret: &str) -> Result<Self, String> {
        let secret = secret.trim();
        if secret.is_empty() {
            return Err("it is empty".into());
        }
        if secret.len() > LONGEST_TOKEN {
            return Err(format!("it has more than {LONGEST_TOKEN} bytes"));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {secret}"))
            .map_err(|_| "it contains characters that are not allowed in a token".to_owned())?;
        header.set_sensitive(true);
        Ok(Self { header, fingerprint: fingerprint(secret.as_bytes()), made_at: None })
    }

    /// How long it is still new at `now`, a monotonic time; none where it is not.
    pub(super) fn is_new_for(&self, now: Duration) -> Option<Duration> {
        let until = self.made_at?.saturating_add(IS_NEW_FOR);
        until.checked_sub(now).filter(|left| !left.is_zero())
    }
}

fn fingerprint(secret: &[u8]) -> String {
    let digest = Sha256::digest(secret);
    digest.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Why there is no token to send.
#[derive(Clone, Debug)]
pub(super) enum NoToken {
    /// GitHub refuses the credential, or it cannot be read: why, and what to do. A person's work.
    Refused(String),
    /// GitHub told us to wait.
    ToldToWait(Timestamp),
    /// It could not be had for now: what happened.
    ForNow(String),
}

impl NoToken {
    /// As the failure to read something.
    pub(super) fn for_a_read(self, what: &str) -> ReadError {
        let what = what.to_owned();
        match self {
            Self::Refused(why) => ReadError::BadCredentials { what, why },
            Self::ToldToWait(until) => ReadError::ToldToWait { what, until },
            Self::ForNow(why) => ReadError::Transport { what, why },
        }
    }
}

/// One credential: what gives its token.
pub(super) enum Auth {
    Token(TokenFile),
    Installation(Installation),
}

/// Why another token file is none for this credential.
pub(super) const NO_TOKEN_FILE: &str = "the credential comes from no token file";

impl Auth {
    /// The token comes from another file from now on.
    pub(super) async fn use_token_file(
        &self,
        path: PathBuf,
        line: &Endpoint,
    ) -> Result<(), String> {
        match self {
            Self::Token(file) => file.come_from(path, line).await,
            Self::Installation(_) => Err(NO_TOKEN_FILE.to_owned()),
        }
    }

    /// The token to send now.
    pub(super) async fn token(&self, line: &Endpoint) -> Result<Token, NoToken> {
        match self {
            Self::Token(file) => Ok(file.token(line).await),
            // Seldom taken, and deep: not part of every request's own future.
            Self::Installation(installation) => match installation.at_hand(line) {
                Some(token) => Ok(token),
                None => Box::pin(installation.token(line)).await,
            },
        }
    }

    /// Looks at once, because GitHub did not accept `refused`; the token that is worth a try.
    pub(super) async fn instead_of(
        &self,
        line: &Endpoint,
        refused: &Token,
    ) -> Result<Option<Token>, NoToken> {
        match self {
            Self::Token(file) => Ok(file.instead_of(line, refused).await),
            Self::Installation(installation) => {
                Box::pin(installation.instead_of(line, refused)).await
            }
        }
    }

    /// What changes with what is allowed: a refused dispatch is worth another try then.
    pub(super) fn grant(&self) -> String {
        match self {
            Self::Token(file) => file.fingerprint(),
            Self::Installation(installation) => installation.grant(),
        }
    }

    /// An installation's permissions: what, and `read`, `write` or `admin`.
    pub(super) fn permissions(&self) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Token(_) => None,
            Self::Installation(installation) => installation.permissions(),
        }
    }

    /// What its account is remembered under: another token may be another account's, an App
    /// stays itself.
    pub(super) fn account_key(&self) -> String {
        match self {
            Self::Token(file) => file.fingerprint(),
            Self::Installation(installation) => installation.app().account_key(),
        }
    }

    /// The account of an App, `slug[bot]`; none for a token, whose account GitHub tells itself.
    pub(super) async fn account(&self, line: &Endpoint) -> Option<Result<Login, NoToken>> {
        match self {
            Self::Token(_) => None,
            Self::Installation(installation) => {
                Some(Box::pin(installation.app().account(line)).await)
            }
        }
    }
}

/// What to do about a token that GitHub refuses.
pub(super) fn refused_words(auth: &Auth, words: &str) -> String {
    let quoted = if words.is_empty() { String::new() } else { format!(" \"{words}\"") };
    match auth {
        Auth::Token(_) => format!(
            "GitHub does not accept the token{quoted}. Renew it; a token file is read again by \
             itself"
        ),
        Auth::Installation(installation) => format!(
            "GitHub does not accept the App's token for {}{quoted}. See whether the App is still \
             installed there, and not suspended",
            installation.place()
        ),
    }
}
