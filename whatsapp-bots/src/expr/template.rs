//! Texts with placeholders.
use super::{
    bounds::RENDERED,
    encode::percent_encode,
    library::{Rich, RichValues},
    path::{Path, Root, Written},
    scan::Why,
    view::View,
};
use crate::effect::Trouble;

/// A text with placeholders, compiled.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    Literal(Box<str>),
    /// Literals and paths, in turn.
    Segments(Box<[Segment]>),
    Rich(Rich),
}

#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Literal(Box<str>),
    Path(Path),
}

/// A text in each language of the bot, or one for all.
#[derive(Clone, Debug)]
pub(crate) struct Texts(pub(crate) Box<[Template]>);

impl Texts {
    pub(crate) fn of(&self, language: usize) -> &Template {
        // There is always at least one.
        &self.0[language.min(self.0.len() - 1)]
    }

    pub(crate) fn render(&self, view: &View<'_>) -> (String, Option<Trouble>) {
        self.of(view.language).render(view)
    }
}

impl Template {
    /// Compiles a text. `root` says what a name is.
    pub(crate) fn compile(
        source: &str,
        rich_values: &mut RichValues,
        mut root: impl FnMut(&str) -> Root,
    ) -> Result<Self, Why> {
        if source.len() > super::SOURCE {
            return Err(Why::TooLong);
        }
        if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
            return Ok(Self::Literal(source.into()));
        }
        match segments(source) {
            Some(segments) => {
                let segments = segments.into_iter().map(|segment| match segment {
                    Err(literal) => Segment::Literal(literal.into()),
                    Ok(Written { root: name, keys }) => {
                        Segment::Path(Path { root: root(name), keys: keys.into() })
                    }
                });
                Ok(Self::Segments(segments.collect()))
            }
            None => rich_values.template(source, root).map(Self::Rich),
        }
    }

    /// The one path that it is, if it is nothing else.
    pub(crate) fn as_path(&self) -> Option<&Path> {
        match self {
            Self::Segments(segments) => match &**segments {
                [Segment::Path(path)] => Some(path),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn render(&self, view: &View<'_>) -> (String, Option<Trouble>) {
        let mut out = String::new();
        let trouble = self.write(view, &mut out, |found, out| found.write(out));
        (out, trouble)
    }

    /// Renders an address: what placeholders give is percent-encoded.
    pub(crate) fn render_url(&self, view: &View<'_>) -> (String, Option<Trouble>) {
        let mut out = String::new();
        let trouble = self.write(view, &mut out, |found, out| percent_encode(&found.text(), out));
        (out, trouble)
    }

    fn write(
        &self,
        view: &View<'_>,
        out: &mut String,
        mut value: impl FnMut(&super::Found<'_>, &mut String),
    ) -> Option<Trouble> {
        let mut trouble = None;
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Rich(rich) => trouble = rich.render(view, out),
            Self::Segments(segments) => {
                for segment in segments {
                    match segment {
                        Segment::Literal(text) => out.push_str(text),
                        Segment::Path(path) => {
                            let found = view.find(path);
                            if found.is_missing() {
                                trouble = Some(Trouble::Missing);
                            }
                            value(&found, out);
                        }
                    }
                }
            }
        }
        if out.len() > RENDERED {
            out.truncate(out.floor_char_boundary(RENDERED));
            trouble = Some(Trouble::TooLong);
        }
        trouble
    }
}

/// Literals and paths, if it is nothing but them.
fn segments(source: &str) -> Option<Vec<Result<Written<'_>, &str>>> {
    if source.contains("{%") || source.contains("{#") {
        return None;
    }
    let mut found = Vec::new();
    let mut rest = source;
    while let Some((literal, inside)) = rest.split_once("{{") {
        if !literal.is_empty() {
            found.push(Err(literal));
        }
        let (path, after) = inside.split_once("}}")?;
        found.push(Ok(Written::parse(path)?));
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Err(rest));
    }
    Some(found)
}
