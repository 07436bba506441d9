/// A result as text: what two ways to run one query must agree on.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Rows {
    /// Reads CSV with a header.
    pub fn parse(csv: &str) -> Self {
        let mut records = records(csv).into_iter();
        Self {
            columns: records.next().unwrap_or_default(),
            rows: records.collect(),
        }
    }

    /// The rows without regard to their order: sorted by their exact cells, then by the inexact ones.
    pub fn sorted(mut self) -> Self {
        self.rows.sort_by_cached_key(|row| {
            let (inexact, exact): (Vec<_>, Vec<_>) = row.iter().partition(|cell| is_inexact(cell));
            let inexact: Vec<String> = inexact
                .into_iter()
                .map(|cell| format!("{:.3e}", cell.parse::<f64>().unwrap_or_default()))
                .collect();
            (exact.into_iter().cloned().collect::<Vec<_>>(), inexact)
        });
        self
    }

    /// Fails the test unless both have the same columns and rows, in order. Numbers with a fraction
    /// may differ in the seventh digit, as sums of doubles do with the order of their terms.
    #[track_caller]
    pub fn assert_same(&self, other: &Self, what: &str) {
        if let Some(difference) = self.difference(other) {
            panic!("{what}: {difference}");
        }
    }

    /// What [`Rows::assert_same`] would complain about, for tests that go through a list.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let (a, b) = (&self.rows, &other.rows);
        if self.columns != other.columns {
            return Some(format!(
                "columns {:?} and {:?}",
                self.columns, other.columns
            ));
        }
        if a.len() != b.len() {
            let (first, second) = (a.first(), b.first());
            return Some(format!(
                "{} rows, {first:?} …, and {} rows, {second:?} …",
                a.len(),
                b.len()
            ));
        }
        let same = |a: &[String], b: &[String]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_cell(a, b, 0.0))
        };
        let mut pairs = a.iter().zip(b).enumerate();
        let (i, (a, b)) = pairs.find(|(_, (a, b))| !same(a, b))?;
        Some(format!("row {i} is {a:?} and {b:?}"))
    }

    /// Fails the test unless the rows are those of a published answer: cells parted by `|` and padded,
    /// a line of names first, numbers rounded to hundredths.
    #[track_caller]
    pub fn assert_published(&self, answer: &str, what: &str) {
        let lines = answer.lines().skip_while(|line| line.trim().is_empty());
        let expected: Vec<Vec<&str>> = lines
            .skip(1)
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.split('|').map(str::trim).collect())
            .collect();
        assert_eq!(self.rows.len(), expected.len(), "number of rows of {what}");
        for (i, (row, expected)) in self.rows.iter().zip(&expected).enumerate() {
            let same = row.len() == expected.len()
                && row
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| same_cell(a.trim(), b, 0.0051));
            assert!(same, "row {i} of {what}\n{row:?}\n{expected:?}");
        }
    }
}

fn same_cell(a: &str, b: &str, slack: f64) -> bool {
    if a == b {
        return true;
    }
    if !is_inexact(a) && !is_inexact(b) {
        return false;
    }
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= slack + 1e-6 * a.abs().max(b.abs()),
        _ => false,
    }
}

/// A number that is not a whole one.
fn is_inexact(cell: &str) -> bool {
    cell.contains(['.', 'e', 'E']) && cell.parse::<f64>().is_ok()
}

/// The records of a CSV text; quoted cells may hold commas, quotes and line ends.
fn records(csv: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell);
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quotes_and_line_ends_in_cells() {
        let rows = Rows::parse("a,b\n\"x, \"\"y\"\"\nz\",\n1,2");
        assert_eq!(rows.columns, ["a", "b"]);
        assert_eq!(rows.rows, [["x, \"y\"\nz", ""], ["1", "2"]]);
    }

    #[test]
    fn fractions_are_equal_to_six_digits_and_whole_numbers_exactly() {
        assert!(same_cell("0.1234567", "0.12345671", 0.0));
        assert!(!same_cell("0.12345", "0.12346", 0.0));
        assert!(!same_cell("123456789", "123456788", 0.0));
        assert!(same_cell("12", "12.0", 0.0));
        assert!(!same_cell("", "0.0", 0.0));
    }

    #[test]
    fn order_of_rows_does_not_matter_once_sorted() {
        let a = Rows::parse("k,v\nx,1.5\ny,2.5\nx,0.5\n").sorted();
        let b = Rows::parse("k,v\ny,2.5\nx,0.5\nx,1.5\n").sorted();
        a.assert_same(&b, "two orders");
    }

    #[test]
    #[should_panic(expected = "row 0")]
    fn a_published_answer_of_another_value_is_noticed() {
        Rows::parse("a,b\nx,10.02\n").assert_published("a|b\nx   |10.00\n", "q");
    }

    #[test]
    fn a_published_answer_is_rounded_and_padded() {
        Rows::parse("a,b\nx,10.00449\n").assert_published("\na|b\nx   |10.00\n", "q");
    }
}
