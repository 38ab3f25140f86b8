//! The token: where it comes from, and when it is read again.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::clock::Clock;

/// A mounted Secret changes seconds after it was written; looking more often gains nothing.
const RECHECK: Duration = Duration::from_secs(5);
/// Tokens of GitHub's have tens to some hundreds of bytes.
const LONGEST_TOKEN: usize = 4096;

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// This one, as long as the process lives.
    Value(SecretString),
    /// What this file holds; read again when it changes.
    File(PathBuf),
}

/// The token as it is sent.
#[derive(Clone)]
pub(super) struct Token {
    secret: SecretString,
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// What tells two tokens apart without telling them.
    pub(super) fingerprint: String,
}

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
            .map_err(|_| "it holds characters that no token has".to_owned())?;
        header.set_sensitive(true);
        let digest = Sha256::digest(secret.as_bytes());
        let fingerprint = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { secret: SecretString::from(secret), header, fingerprint })
    }

    /// `text` without the token, should a server have echoed it.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        text.replace(self.secret.expose_secret(), "[token]")
    }
}

/// Gives the token, and looks at its file again now and then.
pub(super) struct Auth {
    source: TokenSource,
    clock: Clock,
    current: Mutex<Current>,
}

struct Current {
    token: Token,
    read_at: Duration,
    complaint: Option<String>,
}

impl Auth {
    pub(super) fn open(source: TokenSource, clock: Clock) -> Result<Self, String> {
        let current =
            Current { token: read(&source)?, read_at: clock.monotonic(), complaint: None };
        Ok(Self { source, clock, current: Mutex::new(current) })
    }

    /// The token to send now.
    pub(super) fn token(&self) -> Token {
        let mut current = self.lock();
        let age = self.clock.monotonic().saturating_sub(current.read_at);
        if age >= RECHECK {
            self.read_again(&mut current);
        }
        current.token.clone()
    }

    /// Looks at once, because GitHub did not accept `refused`; the token that is worth a try.
    pub(super) fn instead_of(&self, refused: &Token) -> Option<Token> {
        let mut current = self.lock();
        self.read_again(&mut current);
        (current.token.fingerprint != refused.fingerprint).then(|| current.token.clone())
    }

    fn read_again(&self, current: &mut Current) {
        if matches!(self.source, TokenSource::Value(_)) {
            return;
        }
        current.read_at = self.clock.monotonic();
        match read(&self.source) {
            Ok(token) => {
                current.complaint = None;
                if token.fingerprint != current.token.fingerprint {
                    tracing::info!("the GitHub token has changed and is used from now on");
                    current.token = token;
                }
            }
            // A file that is being swapped: the last good token stays.
            Err(why) => {
                if current.complaint.as_deref() != Some(&why) {
                    tracing::warn!("the GitHub token stays the last good one: {why}");
                    current.complaint = Some(why);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(source: &TokenSource) -> Result<Token, String> {
    match source {
        TokenSource::Value(secret) => {
            Token::new(secret.expose_secret()).map_err(|why| format!("the token is bad: {why}"))
        }
        TokenSource::File(path) => {
            let place = path.display();
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read the token file {place}: {error}"))?;
            Token::new(&text).map_err(|why| format!("the token file {place} is bad: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> (Clock, crate::clock::ManualTime) {
        Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1)
    }

    #[test]
    fn a_token_file_is_read_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "ghp_one\n").unwrap();
        let (clock, time) = clock();
        let auth = Auth::open(TokenSource::File(file.clone()), clock).unwrap();
        assert_eq!(auth.token().header, "Bearer ghp_one");

        std::fs::write(&file, "ghp_two\n").unwrap();
        assert_eq!(auth.token().header, "Bearer ghp_one", "not looked at yet");
        time.advance(RECHECK);
        assert_eq!(auth.token().header, "Bearer ghp_two");
    }

    #[test]
    fn a_token_file_that_is_away_for_a_moment_leaves_the_last_good_token() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "ghp_one").unwrap();
        let (clock, time) = clock();
        let auth = Auth::open(TokenSource::File(file.clone()), clock).unwrap();
        std::fs::remove_file(&file).unwrap();
        time.advance(RECHECK);
        assert_eq!(auth.token().header, "Bearer ghp_one");
        std::fs::write(&file, "").unwrap();
        time.advance(RECHECK);
        assert_eq!(auth.token().header, "Bearer ghp_one");
    }

    #[test]
    fn a_missing_or_empty_token_is_said_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let open = || Auth::open(TokenSource::File(file.clone()), clock().0).err().unwrap();
        assert!(open().contains("cannot read the token file"));
        std::fs::write(&file, " \n").unwrap();
        assert!(open().contains("it is empty"));
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new("ghp_secret").unwrap();
        assert_eq!(format!("{:?}", token.header), "Sensitive");
        assert_eq!(token.hidden_in("sent Bearer ghp_secret"), "sent Bearer [token]");
        assert!(!token.fingerprint.contains("secret"));
    }
}
