//! The keys of an entry of `freezes` and of `windows`.

use super::{ConfigKey, key};
use crate::config::policy::LONGEST_LINE;
use crate::config::shape::{TextRule, ValueShape};
use crate::config::values::LONGEST_ITEM;

/// The keys of an entry of `freezes` and of `windows`.
pub const CALENDAR_KEYS: &[ConfigKey] = &[
    key(
        "name",
        ValueShape::Text(TextRule::of(LONGEST_LINE).like("weekend")),
        "shown wherever the entry holds a release; each name once in its list",
    ),
    key(
        "weekly",
        ValueShape::Mappings(WEEKLY_KEYS),
        "intervals of every week, each with `from` and `to`, as in `Fri 16:00`; an interval may \
         extend past midnight and past the end of the week",
    ),
    key(
        "from",
        ValueShape::Text(CIVIL),
        "instead of `weekly`: the beginning of a single interval, as in `2026-12-19T00:00`",
    ),
    key("to", ValueShape::Text(CIVIL), "the end of the single interval; not part of it"),
    key(
        "zone",
        ValueShape::Text(ZONE),
        "the IANA time zone of all these times, as in `Europe/Berlin`; required",
    ),
    key(
        "repositories",
        ValueShape::Texts(REPOSITORY_PATTERN, 1),
        "only these repositories: `OWNER/NAME`, in which `*` stands for anything but a slash; \
         without the key, all",
    ),
    key(
        "environments",
        ValueShape::Texts(TextRule::of(LONGEST_LINE).like("production"), 1),
        "only lanes of these environments, by `production_environment_name`; without the key, all",
    ),
    key(
        "reason",
        ValueShape::Text(TextRule::of(LONGEST_LINE).like("nobody is at work")),
        "why, for those whose releases it holds",
    ),
    key(
        "owner",
        ValueShape::Text(TextRule::of(LONGEST_LINE).like("@acme/platform")),
        "whom they can ask",
    ),
];

/// Those of them that every entry needs.
pub(in crate::config) const CALENDAR_REQUIRED: &[&str] = &["name", "zone"];

/// The keys of an item of `weekly`, both of which it needs.
pub(in crate::config) const WEEKLY_KEYS: &[ConfigKey] = &[
    key("from", ValueShape::Text(WEEK_TIME), "the beginning, as in `Fri 16:00`"),
    key("to", ValueShape::Text(WEEK_TIME), "the end, which is not part of it, as in `Mon 08:00`"),
];

const WEEK_TIME: TextRule = TextRule::of(LONGEST_LINE)
    .fitting("^[A-Za-z]{3,9} +([01][0-9]|2[0-3]):[0-5][0-9]$")
    .like("Fri 16:00");

const CIVIL: TextRule = TextRule::of(LONGEST_LINE)
    .fitting("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$")
    .like("2026-12-19T00:00");

const ZONE: TextRule =
    TextRule::of(LONGEST_LINE).fitting("^[A-Za-z0-9_+/-]+$").like("Europe/Berlin");

const REPOSITORY_PATTERN: TextRule = TextRule::of(LONGEST_ITEM)
    .fitting(r"^[A-Za-z0-9._*-]{1,100}/[A-Za-z0-9._*-]{1,100}$")
    .like("acme/*");
