use std::fmt;

/// 2009-01-01 in milliseconds.
const FIRST: i64 = 1_230_768_000_000;
/// So far clocks may differ.
const CLOCKS: i64 = 5 * 60_000;

/// That the people of a file agreed to be written to. A file is read under one, or not at all.
///
/// It goes into the campaign as it is; each row carries its [`reference`](Self::reference).
#[derive(Clone, PartialEq, Eq)]
pub struct ConsentStamp {
    scope: String,
    source: String,
    at: i64,
    evidence: String,
}

/// A consent lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// To what?
    #[error("the consent does not say to what: name a scope, such as `marketing`")]
    NoScope,
    /// Where from?
    #[error("the consent does not say how it was given: name a source, such as `form:spring`")]
    NoSource,
    /// When?
    #[error("the consent does not say when it was given")]
    NoTime,
    /// Long before anybody could agree to this.
    #[error(
        "the consent was given before 2009, when there was no WhatsApp: give the time in milliseconds since 1970"
    )]
    TooEarly,
    /// Nobody has agreed yet.
    #[error(
        "the time of the consent lies in the future: give the time at which people agreed, in milliseconds since 1970"
    )]
    InFuture,
    /// What proves it?
    #[error("nothing proves the consent: give a link, a document's name or a quotation")]
    NoEvidence,
}

impl ConsentStamp {
    /// `scope`: to what, such as `marketing`. `source`: how it was given, such as `form:spring`. `at`: when, milliseconds
    /// since the Unix epoch; the latest time that is true for everybody in the file. `evidence`: what proves it.
    ///
    /// # Errors
    /// When one of them is empty.
    pub fn new(scope: &str, source: &str, at: i64, evidence: &str) -> Result<Self, ConsentError> {
        let given = |text: &str, why| Some(text.trim().to_owned()).filter(|text| !text.is_empty()).ok_or(why);
        Ok(Self {
            scope: given(scope, ConsentError::NoScope)?,
            source: given(source, ConsentError::NoSource)?,
            at: if at > 0 { at } else { return Err(ConsentError::NoTime) },
            evidence: given(evidence, ConsentError::NoEvidence)?,
        })
    }

    /// Can it have been given by now?
    ///
    /// # Errors
    /// When its time lies in the future, or before there was WhatsApp: it is in seconds then, or was made up.
    pub fn check_time(&self, now: i64) -> Result<(), ConsentError> {
        match self.at {
            ..FIRST => Err(ConsentError::TooEarly),
            at if at > now.saturating_add(CLOCKS) => Err(ConsentError::InFuture),
            _ => Ok(()),
        }
    }

    /// To what.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// How it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// When it was given, milliseconds since the Unix epoch.
    pub const fn at(&self) -> i64 {
        self.at
    }

    /// What proves it.
    pub fn evidence(&self) -> &str {
        &self.evidence
    }

    /// What a row carries of it: scope, source and time, such as `marketing/form:spring/1790000000000`. The evidence is the same
    /// for the whole file and is not repeated a million times.
    pub fn reference(&self) -> String {
        format!("{}/{}/{}", self.scope, self.source, self.at)
    }
}

impl fmt::Debug for ConsentStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentStamp")
            .field("scope", &self.scope)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_without_one_of_its_parts_does_not_exist() {
        for (scope, source, at, evidence, why) in [
            (" ", "form", 1, "link", ConsentError::NoScope),
            ("marketing", "", 1, "link", ConsentError::NoSource),
            ("marketing", "form", 0, "link", ConsentError::NoTime),
            ("marketing", "form", 1, "\t", ConsentError::NoEvidence),
        ] {
            assert_eq!(ConsentStamp::new(scope, source, at, evidence), Err(why));
        }
        for (at, why) in [(17, Some(ConsentError::TooEarly)), (1_780_000_000, Some(ConsentError::TooEarly))] {
            let stamp = ConsentStamp::new("marketing", "form", at, "link").unwrap();
            assert_eq!(stamp.check_time(1_790_000_000_000).err(), why);
        }
        let stamp = ConsentStamp::new("marketing", "form", 1_790_000_000_000, "link").unwrap();
        assert_eq!(stamp.check_time(1_790_000_000_000), Ok(()));
        assert_eq!(stamp.check_time(1_780_000_000_000), Err(ConsentError::InFuture));
        let stamp = ConsentStamp::new("marketing", " form:spring", 17, "https://example.org/7").unwrap();
        assert_eq!(stamp.reference(), "marketing/form:spring/17");
        assert!(!format!("{stamp:?}").contains("example.org"));
    }
}
