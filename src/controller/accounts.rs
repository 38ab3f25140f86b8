//! The account behind each credential. It is read once for each token or App and kept across
//! restarts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{PassError, Shared};
use crate::domain::{Login, RepoId};
use crate::github::{ReadError, Reader};
use crate::observe::ObserveError;

/// How long a failed lookup is reused, because many repositories ask at the same time.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The state of each account, by account key.
#[derive(Default)]
pub(super) struct Accounts(Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<AccountState>>>>);

/// The state of one account. The task that asks GitHub holds its lock.
#[derive(Default)]
enum AccountState {
    #[default]
    Nothing,
    /// The account's login. `None` if the token does not belong to a user.
    User(Option<Login>),
    /// When the lookup failed, in monotonic time, and why.
    Failure(Duration, ReadError),
}

impl Shared {
    /// The login behind the credential, or `None` if the token does not belong to a user.
    /// Lookups for different accounts do not wait for each other.
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
        // Earlier versions stored the login in lower case under "user of".
        let key = format!("login of {account}");
        let nobody = RepoId::from(0);
        let user = match self.store.remembered(nobody, &key).await? {
            Some(user) => user,
            None => match reader.waiting(reader.user()).await {
                Ok(login) => Some(login),
                // An installation token that was configured as a plain token has no user. Its
                // login is learned from the answers to its writes.
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
