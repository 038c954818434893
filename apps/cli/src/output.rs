//! What commands print: words, tables for people, JSON for programs.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

/// Prints; a reader that has gone must not keep the work from being ended in order.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line beside the output, for a person who waits.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "outrigger: {text}");
}

/// Prints a value for programs.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    say(&format!("{}\n", serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Prints rows under their heads, each column as wide as its widest cell.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) {
    let rows: Vec<[String; N]> =
        std::iter::once(heads.map(str::to_owned)).chain(rows.iter().map(|row| row.each_ref().map(|cell| plain(cell)))).collect();
    let widths: [usize; N] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    say(&text);
}

/// Text of somebody else on one line: what a terminal would obey is shown as a space.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|each| if each.is_control() { ' ' } else { each }).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_terminal_obeys_nothing_that_others_wrote() {
        assert_eq!(plain("a\x1b[31m\nb"), "a [31m b");
    }
}
