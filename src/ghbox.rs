//! GitHub in a box: an HTTP server with GitHub's behaviour. Knows no other room.
