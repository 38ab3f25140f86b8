//! Answers to the reads of the preflight check.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::github::reads::{FileText, RepositoryAccess};

#[derive(Deserialize)]
pub(in crate::github) struct WireAccess {
    #[serde(default)]
    private: bool,
    permissions: Option<WirePermissions>,
}

#[derive(Deserialize)]
struct WirePermissions {
    #[serde(default)]
    push: bool,
}

impl WireAccess {
    pub(in crate::github) fn domain(self) -> RepositoryAccess {
        let push = self.permissions.map(|permissions| permissions.push);
        RepositoryAccess { private: self.private, push }
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WireLabel {
    pub(in crate::github) name: String,
}

/// A file with its content, which GitHub omits above 1 MB.
#[derive(Deserialize)]
pub(in crate::github) struct WireFileText {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
}

impl WireFileText {
    pub(in crate::github) fn domain(self, largest: u64) -> FileText {
        if self.size > largest || self.encoding == "none" {
            return FileText::TooLarge;
        }
        if self.kind != "file" || self.encoding != "base64" {
            return FileText::NoText;
        }
        let code: String = self.content.split_whitespace().collect();
        let text = STANDARD.decode(code).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.map_or(FileText::NoText, FileText::Text)
    }
}
