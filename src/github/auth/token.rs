//! A given token, or a token file that is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::Token;
use crate::github::endpoint::Endpoint;
use crate::network;

/// A mounted Secret takes seconds to update, so checking more often gains nothing.
pub(super) const RECHECK: Duration = Duration::from_secs(5);

/// Provides the token, and rereads its file from time to time.
pub(in crate::github) struct TokenFile {
    /// `None` for a given token.
    path: Mutex<Option<PathBuf>>,
    current: Mutex<Current>,
}

struct Current {
    token: Token,
    read_at: Duration,
    complaint: Option<String>,
}

impl TokenFile {
    /// A fixed token.
    pub(in crate::github) fn given(secret: &SecretString) -> Result<Self, String> {
        let token =
            Token::new(secret.expose_secret()).map_err(|why| format!("GITHUB_TOKEN: {why}"))?;
        Ok(Self::over(None, token, Duration::ZERO))
    }

    /// A token from the file at `path`, read at `now` (monotonic time).
    pub(in crate::github) fn open(path: &Path, now: Duration) -> Result<Self, String> {
        Ok(Self::over(Some(path.to_path_buf()), read(path)?, now))
    }

    fn over(path: Option<PathBuf>, token: Token, read_at: Duration) -> Self {
        Self {
            path: Mutex::new(path),
            current: Mutex::new(Current { token, read_at, complaint: None }),
        }
    }

    /// The token to send now.
    pub(super) async fn token(&self, line: &Endpoint) -> Token {
        let age = line.clock.monotonic().saturating_sub(self.lock().read_at);
        if age >= RECHECK {
            self.read_again(line).await;
        }
        self.lock().token.clone()
    }

    pub(super) async fn instead_of(&self, line: &Endpoint, refused: &Token) -> Option<Token> {
        self.read_again(line).await;
        let token = self.lock().token.clone();
        (token.fingerprint != refused.fingerprint).then_some(token)
    }

    pub(super) fn fingerprint(&self) -> String {
        self.lock().token.fingerprint.clone()
    }

    /// Switches to another file if that holds a usable token.
    pub(super) async fn come_from(&self, path: PathBuf, line: &Endpoint) -> Result<(), String> {
        if self.path().is_none() {
            return Err(super::NO_TOKEN_FILE.to_owned());
        }
        let file = path.clone();
        let token = network::off_the_runtime(move || read(&file)).await?;
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
        let read_at = line.clock.monotonic();
        *self.lock() = Current { token, read_at, complaint: None };
        Ok(())
    }

    fn path(&self) -> Option<PathBuf> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_again(&self, line: &Endpoint) {
        let Some(path) = self.path() else { return };
        self.lock().read_at = line.clock.monotonic();
        let file = path.clone();
        let looked = network::off_the_runtime(move || read(&file)).await;
        if self.path().as_ref() != Some(&path) {
            // Another file was configured meanwhile.
            return;
        }
        let mut current = self.lock();
        match looked {
            Ok(token) => {
                current.complaint = None;
                if token.fingerprint != current.token.fingerprint {
                    tracing::info!("the GitHub token changed; the new one is now in use");
                    current.token = token;
                }
            }
            // The file may be in the middle of a swap, so the last good token stays.
            Err(why) => {
                if current.complaint.as_deref() != Some(&why) {
                    tracing::warn!("keeping the last good GitHub token: {why}");
                    current.complaint = Some(why);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<Token, String> {
    let place = path.display();
    let text = network::read_text(path).map_err(|error| {
        format!(
            "github.token_file `{place}`: it cannot be read: {error}. Put the token into this \
             file, or name the one that holds it"
        )
    })?;
    Token::new(&text)
        .map_err(|why| format!("github.token_file `{place}`: {why}. Put the token into this file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::tests::line;

    #[tokio::test]
    async fn a_token_file_is_read_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "ghp_one\n").unwrap();
        let (line, time) = line();
        let token = TokenFile::open(&file, Duration::ZERO).unwrap();
        assert_eq!(token.token(&line).await.header, "Bearer ghp_one");

        std::fs::write(&file, "ghp_two\n").unwrap();
        assert_eq!(token.token(&line).await.header, "Bearer ghp_one", "not looked at yet");
        time.advance(RECHECK);
        assert_eq!(token.token(&line).await.header, "Bearer ghp_two");
    }

    #[tokio::test]
    async fn a_token_file_that_is_away_for_a_moment_leaves_the_last_good_token() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "ghp_one").unwrap();
        let (line, time) = line();
        let token = TokenFile::open(&file, Duration::ZERO).unwrap();
        std::fs::remove_file(&file).unwrap();
        time.advance(RECHECK);
        assert_eq!(token.token(&line).await.header, "Bearer ghp_one");
        std::fs::write(&file, "").unwrap();
        time.advance(RECHECK);
        assert_eq!(token.token(&line).await.header, "Bearer ghp_one");
    }

    #[tokio::test]
    async fn every_swap_of_a_mounted_secret_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let swap = |token: &str| {
            let new = at(&format!("..{token}"));
            std::fs::create_dir(&new).unwrap();
            std::fs::write(new.join("token"), token).unwrap();
            std::os::unix::fs::symlink(&new, at("..young")).unwrap();
            std::fs::rename(at("..young"), at("..data")).unwrap();
        };
        swap("ghp_0");
        std::os::unix::fs::symlink("..data/token", at("token")).unwrap();
        let (line, time) = line();
        let token = TokenFile::open(&at("token"), Duration::ZERO).unwrap();
        for number in 1..4 {
            swap(&format!("ghp_{number}"));
            time.advance(RECHECK);
            assert_eq!(token.token(&line).await.header, format!("Bearer ghp_{number}"));
        }
    }

    #[tokio::test]
    async fn another_file_is_taken_if_a_good_token_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        std::fs::write(&one, "ghp_one").unwrap();
        let (line, time) = line();
        let token = TokenFile::open(&one, Duration::ZERO).unwrap();
        let why = token.come_from(two.clone(), &line).await.unwrap_err();
        assert!(why.contains("it cannot be read"), "{why}");
        assert_eq!(token.token(&line).await.header, "Bearer ghp_one");
        std::fs::write(&two, "ghp_two").unwrap();
        token.come_from(two.clone(), &line).await.unwrap();
        assert_eq!(token.token(&line).await.header, "Bearer ghp_two");
        std::fs::write(&two, "ghp_three").unwrap();
        time.advance(RECHECK);
        assert_eq!(token.token(&line).await.header, "Bearer ghp_three");
        let given = TokenFile::given(&SecretString::from("ghp_given")).unwrap();
        assert!(given.come_from(two, &line).await.is_err());
    }

    #[test]
    fn a_missing_or_empty_token_is_said_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let open = || TokenFile::open(&file, Duration::ZERO).err().unwrap();
        let place = format!("github.token_file `{}`: ", file.display());
        assert!(open().starts_with(&format!("{place}it cannot be read")));
        std::fs::write(&file, " \n").unwrap();
        assert!(open().starts_with(&format!("{place}it is empty")));
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new("ghp_secret").unwrap();
        assert_eq!(format!("{:?}", token.header), "Sensitive");
        assert!(!token.fingerprint.contains("secret"));
    }
}
