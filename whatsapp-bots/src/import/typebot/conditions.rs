//! Conditions.
use serde_json::Value as Json;

use super::{Block, Import};
use crate::{
    definition::{Compare, Condition, Pattern, Test},
    import::{Code, ImportError, draft::exit, list, required, text},
    nodes::{Branch, Case, Kind},
};

impl<'j> Import<'j, '_> {
    pub(super) fn condition(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        let (mut cases, mut exits) = (Vec::new(), Vec::new());
        for (place, item) in list(block.json, "items", &block.path)?.iter().enumerate() {
            let path = format!("{}.items[{place}]", block.path);
            let id = required(item, "id", &path)?;
            let content = item.get("content").unwrap_or(&Json::Null);
            let Some(when) = self.comparisons(content, None, block) else {
                self.unknown(block, Code::I103, "one of its comparisons was not understood");
                return Ok(());
            };
            cases.push(Case { id: id.to_owned(), when });
            exits.push(exit(id, self.edge(item, &path, block.id).unwrap_or_else(|| block.next.clone())));
        }
        exits.push(exit("else", block.next.clone()));
        self.draft.push(block.id, Kind::Branch(Branch { cases }), exits);
        Ok(())
    }

    /// What a list of comparisons says; `path` is compared where there is no variable.
    pub(super) fn comparisons(
        &mut self,
        content: &'j Json,
        path: Option<&str>,
        block: &Block<'j>,
    ) -> Option<Condition> {
        let items = content.get("comparisons").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let mut conditions = Vec::new();
        for item in items {
            let own = self.variables.of(item.get("variableId").unwrap_or(&Json::Null));
            let path = own.or_else(|| path.map(str::to_owned))?;
            conditions.push(self.comparison(item, path, block)?);
        }
        match conditions.len() {
            1 => conditions.pop(),
            _ if text(content, "logicalOperator") == "OR" => Some(Condition::Any(conditions)),
            _ => Some(Condition::All(conditions)),
        }
    }

    fn comparison(&mut self, item: &'j Json, path: String, block: &Block<'j>) -> Option<Condition> {
        let value = item.get("value").cloned().unwrap_or(Json::Null);
        let raw = text(item, "value");
        if let Some(sign) = sign(text(item, "comparisonOperator"))
            && self.variables.is_list(&path)
            && let Ok(number) = raw.trim().parse::<serde_json::Number>()
        {
            // Of a list, it is the length that is compared.
            return Some(Condition::Expr(format!("({path} | default([]) | length) {sign} {number}")));
        }
        let test = |is: Compare, value: Json| {
            Condition::Test(Test { path: path.clone(), is, value, as_number: false })
        };
        let not = |condition: Condition| Condition::Not(Box::new(condition));
        let regex = |path: &str| {
            let path = Some(path.to_owned());
            Condition::Regex(Pattern { pattern: pattern(raw), path })
        };
        let value = match &value {
            Json::String(source) => Json::String(self.template(source, block)),
            _ => value,
        };
        Some(match text(item, "comparisonOperator") {
            "Equal to" => test(Compare::Equal, value),
            "Not equal" => test(Compare::NotEqual, value),
            "Contains" => test(Compare::Contains, value),
            "Does not contain" => not(test(Compare::Contains, value)),
            "Greater than" => test(Compare::Greater, value),
            "Less than" => test(Compare::Less, value),
            "Greater or equal to" => test(Compare::GreaterOrEqual, value),
            "Less or equal to" => test(Compare::LessOrEqual, value),
            "Starts with" => test(Compare::StartsWith, value),
            "Ends with" => test(Compare::EndsWith, value),
            "Is set" => not(test(Compare::Empty, Json::Null)),
            "Is empty" => test(Compare::Empty, Json::Null),
            "Matches regex" => regex(&path),
            "Does not match regex" => not(regex(&path)),
            _ => return None,
        })
    }
}

fn sign(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "Greater than" => ">",
        "Less than" => "<",
        "Greater or equal to" => ">=",
        "Less or equal to" => "<=",
        _ => return None,
    })
}

/// `/…/i` as a pattern of ours.
fn pattern(source: &str) -> String {
    let inside = source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    match inside {
        Some((pattern, flags)) if flags.contains('i') => format!("(?i){pattern}"),
        Some((pattern, _)) => pattern.to_owned(),
        None => source.to_owned(),
    }
}
