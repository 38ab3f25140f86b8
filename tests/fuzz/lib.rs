//! The program's modules that read what strangers write, as they are.

#[path = "../../src/domain/command.rs"]
pub mod command;
#[path = "../../src/domain/markup.rs"]
mod markup;
#[path = "../../src/domain/open_tags.rs"]
mod open_tags;
#[path = "../../src/domain/patterns.rs"]
pub mod patterns;
