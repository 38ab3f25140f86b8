//! What GitHub does that one would not expect.
