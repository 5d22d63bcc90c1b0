//! From a definition to a template, or to all that is wrong with it.
use std::collections::BTreeSet;

use minijinja::Value;
use whatsapp_store::Content;

use super::{
    definition::{Category, Definition, Kind, Missing, Variable, Variant},
    engine::{Engine, RENDERED, SOURCE},
    fields,
    placeholder::{self, LooksLikePlaceholder},
    problem::{Problem, Problems, RenderError, What},
    source,
    split::WHOLE,
    template::{Compiled, CompiledField, Declared, Template},
    value::{Invalid, Typed},
    values::Version,
};
use crate::consent;

/// Words that mean something else in a placeholder.
const RESERVED: [&str; 14] =
    ["true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "elif", "endif", "loop", "self"];

/// Checks a definition and makes a template of it.
pub(super) fn template(definition: &Definition) -> Result<Template, Problems> {
    let mut check = Check {
        problems: Vec::new(),
        placeholders: Vec::new(),
        used: BTreeSet::new(),
        unread: false,
        engine: Engine::new(),
    };
    check.shape(definition);
    let variables: Vec<_> =
        definition.variables.iter().filter_map(|(name, variable)| check.variable(name, variable)).collect();
    let compiled: Vec<_> = definition
        .variants
        .iter()
        .enumerate()
        .filter_map(|(place, variant)| check.variant(place, variant, definition))
        .collect();
    check.all_used(definition);
    if !check.problems.is_empty() {
        return Err(Problems(check.problems));
    }
    let template = Template {
        version: version(definition),
        variables,
        variants: definition.variants.clone(),
        split: definition.split,
        compiled,
        engine: check.engine,
        placeholders: check.placeholders,
    };
    let problems = trial(&template);
    if problems.is_empty() { Ok(template) } else { Err(Problems(problems)) }
}

/// Made from what is rendered; weights, shares and the like may change without another version.
fn version(definition: &Definition) -> Version {
    let contents: Vec<_> = definition.variants.iter().map(|variant| &variant.content).collect();
    // Neither has a map with other keys than text, nor a number that JSON does not know: that was checked.
    Version::of(&serde_json::to_vec(&(&definition.variables, contents)).unwrap_or_default())
}

struct Check {
    problems: Vec<Problem>,
    placeholders: Vec<LooksLikePlaceholder>,
    used: BTreeSet<String>,
    /// A field could not be read, so that nobody knows which variables it uses.
    unread: bool,
    engine: Engine,
}

impl Check {
    fn found(&mut self, path: impl Into<String>, what: What) {
        self.problems.push(Problem::new(path, what));
    }

    fn shape(&mut self, definition: &Definition) {
        if definition.variants.is_empty() {
            self.found("variants", What::NoVariant);
        } else if definition.variants.iter().all(|variant| variant.weight == 0) {
            self.found("variants", What::NoWeight);
        }
        let mut names = BTreeSet::new();
        for (place, variant) in definition.variants.iter().enumerate() {
            if variant.name.trim().is_empty() || !names.insert(&variant.name) {
                self.found(format!("variants[{place}].name"), What::VariantName);
            }
        }
        if definition.split.hold_out >= WHOLE {
            self.found("split.holdOut", What::Share);
        }
        if !(1..=WHOLE).contains(&definition.split.test) {
            self.found("split.test", What::Share);
        }
        if definition.split.test < WHOLE && definition.winner.is_none() {
            self.found(
                "winner",
                What::Winner("some wait for the winner: say how it is found, or set split.test to 1000"),
            );
        }
        if let Some(wrong) = definition.winner.and_then(|rule| rule.wrong(definition.variants.len())) {
            self.found("winner", What::Winner(wrong));
        }
        if let Some(over) = &definition.opt_out_override
            && (over.reason.trim().is_empty() || over.by.trim().is_empty())
        {
            self.found("optOutOverride", What::Override);
        }
    }

    fn variable(&mut self, name: &str, variable: &Variable) -> Option<Declared> {
        let path = format!("variables.{name}");
        if !is_name(name) {
            self.found("variables", What::Name);
            return None;
        }
        let typed = match Typed::of(variable) {
            Ok(typed) => typed,
            Err((setting, what)) => {
                self.found(format!("{path}.{setting}"), what);
                return None;
            }
        };
        let default = match &variable.missing {
            Missing::Default { value } => match default(&typed, variable.kind, value) {
                Ok(value) => Some(value),
                Err(why) => {
                    self.found(format!("{path}.missing.value"), What::Default(why));
                    return None;
                }
            },
            Missing::Skip | Missing::Fail => None,
        };
        Some(Declared { name: name.to_owned(), typed, missing: variable.missing.clone(), default })
    }

    fn variant(&mut self, place: usize, variant: &Variant, definition: &Definition) -> Option<Compiled> {
        let path = format!("variants[{place}].content");
        if !is_for_many(&variant.content) {
            self.found(path, What::NotSendable);
            return None;
        }
        let json = serde_json::to_value(&variant.content).ok();
        // A number that is not finite becomes null, and that is no number when it is read.
        let Some(json) = json.filter(|json| serde_json::from_value::<Content>(json.clone()).is_ok()) else {
            self.found(path, What::NotFinite);
            return None;
        };
        // What can be sent at all is decided in one place, for messages of every kind.
        if let Err(why) = variant.content.sendable() {
            self.found(path, What::Unsendable(why));
            return None;
        }
        let mut always = String::new();
        let mut compiled = Vec::new();
        for field in fields::of(&json) {
            let path = format!("variants[{place}].{}", field.path);
            let name = format!("{place}{}", field.pointer);
            match self.field(&name, &field.text, definition) {
                Ok(source) => {
                    always.push_str(&source.always);
                    always.push('\n');
                    let found = placeholder::find(&source.literal).into_iter();
                    let at = |text| LooksLikePlaceholder { path: path.clone(), text };
                    self.placeholders.extend(found.map(at));
                    if source.is_template {
                        compiled.push(CompiledField { path: field.path, pointer: field.pointer, name });
                    }
                }
                Err(what) => what.into_iter().for_each(|what| self.found(&path, what)),
            }
        }
        let must_hint = definition.category == Category::Marketing && definition.opt_out_override.is_none();
        if must_hint && !consent::has_opt_out_hint(&always) {
            self.found(path, What::NoOptOutHint);
        }
        Some(Compiled { json, fields: compiled })
    }

    fn field(
        &mut self,
        name: &str,
        text: &str,
        definition: &Definition,
    ) -> Result<source::Source, Vec<What>> {
        let mut unread = |what| {
            self.unread = true;
            vec![what]
        };
        let source = source::scan(text).map_err(&mut unread)?;
        let limit = if source.is_template { SOURCE } else { RENDERED };
        if text.len() > limit {
            return Err(unread(What::TooLong { limit }));
        }
        if source.is_template {
            let uses = self.engine.add(name, text).map_err(unread)?;
            let (known, unknown): (Vec<_>, Vec<_>) =
                uses.into_iter().partition(|name| definition.variables.contains_key(name));
            self.used.extend(known);
            if !unknown.is_empty() {
                return Err(unknown.into_iter().map(|name| What::Unknown { name }).collect());
            }
        }
        Ok(source)
    }

    fn all_used(&mut self, definition: &Definition) {
        if self.unread {
            return;
        }
        let unused = definition.variables.keys().filter(|name| is_name(name) && !self.used.contains(*name));
        for name in unused.cloned().collect::<Vec<_>>() {
            self.found(format!("variables.{name}"), What::Unused);
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

fn default(typed: &Typed, kind: Kind, value: &str) -> Result<Value, Invalid> {
    match value.trim() {
        "" if kind == Kind::Text => Ok(Value::from("")),
        value => typed.value(value),
    }
}

/// Can it go to many? Menus cannot: not every phone shows them, and whose does not sees nothing.
const fn is_for_many(content: &Content) -> bool {
    !matches!(content, Content::Buttons { .. } | Content::List { .. })
}

/// Renders every variant with values of the declared types, to find what only rendering shows.
fn trial(template: &Template) -> Vec<Problem> {
    let sample = |variable: &Declared| Some((variable.name.clone(), variable.typed.sample_value().ok()?));
    let seen = Value::from(
        template.variables.iter().filter_map(sample).collect::<std::collections::BTreeMap<_, _>>(),
    );
    let mut problems = Vec::new();
    for (place, compiled) in template.compiled.iter().enumerate() {
        if let Err(RenderError::Field { path, fault }) = template.render_compiled(compiled, &seen)
            && fault.is_of_the_template()
        {
            problems.push(Problem::new(format!("variants[{place}].{path}"), What::Trial(fault)));
        }
    }
    problems
}
