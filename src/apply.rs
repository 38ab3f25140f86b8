//! Carries actions out, in order; the only room that changes anything at GitHub.
