//! A GitHub App: its key, the JWTs that it signs, and its account.
//!
//! Source: GitHub's documentation, "Generating a JSON Web Token (JWT) for a GitHub App".

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use octocrab::OctoBody;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::token::RECHECK;
use super::{AppSource, NoToken, fingerprint};
use crate::domain::Login;
use crate::domain::secrets::hide;
use crate::github::endpoint::Endpoint;
use crate::github::error::ConnectError;
use crate::github::limits::asked_wait;
use crate::github::transport::GithubAnswer;
use crate::network;

/// GitHub accepts at most ten minutes, by its own clock.
const JWT_LIFE: SignedDuration = SignedDuration::from_mins(9);
/// "To protect against clock drift, we recommend that you set this 60 seconds in the past."
const JWT_BACKDATED: SignedDuration = SignedDuration::from_secs(60);

/// An App, shared by all of its installations.
pub(in crate::github) struct App {
    id: String,
    key_file: PathBuf,
    key: Mutex<Key>,
    /// `slug[bot]`, once GitHub has reported it.
    account: OnceCell<Login>,
}

struct Key {
    key: EncodingKey,
    fingerprint: String,
    read_at: Duration,
    complaint: Option<String>,
}

#[derive(Serialize)]
struct JwtClaims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
}

#[derive(Deserialize)]
struct WireOwnApp {
    slug: String,
}

impl App {
    /// Opens the App that `source` configures and reads its key. `now` is a monotonic time.
    pub(in crate::github) fn open(source: &AppSource, now: Duration) -> Result<Self, ConnectError> {
        let (key, fingerprint) = read(&source.private_key_file).map_err(ConnectError::Token)?;
        Ok(Self {
            id: source.app_id.clone(),
            key_file: source.private_key_file.clone(),
            key: Mutex::new(Key { key, fingerprint, read_at: now, complaint: None }),
            account: OnceCell::new(),
        })
    }

    pub(super) fn account_key(&self) -> String {
        format!("app {}", self.id)
    }

    /// Distinguishes the current key from another one.
    pub(super) fn key_fingerprint(&self) -> String {
        self.lock().fingerprint.clone()
    }

    /// `slug[bot]`: the account in whose name its installations write.
    pub(super) async fn account(&self, line: &Endpoint) -> Result<Login, NoToken> {
        let asked = self.account.get_or_try_init(async || {
            let answer = self.ask(line, "get_app", Method::GET, "/app").await?;
            let app: WireOwnApp = self.understood(&answer, "say which App it is")?;
            Ok(Login::from(format!("{}[bot]", app.slug)))
        });
        asked.await.cloned()
    }

    /// Sends a request as the App itself, and once more if it was refused: the first answer
    /// reveals GitHub's time, by which GitHub judges a JWT.
    pub(super) async fn ask(
        &self,
        line: &Endpoint,
        operation: &'static str,
        method: Method,
        path: &str,
    ) -> Result<GithubAnswer, NoToken> {
        self.read_again(line).await;
        let answer = self.ask_once(line, operation, &method, path).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.ask_once(line, operation, &method, path).await
    }

    async fn ask_once(
        &self,
        line: &Endpoint,
        operation: &'static str,
        method: &Method,
        path: &str,
    ) -> Result<GithubAnswer, NoToken> {
        let now = line.clock.now();
        let header = self.signed(now)?;
        let request = line
            .request(method.clone(), path, header)
            .body(OctoBody::empty())
            .map_err(|error| NoToken::ForNow(error.to_string()))?;
        let answer =
            line.send(operation, request, None).await.map_err(|lost| NoToken::ForNow(lost.why))?;
        if let Some(wait) = asked_wait(answer.status, &answer.headers, answer.bytes(), now) {
            let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
            return Err(NoToken::ToldToWait(now.saturating_add(wait).unwrap_or(now)));
        }
        match answer.status.as_u16() {
            500..=599 | 408 => {
                Err(NoToken::ForNow(format!("GitHub failed with {}", answer.status)))
            }
            _ => Ok(answer),
        }
    }

    /// Parses a successful answer, or explains what GitHub says about the App.
    pub(super) fn understood<T: serde::de::DeserializeOwned>(
        &self,
        answer: &GithubAnswer,
        what: &str,
    ) -> Result<T, NoToken> {
        let (id, file) = (&self.id, self.key_file.display());
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(NoToken::Refused(format!(
                "GitHub does not accept the key of the App {id}{}. See whether \
                 `github.app.app_id` and {file} belong together",
                answer.quoted()
            )));
        }
        if !answer.status.is_success() {
            return Err(NoToken::Refused(format!(
                "GitHub said {} to the App {id}, asked to {what}{}",
                answer.status,
                answer.quoted()
            )));
        }
        let body = answer.body.as_deref().map_err(|why| NoToken::ForNow(why.to_string()))?;
        serde_json::from_slice(body).map_err(|error| {
            let why = format!("GitHub's response to the App is malformed: {error}");
            NoToken::ForNow(hide(&why).into_owned())
        })
    }

    fn signed(&self, now: Timestamp) -> Result<HeaderValue, NoToken> {
        let second =
            |time: Result<Timestamp, _>| time.map_or(now.as_second(), Timestamp::as_second);
        let claims = JwtClaims {
            iat: second(now.checked_sub(JWT_BACKDATED)),
            exp: second(now.checked_add(JWT_LIFE)),
            iss: &self.id,
        };
        let signed =
            jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.lock().key);
        let header = signed
            .map_err(|error| error.to_string())
            .and_then(|jwt| bearer(&jwt))
            .map_err(|why| {
                NoToken::Refused(format!(
                    "the key {} signs nothing: {why}",
                    self.key_file.display()
                ))
            })?;
        Ok(header)
    }

    /// Rereads the key file from time to time, so that a new key is used soon.
    pub(super) async fn read_again(&self, line: &Endpoint) {
        let now = line.clock.monotonic();
        {
            let mut key = self.lock();
            if now.saturating_sub(key.read_at) < RECHECK {
                return;
            }
            key.read_at = now;
        }
        let path = self.key_file.clone();
        let looked = network::off_the_runtime(move || read(&path)).await;
        let mut current = self.lock();
        match looked {
            Ok((key, fingerprint)) => {
                current.complaint = None;
                if fingerprint != current.fingerprint {
                    tracing::info!("the App's private key changed; the new one is now in use");
                    current.key = key;
                    current.fingerprint = fingerprint;
                }
            }
            Err(why) => {
                if current.complaint.as_deref() != Some(&why) {
                    tracing::warn!("keeping the App's last good private key: {why}");
                    current.complaint = Some(why);
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Key> {
        self.key.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn bearer(jwt: &str) -> Result<HeaderValue, String> {
    let mut header =
        HeaderValue::from_str(&format!("Bearer {jwt}")).map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}

fn read(path: &Path) -> Result<(EncodingKey, String), String> {
    let place = path.display();
    let pem = network::read_file(path).map_err(|error| {
        format!(
            "github.app.private_key_file `{place}`: it cannot be read: {error}. Put the App's \
             private key there, or name the file that holds it"
        )
    })?;
    let key = EncodingKey::from_rsa_pem(&pem).map_err(|error| {
        format!(
            "github.app.private_key_file `{place}`: it holds no RSA private key in PEM ({error}). \
             Put the file there that GitHub gave when the App's key was made"
        )
    })?;
    Ok((key, fingerprint(&pem)))
}
