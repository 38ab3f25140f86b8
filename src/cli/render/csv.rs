//! Ledger entries as CSV.

use crate::domain::RepoName;
use crate::messages::plain;
use crate::queries::said_by;
use crate::queries::view::HistoryLine;
use crate::request::CommandFailure;

const TITLES: [&str; 7] = ["time", "repository", "number", "kind", "sha", "by", "what"];
/// Maximum length of a cell, in characters.
const LONGEST_CELL: usize = 1_000;

/// A header line, and a line for each entry.
///
/// # Errors
/// If encoding fails. Writing to memory should not.
pub fn csv<'a>(
    lines: impl Iterator<Item = (&'a RepoName, &'a HistoryLine)>,
) -> Result<String, CommandFailure> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let failed =
        |error: String| CommandFailure::Dependency(format!("cannot write as CSV: {error}"));
    writer.write_record(TITLES).map_err(|error| failed(error.to_string()))?;
    for (repository, line) in lines {
        let kind = &line.entry.kind;
        let sha = kind.shas().first().map_or_else(String::new, |sha| sha.to_string());
        let cells = [
            line.entry.at.to_string(),
            repository.to_string(),
            line.number.to_string(),
            kind.name().to_owned(),
            sha,
            said_by(kind).map_or_else(String::new, |by| cell(&by)),
            cell(&line.told),
        ];
        writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// Makes untrusted text safe for a cell: a spreadsheet does not evaluate it as a formula.
fn cell(text: &str) -> String {
    let text = plain(text, LONGEST_CELL);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use crate::domain::{ApprovalMode, Entry, EntryKind, GivenApproval, Operator, OperatorAction};

    use super::*;

    fn line(number: u64, told: &str, kind: EntryKind) -> HistoryLine {
        let at = "2026-10-03T12:00:00Z".parse().unwrap();
        HistoryLine { number, told: told.to_owned(), entry: Entry { at, kind } }
    }

    #[test]
    fn who_approved_what_is_a_table_for_a_spreadsheet() {
        let sha: crate::domain::Sha = "1a2b3c4".repeat(6)[..40].parse().unwrap();
        let approval = GivenApproval {
            pull: Some(42.into()),
            sha: None,
            mode: ApprovalMode::Label,
            by: Some("ada".to_owned()),
            at: None,
        };
        let counted = EntryKind::ApprovalCounted { sha, approval };
        let by =
            Operator { peer: "uid 1000 alice".into(), name: Some("=cmd|' /C calc'!A1".into()) };
        let word = EntryKind::Operator(OperatorAction::Resumed { by });
        let name: RepoName = "acme/shop".parse().unwrap();
        let lines = [
            line(8, "1a2b3c4 is approved: the label by ada on #42", counted),
            line(7, "@somebody said \"resume\", and\nno more", word),
        ];
        insta::assert_snapshot!(csv(lines.iter().map(|line| (&name, line))).unwrap(), @r#"
        time,repository,number,kind,sha,by,what
        2026-10-03T12:00:00Z,acme/shop,8,approval_counted,1a2b3c41a2b3c41a2b3c41a2b3c41a2b3c41a2b3,ada,1a2b3c4 is approved: the label by ada on #42
        2026-10-03T12:00:00Z,acme/shop,7,operator,,'=cmd|' /C calc'!A1 (uid 1000 alice),"'@somebody said ""resume"", and no more"
        "#);
    }
}
