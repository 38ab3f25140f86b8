//! Authentication: where the token comes from, and when it is replaced.

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

/// GitHub's tokens have tens to a few hundred bytes.
const LONGEST_TOKEN: usize = 4096;
/// Eight bytes of a digest distinguish two secrets without revealing them.
const FINGERPRINT_BYTES: usize = 8;

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// A fixed token, for the lifetime of the process.
    Value(SecretString),
    /// The content of this file, which is read again when it changes.
    File(PathBuf),
    /// The installations of a GitHub App.
    App(AppSource),
}

/// The configuration of a GitHub App.
#[derive(Clone, Debug)]
pub struct AppSource {
    /// The App id or the client id. GitHub accepts either as the issuer of a JWT.
    pub app_id: String,
    /// The file with the private key, which is read again when it changes.
    pub private_key_file: PathBuf,
    /// The installation for all repositories. `None`: the installation of each repository's
    /// owner.
    pub installation_id: Option<u64>,
}

/// The token in the form in which it is sent.
#[derive(Clone)]
pub(super) struct Token {
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// Distinguishes tokens without revealing them.
    pub(super) fingerprint: String,
    /// When GitHub minted it (monotonic time). `None` for a token that a person created.
    made_at: Option<Duration>,
}

/// How long GitHub's services may not all know a new App token, and refuse requests that it
/// permits.
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

    /// How long the token still counts as new at `now` (monotonic time); `None` if it does not.
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
    /// GitHub refuses the credential, or it cannot be read. Contains the reason and the remedy;
    /// a person must fix it.
    Refused(String),
    /// GitHub told us to wait.
    ToldToWait(Timestamp),
    /// A temporary failure, with its cause.
    ForNow(String),
}

impl NoToken {
    /// Converts this to the error of a read.
    pub(super) fn for_a_read(self, what: &str) -> ReadError {
        let what = what.to_owned();
        match self {
            Self::Refused(why) => ReadError::BadCredentials { what, why },
            Self::ToldToWait(until) => ReadError::ToldToWait { what, until },
            Self::ForNow(why) => ReadError::Transport { what, why },
        }
    }
}

/// A credential: the source of its tokens.
pub(super) enum Auth {
    Token(TokenFile),
    Installation(Installation),
}

/// The error for a change of token file where the credential is not a token file.
pub(super) const NO_TOKEN_FILE: &str = "the credential comes from no token file";

impl Auth {
    /// Switches to another token file.
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
            // Minting is rare and has a large future, so it is boxed and not part of every
            // request's future.
            Self::Installation(installation) => match installation.at_hand(line) {
                Some(token) => Ok(token),
                None => Box::pin(installation.token(line)).await,
            },
        }
    }

    /// Looks for another token immediately, because GitHub did not accept `refused`. Returns
    /// one if it is worth a try.
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

    /// An opaque value that changes with the credential's rights. When it changes, a refused
    /// dispatch is worth another try.
    pub(super) fn grant(&self) -> String {
        match self {
            Self::Token(file) => file.fingerprint(),
            Self::Installation(installation) => installation.grant(),
        }
    }

    /// An installation's permissions, by name, with `read`, `write` or `admin`.
    pub(super) fn permissions(&self) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Token(_) => None,
            Self::Installation(installation) => installation.permissions(),
        }
    }

    /// The cache key of the credential's account. Another token may belong to another account;
    /// an App keeps its account.
    pub(super) fn account_key(&self) -> String {
        match self {
            Self::Token(file) => file.fingerprint(),
            Self::Installation(installation) => installation.app().account_key(),
        }
    }

    /// The account of an App, `slug[bot]`. `None` for a token, whose account GitHub reports
    /// itself.
    pub(super) async fn account(&self, line: &Endpoint) -> Option<Result<Login, NoToken>> {
        match self {
            Self::Token(_) => None,
            Self::Installation(installation) => {
                Some(Box::pin(installation.app().account(line)).await)
            }
        }
    }
}

/// Explains a token that GitHub refuses, and what to do about it.
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
