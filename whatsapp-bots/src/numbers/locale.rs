//! How numbers are written in a language.

/// What stands before the fraction of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DecimalMark {
    /// A point: `1,234.5`.
    #[default]
    Point,
    /// A comma: `1.234,5`.
    Comma,
}

/// Languages whose numbers have a decimal comma, by the locale data of Unicode (CLDR).
const COMMA: [&str; 61] = [
    "af", "az", "be", "bg", "br", "bs", "ca", "cs", "da", "de", "el", "eo", "es", "et", "eu", "fi", "fo",
    "fr", "fur", "fy", "gl", "hr", "hu", "hy", "ia", "id", "is", "it", "jv", "ka", "kk", "kl", "ky", "lb",
    "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "ps", "pt", "ro", "ru", "rw", "sc", "sk", "sl", "sq",
    "sr", "su", "sv", "tk", "tr", "tt", "uk", "uz", "vi", "wo",
];
/// Regions with a decimal point though their language has a comma, and the other way round.
const POINT_REGIONS: [&str; 15] = [
    "es-mx", "es-us", "es-pr", "es-gt", "es-hn", "es-ni", "es-pa", "es-pe", "es-sv", "es-do", "es-419",
    "de-ch", "de-li", "it-ch", "es-cu",
];
const COMMA_REGIONS: [&str; 12] = [
    "en-za", "en-de", "en-nl", "en-be", "en-dk", "en-fi", "en-se", "en-at", "en-si", "ar-dz", "ar-ma",
    "ar-tn",
];

impl DecimalMark {
    /// That of a language, such as `pt` or `de-CH`; a point where nothing is known.
    pub(crate) fn of(language: &str) -> Self {
        let tag = language.to_ascii_lowercase().replace('_', "-");
        // Between language and region a script may stand: `uz-Latn-UZ`.
        let base = tag.split('-').next().unwrap_or_default();
        let region = tag.split('-').skip(1).find(|part| matches!(part.len(), 2 | 3));
        let in_region = format!("{base}-{}", region.unwrap_or_default());
        if POINT_REGIONS.contains(&in_region.as_str()) {
            Self::Point
        } else if COMMA.contains(&base) || COMMA_REGIONS.contains(&in_region.as_str()) {
            Self::Comma
        } else {
            Self::Point
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_and_regions() {
        for language in ["de", "pt-BR", "id", "es-ES", "es-AR", "fr_FR", "uz-Latn-UZ", "en-ZA", "ru"] {
            assert_eq!(DecimalMark::of(language), DecimalMark::Comma, "{language}");
        }
        for language in ["", "en", "hi", "ar", "ja", "es-MX", "de-CH", "th-TH", "zz", "en-IN", "ms", "sw"] {
            assert_eq!(DecimalMark::of(language), DecimalMark::Point, "{language}");
        }
    }
}
