//! The policy, top to bottom: which reason speaks for a commit.
