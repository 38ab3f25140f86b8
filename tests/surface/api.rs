//! The API of a running controller, over HTTP.

mod answers;
mod asking;
mod description;
mod pages;
mod refusals;
mod troubles;
mod work;
