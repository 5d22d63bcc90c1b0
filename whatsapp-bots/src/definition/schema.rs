//! The JSON Schema of a definition, made from the types that read it.
use schemars::{Schema, generate::SchemaSettings};

use super::bot::Definition;

/// The JSON Schema (draft 2020-12) of a definition. It stands in the crate as `schema/bot.schema.json`.
pub fn json_schema() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Definition>()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/bot.schema.json");
        let schema = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &schema).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap();
        assert!(published == schema, "the types changed; run this test with UPDATE_SCHEMA=1");
    }
}
