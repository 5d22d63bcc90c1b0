//! A definition that was checked and can be rendered.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use minijinja::Value;
use serde_json::Value as Json;
use whatsapp_store::Content;

use super::{
    check,
    definition::{Definition, Missing, Variant},
    engine::Engine,
    placeholder::LooksLikePlaceholder,
    problem::{BindError, Fault, Problems, RenderError},
    split::{Arm, Arms, Split},
    value::Typed,
    values::{NamedValues, Values, Version},
};
use crate::id::RowId;

/// What a campaign says, ready to be rendered.
///
/// Rendering is a function of the template's [version](Template::version), the recipient's [`Values`] and the variant, and of
/// nothing else: the same message comes out again, to the byte, when a device asks for it once more or the sender starts anew.
/// To keep it so across releases of this crate, the bytes of known cases stand in its tests.
#[derive(Clone)]
pub struct Template {
    pub(super) version: Version,
    pub(super) variables: Vec<Declared>,
    pub(super) variants: Vec<Variant>,
    pub(super) split: Split,
    pub(super) compiled: Vec<Compiled>,
    pub(super) engine: Engine,
    pub(super) placeholders: Vec<LooksLikePlaceholder>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A declared variable, ready to be used.
#[derive(Clone)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) typed: Typed,
    pub(super) missing: Missing,
    /// What a template sees when it is missing and has a default.
    pub(super) default: Option<Value>,
}

/// A variant, ready to be rendered.
#[derive(Clone)]
pub(super) struct Compiled {
    pub(super) json: Json,
    pub(super) fields: Vec<CompiledField>,
}

/// A field with something to render.
#[derive(Clone)]
pub(super) struct CompiledField {
    pub(super) path: String,
    pub(super) pointer: String,
    pub(super) name: String,
}

impl Template {
    /// Checks a definition; all that is wrong with it is told at once.
    pub fn new(definition: &Definition) -> Result<Self, Problems> {
        check::template(definition)
    }

    /// Its version, made from all that decides what is rendered. Store it with the campaign.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What looks like a placeholder of another program, and is sent as it stands.
    pub fn placeholders(&self) -> &[LooksLikePlaceholder] {
        &self.placeholders
    }

    /// How many variants there are.
    pub fn variants(&self) -> usize {
        self.variants.len()
    }

    /// The name of a variant.
    pub fn variant_name(&self, variant: usize) -> Option<&str> {
        self.variants.get(variant).map(|variant| variant.name.as_str())
    }

    /// The variables that a recipient can have values for, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| variable.name.as_str())
    }

    /// What a row gets. It depends on the weights and shares of the definition: pin it together with the audience.
    pub fn arm(&self, arms: &Arms, row: RowId) -> Arm {
        arms.arm(row, self.split, &self.variants).unwrap_or(Arm::HoldOut)
    }

    /// Takes a recipient's values and applies the policies. Nothing is sent to whom this refuses.
    pub fn bind(&self, row: &(impl NamedValues + ?Sized)) -> Result<Values, BindError> {
        let mut given = Vec::with_capacity(self.variables.len());
        for variable in &self.variables {
            let stops_campaign = variable.missing == Missing::Fail;
            let raw = row.value(&variable.name).map(str::trim).filter(|raw| !raw.is_empty());
            if let Some(raw) = raw {
                variable.typed.value(raw).map_err(|why| BindError::Invalid {
                    variable: variable.name.clone(),
                    why,
                    stops_campaign,
                })?;
            } else if variable.default.is_none() {
                return Err(BindError::Missing { variable: variable.name.clone(), stops_campaign });
            }
            given.push(raw.map(str::to_owned));
        }
        Ok(Values { version: self.version, given })
    }

    /// Renders a variant.
    pub fn render(&self, values: &Values, variant: usize) -> Result<Content, RenderError> {
        let compiled = self.compiled.get(variant).ok_or(RenderError::NoVariant(variant))?;
        self.render_compiled(compiled, &self.context(values)?)
    }

    /// What the template language sees.
    fn context(&self, values: &Values) -> Result<Value, RenderError> {
        if values.version != self.version || values.given.len() != self.variables.len() {
            return Err(RenderError::OtherVersion);
        }
        let mut seen = BTreeMap::new();
        for (variable, given) in self.variables.iter().zip(&values.given) {
            let value = match given {
                Some(raw) => variable.typed.value(raw).ok(),
                None => variable.default.clone(),
            };
            let value = value.ok_or_else(|| RenderError::Value(variable.name.clone()))?;
            seen.insert(variable.name.as_str(), value);
        }
        Ok(Value::from(seen))
    }

    /// Renders one variant's fields into its content.
    pub(super) fn render_compiled(&self, compiled: &Compiled, seen: &Value) -> Result<Content, RenderError> {
        let mut json = compiled.json.clone();
        for field in &compiled.fields {
            let wrong = |fault| RenderError::Field { path: field.path.clone(), fault };
            let text = self.engine.render(&field.name, seen).map_err(wrong)?;
            match json.pointer_mut(&field.pointer) {
                Some(place) => *place = Json::String(text),
                None => return Err(wrong(Fault::Empty)),
            }
        }
        let whole = |fault| RenderError::Field { path: "content".to_owned(), fault };
        let content = serde_json::from_value(json).map_err(|_| whole(Fault::Operation(1)))?;
        if let Content::Poll { options, .. } = &content
            && options.iter().collect::<BTreeSet<_>>().len() < options.len()
        {
            return Err(whole(Fault::SameTwice));
        }
        if content.sendable().is_err() {
            return Err(whole(Fault::NotSendable));
        }
        Ok(content)
    }
}
