//! Splits a comment into parts by how GitHub renders them, so that quotes, code and hidden text
//! can be distinguished from the author's own lines.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::open_tags::OpenTags;

/// The kind of markup that a part of a comment is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkupPosition {
    /// A complete line of text in a top-level paragraph, without any markup.
    Plain,
    /// Text of a top-level paragraph that shares its line with markup.
    Marked,
    /// In a block quote, including its lazy continuation lines.
    Quote,
    /// In a code block or a code span.
    Code,
    /// In HTML, inside an element that earlier HTML opened, in a link definition or in a
    /// footnote.
    Hidden,
    List,
    Table,
    Heading,
}

/// A part of a comment in one kind of markup.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    pub(super) place: MarkupPosition,
    /// The source text; for a [`MarkupPosition::Marked`] part, the text without its markup.
    pub(super) written: Cow<'a, str>,
    /// The rendered text of a [`MarkupPosition::Plain`] part; empty for other parts.
    pub(super) shown: String,
}

/// Splits `text` into its parts, in order. Lines must end in a line feed.
///
/// When in doubt, this assumes markup. Text that parsers of Markdown or HTML disagree on is
/// never [`MarkupPosition::Plain`], and neither is anything in an excessively nested comment.
pub(super) fn stretches(text: &str) -> Vec<Stretch<'_>> {
    if text.contains(ODD) || text.lines().any(|line| markers(line) > DEEPEST) {
        let whole = Cow::Borrowed(text);
        return vec![Stretch {
            place: MarkupPosition::Hidden,
            written: whole,
            shown: String::new(),
        }];
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut walk = MarkupWalk::over(text);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        walk.take(event, range);
    }
    walk.told_until(text.len());
    walk.found
}

/// Vertical tab, form feed and NUL. Parsers disagree on whether these are blank.
const ODD: [char; 3] = ['\u{b}', '\u{c}', '\0'];

/// Maximum number of nested quotes and lists. Deeper nesting does not occur in real comments,
/// and makes the parser do that many steps for each following line.
const DEEPEST: usize = 100;

/// How many quotes and lists may start or continue on this line.
fn markers(line: &str) -> usize {
    let is_part = |b: &u8| b.is_ascii_digit() || b" \t>-*+.)".contains(b);
    let mut next = line.bytes().skip(1).chain([b' ']);
    let is_marker =
        |b: u8, next: u8| b == b'>' || (b"-*+.)".contains(&b) && matches!(next, b' ' | b'\t'));
    let leading = line.bytes().take_while(is_part);
    leading.filter(|b| next.next().is_some_and(|next| is_marker(*b, next))).count()
}

/// Walks through the blocks of a comment, of which only the outermost matter.
struct MarkupWalk<'a> {
    text: &'a str,
    found: Vec<Stretch<'a>>,
    /// Where the last block ended.
    told: usize,
    /// The number of open elements.
    depth: usize,
    /// The outermost block, if it is a paragraph.
    paragraph: Option<Paragraph>,
    /// The kind of the last block, if such a block absorbs the lines directly below it.
    last: Option<MarkupPosition>,
    /// The HTML of the current block, as far as it was read.
    html: String,
    open: OpenTags,
}

/// A top-level paragraph, and its current line.
struct Paragraph {
    /// The kind of markup that other parsers may see in this paragraph; `Plain` if they agree.
    place: MarkupPosition,
    /// From the first to the last `$`, and from the first to the last `~`: GitHub may render
    /// what is between two dollar signs as mathematics and what is between two tildes as struck
    /// out.
    pairs: [Range<usize>; 2],
    line: MarkupLine,
}

#[derive(Default)]
struct MarkupLine {
    /// Where its first text or markup begins.
    start: Option<usize>,
    /// Its text, without code and HTML.
    words: String,
    is_marked: bool,
}

impl<'a> MarkupWalk<'a> {
    fn over(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
            told: 0,
            depth: 0,
            paragraph: None,
            last: None,
            html: String::new(),
            open: OpenTags::default(),
        }
    }

    fn take(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.open(&tag, range),
            Event::End(tag) => self.close(tag, range),
            Event::Text(words) => self.words(&words, range.start),
            Event::SoftBreak | Event::HardBreak if self.depth == 1 => self.end_line(),
            Event::SoftBreak | Event::HardBreak => self.words("\n", range.start),
            Event::Code(_) => self.span(MarkupPosition::Code, range),
            Event::InlineHtml(tag) => {
                self.open.read(&tag);
                self.span(MarkupPosition::Hidden, range);
            }
            Event::Html(html) => self.html.push_str(&html),
            Event::Rule if self.depth == 0 => {
                self.told_until(range.start);
                self.told = range.end;
            }
            Event::Rule
            | Event::TaskListMarker(_)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => self.mark(range.start),
        }
    }

    fn open(&mut self, tag: &Tag<'a>, range: Range<usize>) {
        if self.depth == 0 {
            self.told_until(range.start);
            if matches!(tag, Tag::Paragraph) {
                self.paragraph = Some(self.paragraph_at(range));
            }
        } else {
            self.mark(range.start);
        }
        self.depth += 1;
    }

    fn close(&mut self, tag: TagEnd, range: Range<usize>) {
        if tag == TagEnd::HtmlBlock {
            self.open.read(&std::mem::take(&mut self.html));
        }
        self.depth = self.depth.saturating_sub(1);
        if self.depth > 0 {
            return;
        }
        self.end_line();
        self.told = range.end;
        self.last = None;
        if self.paragraph.take().is_none() {
            let place = place_of(tag);
            let takes_lines =
                matches!(tag, TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::FootnoteDefinition);
            self.last = takes_lines.then_some(place);
            self.tell(place, range);
        }
    }

    fn paragraph_at(&self, range: Range<usize>) -> Paragraph {
        let written = self.text.get(range.clone()).unwrap_or_default();
        let taken_in = self.takes_in(range.start);
        let place = odd_lines(written).or(taken_in).unwrap_or(MarkupPosition::Plain);
        let pairs = ['$', '~'].map(|sign| {
            let (first, last) = written.find(sign).zip(written.rfind(sign)).unwrap_or_default();
            range.start + first..range.start + last
        });
        Paragraph { place, pairs, line: MarkupLine::default() }
    }

    /// What a paragraph that begins here belongs to according to parsers that end the previous
    /// block later: a list, quote or definition that it directly follows or is indented under.
    fn takes_in(&self, start: usize) -> Option<MarkupPosition> {
        let is_indented = line_around(self.text, start).starts_with([' ', '\t']);
        if line_above(self.text, start).trim().is_empty() && !is_indented {
            return None;
        }
        let since = self.text.get(self.told..start).unwrap_or_default();
        if since.trim().is_empty() { self.last } else { Some(MarkupPosition::Hidden) }
    }

    fn words(&mut self, words: &str, start: usize) {
        let is_inside_markup = self.depth > 1;
        if let Some(paragraph) = &mut self.paragraph {
            let line = &mut paragraph.line;
            line.start.get_or_insert(start);
            line.is_marked |= is_inside_markup;
            line.words.push_str(words);
        }
    }

    fn mark(&mut self, start: usize) {
        if let Some(paragraph) = &mut self.paragraph {
            paragraph.line.start.get_or_insert(start);
            paragraph.line.is_marked = true;
        }
    }

    /// Handles a code span or a tag, and reports it if it is in a top-level paragraph.
    fn span(&mut self, place: MarkupPosition, range: Range<usize>) {
        self.mark(range.start);
        if self.paragraph.is_some() {
            self.tell(place, range);
        }
    }

    fn end_line(&mut self) {
        let Some(paragraph) = &mut self.paragraph else { return };
        let line = std::mem::take(&mut paragraph.line);
        let Some(start) = line.start else { return };
        let is_paired = paragraph.pairs.iter().any(|pair| pair.contains(&start));
        let place = if self.open.is_any() {
            MarkupPosition::Hidden
        } else if paragraph.place == MarkupPosition::Plain && (line.is_marked || is_paired) {
            MarkupPosition::Marked
        } else {
            paragraph.place
        };
        let (written, shown) = if place == MarkupPosition::Plain {
            (Cow::Borrowed(line_around(self.text, start)), line.words)
        } else {
            (Cow::Owned(line.words), String::new())
        };
        self.found.push(Stretch { place, written, shown });
    }

    fn tell(&mut self, place: MarkupPosition, range: Range<usize>) {
        let written = Cow::Borrowed(self.text.get(range).unwrap_or_default());
        self.found.push(Stretch { place, written, shown: String::new() });
    }

    /// Reports the text between two blocks, which is blank or a definition that GitHub does not
    /// render.
    fn told_until(&mut self, end: usize) {
        self.tell(MarkupPosition::Hidden, self.told..end);
    }
}

fn place_of(block: TagEnd) -> MarkupPosition {
    match block {
        TagEnd::BlockQuote(_) => MarkupPosition::Quote,
        TagEnd::CodeBlock => MarkupPosition::Code,
        TagEnd::List(_) | TagEnd::Item => MarkupPosition::List,
        TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell => {
            MarkupPosition::Table
        }
        TagEnd::Heading(_) => MarkupPosition::Heading,
        TagEnd::Paragraph
        | TagEnd::Emphasis
        | TagEnd::Strong
        | TagEnd::Strikethrough
        | TagEnd::Superscript
        | TagEnd::Subscript
        | TagEnd::Link
        | TagEnd::Image => MarkupPosition::Marked,
        TagEnd::HtmlBlock
        | TagEnd::FootnoteDefinition
        | TagEnd::DefinitionList
        | TagEnd::DefinitionListTitle
        | TagEnd::DefinitionListDefinition
        | TagEnd::MetadataBlock(_) => MarkupPosition::Hidden,
    }
}

/// The complete line that contains `at`.
fn line_around(text: &str, at: usize) -> &str {
    let (start, end) = ends_of_line(text, at);
    text.get(start..end).unwrap_or_default()
}

fn line_above(text: &str, at: usize) -> &str {
    let (start, _) = ends_of_line(text, at);
    start.checked_sub(1).map_or("", |end| line_around(text, end))
}

fn ends_of_line(text: &str, at: usize) -> (usize, usize) {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (start, after.find('\n').map_or(text.len(), |length| at + length))
}

/// What some parsers take a paragraph for, if they disagree on it.
fn odd_lines(written: &str) -> Option<MarkupPosition> {
    let mut declarations = written.split("<!").skip(1).filter(|after| !after.starts_with("--"));
    let is_html =
        written.starts_with('<') || written.contains("<?") || declarations.next().is_some();
    written.lines().find_map(drawn).or(is_html.then_some(MarkupPosition::Hidden))
}

/// What some parsers take a paragraph with this line for, if it consists of characters that
/// draw a table or an underline. Parsers disagree on tables with one column.
fn drawn(line: &str) -> Option<MarkupPosition> {
    let signs = line.trim();
    let is_drawn = signs.contains(['-', '=']) && signs.chars().all(|c| "-=|: \t".contains(c));
    let place =
        if signs.contains(['|', ':']) { MarkupPosition::Table } else { MarkupPosition::Heading };
    is_drawn.then_some(place)
}
