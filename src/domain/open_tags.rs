//! Which elements the HTML in a comment has opened.

/// The HTML elements that are open, outermost first. What follows is inside them, whatever
/// Markdown says: a paragraph after `<details>` and a blank line is folded away.
#[derive(Default)]
pub(super) struct OpenTags(Vec<String>);

/// Elements without an end. Source: the HTML standard, void elements.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

impl OpenTags {
    /// Whether any is.
    pub(super) fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Reads what one piece of HTML opens and closes. Only the end of the innermost element is
    /// taken for one: browsers differ over the rest, and what stays open hides more.
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
                // It goes on behind this piece, to an end that nobody knows.
                self.0.push(String::new());
                return;
            };
            rest = after;
        }
    }
}

/// What follows a comment. One that is written so that readers differ over its end has none.
fn comment_end(comment: &str) -> Option<&str> {
    let (inside, after) = comment.split_once("-->")?;
    let is_odd = comment.starts_with('>') || comment.starts_with("->") || inside.contains("--!>");
    (!is_odd).then_some(after)
}

/// The name of the element whose tag begins here, in lower case.
fn name_of(tag: &str) -> Option<String> {
    if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let end = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
    Some(tag.get(..end.unwrap_or(tag.len()))?.to_ascii_lowercase())
}

/// What follows a tag. A `>` in a quoted value does not end it.
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
