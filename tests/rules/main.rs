//! The pure core against its design: a table and a ladder of decisions, and properties of deciding,
//! planning, following, recovering and speaking over arbitrary small worlds.

// All of this is tests; said once more, clippy lets its helpers `unwrap`, too.
#[cfg(test)]
mod ladder;
#[cfg(test)]
mod table;
#[cfg(test)]
mod world;
