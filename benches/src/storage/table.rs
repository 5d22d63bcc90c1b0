//! Tables of text, and the figures in them.

/// A heading and its lines. The first column is words, the others are figures.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) lines: Vec<Vec<String>>,
    /// What has to be said below.
    pub(crate) notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), lines: Vec::new(), notes: Vec::new() }
    }

    fn text(&self) -> String {
        let heads = self.columns.iter().map(|head| (*head).to_owned()).collect();
        let all: Vec<&Vec<String>> = std::iter::once(&heads).chain(&self.lines).collect();
        let width = |place| {
            all.iter().filter_map(|line| line.get(place)).map(|cell: &String| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..heads.len()).filter_map(width).collect();
        let mut out = String::new();
        for line in all {
            let cells = line.iter().zip(&widths).enumerate().map(|(place, (cell, &width))| match place {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            out.push('\n');
        }
        for note in &self.notes {
            out.push_str(note);
            out.push('\n');
        }
        out
    }
}

pub(crate) fn print(table: &Table) {
    println!("{}", table.text());
}

/// The middle one; of an even number the lower. 0 when there is none.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value that at least that part of all are not above.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * part).ceil().max(1.0) as usize - 1;
    values.get(place).or(values.last()).copied().unwrap_or_default()
}

/// "1.20 (0.90 to 1.50)".
pub(crate) fn spread(values: &[f64]) -> String {
    let (low, high) = (quantile(values, 0.0), quantile(values, 1.0));
    format!("{:.2} ({low:.2} to {high:.2})", median(values))
}

/// With its thousands apart.
pub(crate) fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(crate) fn or_none(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((median(&values), quantile(&values, 0.99), quantile(&values, 1.0)), (50.0, 99.0, 100.0));
        assert_eq!((median(&[3.0, 1.0, 2.0]), quantile(&[7.0], 0.99), median(&[])), (2.0, 7.0, 0.0));
    }

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&["work", "ops/s"]);
        table.lines.push(vec!["insert".to_owned(), count(1_234_567.0)]);
        assert_eq!(table.text(), "work        ops/s\ninsert  1,234,567\n");
        assert_eq!((count(999.0), count(1000.4)), ("999".to_owned(), "1,000".to_owned()));
    }
}
