//! Tracks the elements that the HTML in a comment has opened.

/// The open HTML elements, outermost first. The text that follows is inside them, whatever
/// Markdown says: a paragraph after `<details>` and a blank line is collapsed.
#[derive(Default)]
pub(super) struct OpenTags(Vec<String>);

/// Elements without an end tag. Source: the HTML standard, void elements.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

impl OpenTags {
    /// Whether any element is open.
    pub(super) fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Reads the tags in a piece of HTML. An end tag counts only if it ends the innermost
    /// element: browsers disagree on other cases, and an element that stays open hides more.
    pub(super) fn read(&mut self, html: &str) {
        let mut rest = html;
        while let Some((_, tag)) = rest.split_once('<') {
            let after = if let Some(comment) = tag.strip_prefix("!--") {
                comment_end(comment)
            } else if tag.starts_with(['!', '?']) {
                tag.split_once('>').map(|(_, after)| after)
            } else if let Some(name) = tag.strip_prefix('/').and_then(name_of) {
                if self.0.last() == Some(&name) {
                    self.0.pop();
                }
                tag_end(tag)
            } else if let Some(name) = name_of(tag) {
                if !VOID.contains(&name.as_str()) {
                    self.0.push(name);
                }
                tag_end(tag)
            } else {
                Some(tag)
            };
            let Some(after) = after else {
                // The tag continues after this piece, and where it ends is unknown.
                self.0.push(String::new());
                return;
            };
            rest = after;
        }
    }
}

/// The text after a comment. Returns `None` if parsers disagree on where the comment ends.
fn comment_end(comment: &str) -> Option<&str> {
    let (inside, after) = comment.split_once("-->")?;
    let is_odd = comment.starts_with('>') || comment.starts_with("->") || inside.contains("--!>");
    (!is_odd).then_some(after)
}

/// The lowercase name of the element whose tag begins here.
fn name_of(tag: &str) -> Option<String> {
    if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let end = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
    Some(tag.get(..end.unwrap_or(tag.len()))?.to_ascii_lowercase())
}

/// The text after a tag. A `>` in a quoted attribute value does not end the tag.
fn tag_end(tag: &str) -> Option<&str> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in tag.char_indices() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if c == '>' => return tag.get(at + 1..),
            None if matches!(c, '"' | '\'') && before == '=' => quote = Some(c),
            None => {}
        }
        if !c.is_ascii_whitespace() {
            before = c;
        }
    }
    None
}
