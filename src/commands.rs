//! What operators may ask, one function each.
