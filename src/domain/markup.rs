//! What GitHub shows of a comment, as far as it matters who says a line of it, and how.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::open_tags::OpenTags;

/// Where a stretch of a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkupPosition {
    /// A whole line of words in a paragraph of the comment itself, and no markup on it.
    Plain,
    /// Words of such a paragraph that share their line with markup.
    Marked,
    /// In a block quote, lazy lines of it too.
    Quote,
    /// In a code block or a code span.
    Code,
    /// In HTML, in an element that HTML opened above, in a definition or a footnote.
    Hidden,
    /// In a list.
    List,
    /// In a table.
    Table,
    /// In a heading.
    Heading,
}

/// A part of a comment that stands in one place.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    /// Where it stands.
    pub(super) place: MarkupPosition,
    /// Its text: as it is written, or, of a [`Place::Marked`] one, the words without the markup.
    pub(super) written: Cow<'a, str>,
    /// What a reader sees of a [`Place::Plain`] one; empty for the others.
    pub(super) shown: String,
}

/// The parts of `text`, from its beginning to its end. Lines end in a line feed.
///
/// It errs on the side of markup: what one reader of Markdown or HTML takes for plain words and
/// another does not is not [`Place::Plain`], and nor is anything in a comment that is nested beyond
/// reason.
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

/// Vertical tab and form feed, and NUL: readers differ over what is a blank line and what a letter.
const ODD: [char; 3] = ['\u{b}', '\u{c}', '\0'];

/// More quotes and lists than this, one in another, are no comment that anybody reads, and each of
/// the lines that follow would cost as many steps.
const DEEPEST: usize = 100;

/// How many quotes and lists may begin, or go on, with this line.
fn markers(line: &str) -> usize {
    let is_part = |b: &u8| b.is_ascii_digit() || b" \t>-*+.)".contains(b);
    let mut next = line.bytes().skip(1).chain([b' ']);
    let is_marker =
        |b: u8, next: u8| b == b'>' || (b"-*+.)".contains(&b) && matches!(next, b' ' | b'\t'));
    let leading = line.bytes().take_while(is_part);
    leading.filter(|b| next.next().is_some_and(|next| is_marker(*b, next))).count()
}

/// The way through a comment's blocks, of which only the outermost matter.
struct MarkupWalk<'a> {
    text: &'a str,
    found: Vec<Stretch<'a>>,
    /// Where the last block ended.
    told: usize,
    /// How many elements are open around here.
    depth: usize,
    /// The outermost block, where it is a paragraph.
    paragraph: Option<Paragraph>,
    /// What the last block was, if it is of those that take in the lines right beneath them.
    last: Option<MarkupPosition>,
    /// The HTML of a block, as far as it was read.
    html: String,
    open: OpenTags,
}

/// A paragraph of the comment itself, and the line of it that is being read.
struct Paragraph {
    /// What it is to those who read it otherwise than this program's reader does.
    place: MarkupPosition,
    /// From the first sign to the last of those that GitHub may take for a pair: mathematics
    /// stands between two dollar signs, and between two tildes what is struck out.
    pairs: [Range<usize>; 2],
    line: MarkupLine,
}

#[derive(Default)]
struct MarkupLine {
    /// Where its first word or markup begins.
    start: Option<usize>,
    /// Its words, without what is in code or HTML.
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

    /// What a paragraph that begins here belongs to, for those who end the block above it later: a
    /// list, a quote or a definition that it stands right beneath, or is indented under.
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

    /// A code span, or a tag, in a paragraph of the comment itself.
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

    /// What stands between two blocks is blank, or a definition that GitHub does not show.
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

/// The whole line that `at` lies on.
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

/// What a paragraph is to some reader or other, where it holds what they differ over.
fn odd_lines(written: &str) -> Option<MarkupPosition> {
    let mut declarations = written.split("<!").skip(1).filter(|after| !after.starts_with("--"));
    let is_html =
        written.starts_with('<') || written.contains("<?") || declarations.next().is_some();
    written.lines().find_map(drawn).or(is_html.then_some(MarkupPosition::Hidden))
}

/// What a paragraph with this line is, to some reader or other, where it is a line of signs that
/// draw one: Markdown's readers differ over tables of one column.
fn drawn(line: &str) -> Option<MarkupPosition> {
    let signs = line.trim();
    let is_drawn = signs.contains(['-', '=']) && signs.chars().all(|c| "-=|: \t".contains(c));
    let place =
        if signs.contains(['|', ':']) { MarkupPosition::Table } else { MarkupPosition::Heading };
    is_drawn.then_some(place)
}
