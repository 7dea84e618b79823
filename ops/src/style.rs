//! Colours, on a terminal only, and tables.

use std::io::IsTerminal as _;

/// Whether standard output is for a person's eyes and they want colours (<https://no-color.org>).
#[allow(clippy::disallowed_methods, reason = "NO_COLOR is the terminal's, not the services' configuration")]
pub fn colours() -> bool {
    let unwanted = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !unwanted
}

/// A text in bold, if there are colours.
pub fn bold(text: &str) -> String {
    paint("1", text)
}

/// A text in green, if there are colours.
pub fn green(text: &str) -> String {
    paint("32", text)
}

/// A text in yellow, if there are colours.
pub fn yellow(text: &str) -> String {
    paint("33", text)
}

/// A text in red, if there are colours.
pub fn red(text: &str) -> String {
    paint("31", text)
}

fn paint(code: &str, text: &str) -> String {
    if colours() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Lines up the columns of a table. The first row is its head.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let line = format!("  {}", cells.join("  ").trim_end());
        lines.push(if index == 0 { bold(&line) } else { line });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(table(&rows), "  a     b\n  long  c");
    }
}
