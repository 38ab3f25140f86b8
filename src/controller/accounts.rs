//! Who the credentials are: asked once for each token or App, and kept over restarts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{PassError, Shared};
use crate::domain::{Login, RepoId};
use crate::github::{ReadError, Reader};
use crate::observe::ObserveError;

/// So long a failure is the answer to whoever asks the same: many repositories ask together.
const REMEMBERED: Duration = Duration::from_secs(5);

/// What is known of each account, by its key.
#[derive(Default)]
pub(super) struct Accounts(Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<AccountState>>>>);

/// What is known of one account. Held by the one who asks GitHub.
#[derive(Default)]
enum AccountState {
    #[default]
    Nothing,
    /// Whose it is; none for a token that is nobody's.
    User(Option<Login>),
    /// It could not be told at this monotonic time.
    Failure(Duration, ReadError),
}

impl Shared {
    /// Who the credential is; none for a token that is nobody's. Whoever asks as another account
    /// does not wait for this one's answer.
    pub(super) async fn user(&self, reader: &Reader) -> Result<Option<Login>, PassError> {
        let account = reader.account_key();
        let known = {
            let mut accounts = self.accounts.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(account.clone()).or_default())
        };
        let mut known = reader.waiting(known.lock()).await;
        let now = self.clock.monotonic();
        match &*known {
            AccountState::User(user) => return Ok(user.clone()),
            AccountState::Failure(at, error) if now.saturating_sub(*at) < REMEMBERED => {
                return Err(ObserveError::from(error.clone()).into());
            }
            AccountState::Failure(..) | AccountState::Nothing => {}
        }
        // Not "user of": there earlier versions kept it in lower case.
        let key = format!("login of {account}");
        let nobody = RepoId::from(0);
        let user = match self.store.remembered(nobody, &key).await? {
            Some(user) => user,
            None => match reader.waiting(reader.user()).await {
                Ok(login) => Some(login),
                // An App's token that was given as a plain one is nobody's: its name comes with
                // the answers to its writes.
                Err(ReadError::Refused { status: 403, .. }) => None,
                Err(error) => {
                    *known = AccountState::Failure(self.clock.monotonic(), error.clone());
                    return Err(ObserveError::from(error).into());
                }
            },
        };
        self.store.remember(nobody, &key, &user).await?;
        *known = AccountState::User(user.clone());
        Ok(user)
    }
}
