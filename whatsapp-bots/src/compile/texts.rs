//! Texts, values, conditions and patterns, with what is wrong about them.
use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

use super::compiler::Compiler;
use crate::{
    expr::{Check, Path, RichValues, Root, Template, Texts, Value, Why, Written},
    finding::Code,
    parts::{Compare, Condition, Keywords, Localised, Source, Test, Text},
};

/// Bytes of a pattern.
const PATTERN: usize = 1_000;
/// Patterns of one bot.
const PATTERNS: usize = 500;
/// Bytes that a compiled pattern may take.
const PATTERN_SIZE: usize = 256 * 1024;
/// Characters of a text that WhatsApp shows.
const TEXT: usize = 4_096;
/// How deep a condition or a value may be.
const DEPTH: usize = 16;

impl Compiler<'_> {
    /// The number of a variable that is set.
    pub(crate) fn write(&mut self, field: &str, name: &str) -> Option<u16> {
        let is_path = Written::parse(name).is_some_and(|path| path.keys.is_empty());
        if !is_path || Root::of(name).is_some() {
            let why = "a variable is a letter, then letters, digits and _, at most 64, and none of contact, input, now, today";
            self.find(Code::E010, field, why);
            return None;
        }
        let slot = self.names.slot(name);
        let path = format!("{}/{field}", self.place);
        self.names.written.entry(slot).or_insert(path);
        Some(slot)
    }

    pub(crate) fn path(&mut self, field: &str, text: &str) -> Option<Path> {
        match Written::parse(text) {
            Some(Written { root, keys }) => {
                let root = self.root(field, root);
                Some(Path { root, keys: keys.into() })
            }
            None => {
                self.find(Code::E010, field, "this is no path; one is like `name` or `order.items[0].price`");
                None
            }
        }
    }

    fn root(&mut self, field: &str, name: &str) -> Root {
        Root::of(name).unwrap_or_else(|| {
            let slot = self.names.slot(name);
            let path = format!("{}/{field}", self.place);
            self.names.read.entry(slot).or_insert(path);
            Root::Var(slot)
        })
    }

    /// Compiles something rich with the names resolved.
    fn rich<T>(
        &mut self,
        field: &str,
        compile: impl FnOnce(&mut RichValues, &mut dyn FnMut(&str) -> Root) -> Result<T, Why>,
    ) -> Option<T> {
        let mut rich_values = std::mem::replace(&mut self.rich_values, RichValues::new());
        let compiled = compile(&mut rich_values, &mut |name| self.root(field, name));
        self.rich_values = rich_values;
        compiled.map_err(|why| self.find(Code::E010, field, why.to_string())).ok()
    }

    pub(crate) fn template(&mut self, field: &str, source: &str) -> Template {
        // Most are literals: they need nothing.
        if !source.contains('{') && source.len() <= crate::expr::SOURCE {
            return Template::Literal(source.into());
        }
        self.rich(field, |rich_values, root| Template::compile(source, rich_values, root))
            .unwrap_or_else(|| Template::Literal("".into()))
    }

    pub(crate) fn texts(&mut self, field: &str, text: &Text) -> Texts {
        self.look_at_languages(field, text);
        let default = self.default_language().to_owned();
        if text.each().next().is_none() {
            self.find(Code::E001, field, "a text is missing");
        }
        if let Localised::One(one) = text {
            return Texts([self.long_template(field, one)].into());
        }
        let languages = self.languages.clone();
        let each = languages.iter().map(|language| {
            let source = text.of(language, &default).map(String::as_str).unwrap_or_default();
            self.long_template(field, source)
        });
        Texts(each.collect())
    }

    fn long_template(&mut self, field: &str, source: &str) -> Template {
        let template = self.template(field, source);
        if template.as_literal().is_some_and(|text| text.chars().count() > TEXT) {
            self.find(Code::E013, field, format!("longer than {TEXT} characters; divide it"));
        }
        template
    }

    pub(crate) fn look_at_languages<T>(&mut self, field: &str, text: &Localised<T>) {
        let Localised::Each(each) = text else { return };
        for language in self.languages.clone() {
            if !each.keys().any(|known| known.eq_ignore_ascii_case(&language)) {
                self.find(
                    Code::W105,
                    field,
                    format!("there is no text in `{language}`; another one stands for it"),
                );
            }
        }
    }

    pub(crate) fn source(&mut self, field: &str, source: &Source) -> Value {
        match source {
            Source::Value(json) => self.value(field, json, 0),
            Source::Expr(expression) => self.expression(field, expression),
        }
    }

    /// A value whose texts are templates.
    pub(crate) fn value(&mut self, field: &str, json: &Json, depth: usize) -> Value {
        if depth > DEPTH {
            self.find(Code::E017, field, format!("deeper than {DEPTH} levels"));
            return Value::Const(Json::Null);
        }
        match json {
            Json::String(text) => {
                let template = self.template(field, text);
                match (template.as_literal(), template.as_path()) {
                    (Some(text), _) => Value::Const(Json::String(text.to_owned())),
                    (_, Some(path)) => Value::Path(path.clone()),
                    _ => Value::Text(template),
                }
            }
            Json::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.value(field, item, depth + 1)).collect();
                if items.iter().all(|item| matches!(item, Value::Const(_))) {
                    return Value::Const(json.clone());
                }
                Value::List(items.into())
            }
            Json::Object(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|(key, item)| (key.clone(), self.value(field, item, depth + 1)))
                    .collect();
                if items.iter().all(|(_, item)| matches!(item, Value::Const(_))) {
                    return Value::Const(json.clone());
                }
                Value::Map(items.into())
            }
            _ => Value::Const(json.clone()),
        }
    }

    pub(crate) fn expression(&mut self, field: &str, source: &str) -> Value {
        if let Ok(number) = source.trim().parse::<i64>() {
            return Value::Const(Json::from(number));
        }
        if Written::parse(source).is_some() {
            return self.path(field, source).map_or(Value::Const(Json::Null), Value::Path);
        }
        if let Some((path, number)) = counter(source) {
            return self.path(field, path).map_or(Value::Const(Json::Null), |path| Value::Add(path, number));
        }
        self.rich(field, |rich_values, root| rich_values.expression(source, root))
            .map_or(Value::Const(Json::Null), Value::Expr)
    }

    pub(crate) fn condition(&mut self, field: &str, condition: &Condition) -> Check {
        self.condition_at(field, condition, 0)
    }

    fn condition_at(&mut self, field: &str, condition: &Condition, depth: usize) -> Check {
        if depth > DEPTH {
            self.find(Code::E017, field, format!("a condition deeper than {DEPTH} levels; use variables"));
            return Check::Never;
        }
        match condition {
            Condition::All(all) => {
                Check::All(all.iter().map(|one| self.condition_at(field, one, depth + 1)).collect())
            }
            Condition::Any(any) => {
                Check::Any(any.iter().map(|one| self.condition_at(field, one, depth + 1)).collect())
            }
            Condition::Not(one) => Check::Not(Box::new(self.condition_at(field, one, depth + 1))),
            Condition::Test(test) => self.test(field, test),
            Condition::Keywords(Keywords { words, matching, path }) => {
                let words = self.words(field, words);
                match self.path(field, path.as_deref().unwrap_or("input.text")) {
                    Some(path) => Check::Words(path, *matching, words.into()),
                    None => Check::Never,
                }
            }
            Condition::Regex(pattern) => {
                let regex = self.regex(field, &pattern.pattern);
                let path = self.path(field, pattern.path.as_deref().unwrap_or("input.text"));
                path.zip(regex).map_or(Check::Never, |(path, regex)| Check::Regex(path, regex))
            }
            Condition::Tag(tag) => {
                self.known(field, |known| &known.tags, tag);
                Check::Tag(tag.as_str().into())
            }
            Condition::Expr(source) => self
                .rich(field, |rich_values, root| rich_values.expression(source, root))
                .map_or(Check::Never, Check::Expr),
        }
    }

    fn test(&mut self, field: &str, test: &Test) -> Check {
        let alone = matches!(test.is, Compare::Set | Compare::Empty | Compare::Number);
        if alone != test.value.is_null() {
            let why = if alone { "this comparison needs no value" } else { "this comparison needs a value" };
            self.find(Code::E001, field, why);
        }
        let value = self.value(field, &test.value, 0);
        match self.path(field, &test.path) {
            Some(path) => Check::Test { path, is: test.is, value, as_number: test.as_number },
            None => Check::Never,
        }
    }

    pub(crate) fn regex(&mut self, field: &str, pattern: &str) -> Option<Regex> {
        if pattern.len() > PATTERN {
            self.find(Code::E009, field, format!("a pattern has at most {PATTERN} bytes"));
            return None;
        }
        self.patterns += 1;
        if self.patterns > PATTERNS {
            self.find(
                Code::E017,
                field,
                format!("more than {PATTERNS} patterns in one bot; use words where they do"),
            );
            return None;
        }
        let built = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build();
        built
            .map_err(|error| {
                let why = match error {
                    regex::Error::CompiledTooBig(_) => "this pattern is too large; repeat less in it",
                    _ => "this is no pattern; there are no look-arounds and no back-references",
                };
                self.find(Code::E009, field, why);
            })
            .ok()
    }
}

/// `name + 1` and `name - 1`.
fn counter(source: &str) -> Option<(&str, i64)> {
    let (place, sign) = source.find(['+', '-']).map(|place| (place, &source[place..=place]))?;
    let (path, number) = (source[..place].trim(), source[place + 1..].trim());
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Written::parse(path)?;
    let number: i64 = number.parse().ok()?;
    Some((path, if sign == "-" { -number } else { number }))
}
