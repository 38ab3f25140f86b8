//! Who we are, and were.

use std::collections::BTreeSet;

use crate::domain::{Login, Policy};

/// Every identity that is, or was, us.
#[must_use]
pub fn us(policy: &Policy, known: &BTreeSet<Login>, user: Option<&Login>) -> BTreeSet<Login> {
    let mut us = known.clone();
    us.extend(policy.identities.iter().cloned());
    us.extend(user.cloned());
    us
}
