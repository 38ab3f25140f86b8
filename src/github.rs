//! Reads of GitHub: one function per endpoint, domain values out.
