//! What people and earlier versions see: the surface that must not change by accident.

// All of this is tests; said once more, clippy lets its helpers `unwrap`, too.
#[cfg(test)]
mod stores;
