//! The loop: one pass at a time over each repository.
