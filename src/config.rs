//! The checked configuration, or all of its mistakes at once.
