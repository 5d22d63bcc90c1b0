//! What a sheet shows of a value: number formats of spreadsheets, as ECMA-376 part 1, 18.8.31 has them.
//!
//! What depends on the reader's machine is not in a file: decimals have a point and thousands a comma, the short date of
//! the system is written as `2026-11-24`, and names of months are English. Fractions and engineering exponents are shown as
//! plain numbers.
mod date;
mod number;
mod tokens;

use calamine::{ExcelDateTime, ExcelDateTimeType};

pub(super) use number::plain;
use tokens::{Section, Token, sections};

/// The short date of the system, and it with a time.
const SYSTEM_DATES: [(&str, &str); 2] = [("mm-dd-yy", "yyyy-mm-dd"), ("m/d/yy h:mm", "yyyy-mm-dd h:mm")];

/// A number format, taken apart.
#[derive(Debug)]
pub(super) struct Format {
    sections: Vec<Section>,
    has_conditions: bool,
    /// Dates count from 1904.
    is_1904: bool,
}

impl Format {
    pub(super) fn new(code: &str, is_1904: bool) -> Self {
        let code = SYSTEM_DATES.iter().find(|(system, _)| *system == code).map_or(code, |(_, iso)| iso);
        let sections = sections(code);
        let has_conditions = sections.iter().any(|section| section.condition.is_some());
        Self { sections, has_conditions, is_1904 }
    }

    /// Is a number shown as a date or a time?
    pub(super) fn is_date(&self) -> bool {
        self.sections.first().is_some_and(Section::is_date)
    }

    /// What is seen of a number.
    pub(super) fn number(&self, value: f64) -> String {
        let Some(section) = self.section(value) else { return plain(value) };
        // A section for negative numbers says so itself.
        let has_sign = self.has_conditions || self.sections.len() == 1 || value > 0.0;
        let shown = match section {
            _ if section.tokens.iter().any(|token| matches!(token, Token::General | Token::Text))
                || section.tokens.is_empty() && self.sections.len() == 1 =>
            {
                with_literals(section, &plain(value.abs()))
            }
            section if section.is_date() => date::shown(&section.tokens, value.abs(), self.is_1904),
            section => number::shown(section, value.abs()),
        };
        let sign = if value < 0.0 && has_sign && shown.contains(|c: char| c.is_ascii_digit() && c != '0') {
            "-"
        } else {
            ""
        };
        format!("{sign}{}", shown.trim())
    }

    /// What is seen of a text.
    pub(super) fn text(&self, text: &str) -> String {
        let section = self
            .sections
            .get(3)
            .or_else(|| self.sections.iter().find(|section| section.tokens.contains(&Token::Text)));
        section.map_or_else(|| text.to_owned(), |section| with_literals(section, text))
    }

    fn section(&self, value: f64) -> Option<&Section> {
        if self.has_conditions {
            let holds = |section: &&Section| section.condition.is_none_or(|condition| condition.holds(value));
            return self.sections.iter().find(holds);
        }
        let place = match self.sections.len() {
            0 | 1 => 0,
            2 => usize::from(value < 0.0),
            _ if value > 0.0 => 0,
            _ if value < 0.0 => 1,
            _ => 2,
        };
        self.sections.get(place)
    }
}

/// A value in place of `General` or `@`, with the literal text around it.
fn with_literals(section: &Section, value: &str) -> String {
    if section.tokens.is_empty() {
        return value.to_owned();
    }
    let part = |token: &Token| match token {
        Token::General | Token::Text => value.to_owned(),
        Token::Literal(text) => text.clone(),
        _ => String::new(),
    };
    section.tokens.iter().map(part).collect()
}

/// A moment as programs write it: what a date's typed variable reads.
pub(super) fn iso(serial: f64, is_1904: bool) -> String {
    let time = ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, is_1904);
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    match (hour, minute, second) {
        (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_shown_as_the_sheet_shows_them() {
        for (code, value, shown) in [
            ("General", 0.1 + 0.2, "0.3"),
            ("General", 4_917_604_069_010.0, "4917604069010"),
            ("General", -1.5, "-1.5"),
            ("General", 1e21, "1000000000000000000000"),
            ("General", 0.000_012, "0.000012"),
            ("0", 2.5, "3"),
            ("0.00", 0.300_000_000_000_000_04, "0.30"),
            ("0.00", 1.005, "1.01"),
            ("0.00", -0.001, "0.00"),
            ("#,##0", 1_234_567.0, "1,234,567"),
            ("#,##0.00", 1_234.5, "1,234.50"),
            ("#,##0.00\\ \"€\"", 10.0, "10.00 €"),
            ("[$€-407] #,##0.00", 10.0, "€ 10.00"),
            ("\"$\"#,##0.00_);[Red](\"$\"#,##0.00)", -5.0, "($5.00)"),
            ("_(* #,##0.00_);_(* (#,##0.00);_(* \"-\"??_);_(@_)", 0.0, "-"),
            ("0%", 0.25, "25%"),
            ("0.0%", 0.125, "12.5%"),
            ("0.#", 3.0, "3."),
            ("#.##", 0.5, ".5"),
            ("00000", 1234.0, "01234"),
            ("+00 000 0000000", 491_760_406_901.0, "+49 176 0406901"),
            ("0,", 12_345.0, "12"),
            ("0.0,,\" M\"", 1_500_000.0, "1.5 M"),
            ("0.00E+00", 12_345.0, "1.23E+04"),
            ("0.00E+00", 0.000_123, "1.23E-04"),
            ("[>=100]\"many\";[<0]\"owed\";0", 120.0, "many"),
            ("[>=100]\"many\";[<0]\"owed\";0", 7.0, "7"),
            ("0 \"pcs\"", 3.0, "3 pcs"),
            ("0.00;-0.00;\"none\"", 0.0, "none"),
            (";;;", 5.0, ""),
            ("# ?/?", 0.5, "0.5"),
            ("@", 42.0, "42"),
        ] {
            assert_eq!(Format::new(code, false).number(value), shown, "{code} of {value}");
        }
        assert_eq!(Format::new("\"Dr \"@", false).text("Ada"), "Dr Ada");
        assert_eq!(Format::new("0.00", false).text("Ada"), "Ada");
    }

    #[test]
    fn dates_times_and_durations_are_shown_as_the_sheet_shows_them() {
        for (code, value, shown) in [
            ("h:mm", 0.4375, "10:30"),
            ("hh:mm:ss", 0.4375, "10:30:00"),
            ("h:mm AM/PM", 0.937_5, "10:30 PM"),
            ("h:mm AM/PM", 0.0, "12:00 AM"),
            ("h:mm a/p", 0.75, "6:00 p"),
            ("hh:mm", 0.999_99, "23:59"),
            ("[h]:mm", 1.5, "36:00"),
            ("[h]:mm:ss", 1.041_666_666_666_666_7, "25:00:00"),
            ("[mm]:ss", 0.062_5, "90:00"),
            ("mm:ss", 0.001_388_888_888_888_89, "02:00"),
            ("mmss.0", 0.000_014_467_592_592_6, "0001.3"),
            ("dd.mm.yyyy", 46_350.0, "24.11.2026"),
            ("d/m/yy", 46_350.0, "24/11/26"),
            ("yyyy\\-mm\\-dd\\ hh:mm", 46_350.437_5, "2026-11-24 10:30"),
            ("mm-dd-yy", 46_350.0, "2026-11-24"),
            ("m/d/yy h:mm", 46_350.437_5, "2026-11-24 10:30"),
            ("d-mmm-yy", 46_350.0, "24-Nov-26"),
            ("dddd, d. mmmm yyyy", 46_350.0, "Tuesday, 24. November 2026"),
            ("[$-407]d. mmm", 46_350.0, "24. Nov"),
            ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", 46_350.0, "Tuesday, November 24, 2026"),
            ("h:mm:ss;@", 0.5, "12:00:00"),
            ("yyyy\"年\"m\"月\"d\"日\"", 46_350.0, "2026年11月24日"),
            ("h\"h\"mm", 0.4375, "10h30"),
        ] {
            assert_eq!(Format::new(code, false).number(value), shown, "{code} of {value}");
        }
        assert_eq!(Format::new("yyyy-mm-dd", true).number(44_888.0), "2026-11-24", "counted from 1904");
        assert_eq!(iso(46_350.437_5, false), "2026-11-24T10:30:00");
    }

    proptest! {
        #[test]
        fn no_format_is_too_strange(code in "[0#?.,%E+\\-;@\"\\[\\]$dmyhs:/*_<>=AP ]{0,24}", value in any::<f64>()) {
            let _ = Format::new(&code, false).number(value);
        }
    }
}
