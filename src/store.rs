//! The redb file: what the governor remembers.
