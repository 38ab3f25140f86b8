//! The client against a GitHub in this very process.
