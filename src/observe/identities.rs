//! Our identities on GitHub, past and present.

use std::collections::BTreeSet;

use crate::domain::Login;

/// Every identity that is or was ours: from the ledger, from the configuration, and from the
/// credential.
#[must_use]
pub fn us(known: &BTreeSet<Login>, named: &[Login], user: Option<&Login>) -> BTreeSet<Login> {
    let mut us = known.clone();
    us.extend(named.iter().cloned());
    if let Some(user) = user {
        // Use GitHub's current spelling: ledgers of earlier versions have it in lower case.
        us.replace(user.clone());
    }
    us
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_own_spelling_of_us_is_the_one_that_is_sent() {
        let named = [Login::from("RELEASE-BOT")];
        let known = BTreeSet::from([Login::from("release-bot"), Login::from("old-bot")]);
        let us = us(&known, &named, Some(&Login::from("Release-Bot")));
        let spelled: Vec<&str> = us.iter().map(Login::as_str).collect();
        assert_eq!(spelled, ["old-bot", "Release-Bot"]);
    }
}
