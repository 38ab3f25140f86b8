//! The only door to time and chance.
