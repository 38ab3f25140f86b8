//! Makes untrusted text safe to display.

/// Whether a character has no width or changes the reading direction.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether a character controls a terminal, breaks a line, has no width, or changes the reading
/// direction.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// The text on one line. Characters for which [`steers`] is true become spaces, and runs of
/// whitespace collapse to a single space.
#[must_use]
pub fn on_one_line(text: &str) -> String {
    let tame: String = text.chars().map(|c| if steers(c) { ' ' } else { c }).collect();
    tame.split_whitespace().collect::<Vec<_>>().join(" ")
}
