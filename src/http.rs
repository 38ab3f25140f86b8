//! The read-only HTTP server: health and metrics.
