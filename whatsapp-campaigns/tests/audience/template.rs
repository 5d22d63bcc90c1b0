//! Variables are bound to what will be sent.
use whatsapp_campaigns::content::{Definition, Template, Values};

use super::*;

const FILE: &[u8] =
    b"phone,name,visits\n015123456781,Ada,3\n015123456782,,4\n015123456783,Bob,many\n015123456784,Cy,\n";

fn template(missing: &str) -> Arc<Template> {
    let definition = r#"{"category": "utility", "variables": {
        "name": {"type": "text", "missing": {"policy": "default", "value": "friend"}},
        "visits": {"type": "number", "missing": {"policy": "MISSING"}}
    }, "variants": [{"name": "only", "content": {"type": "text", "text": "{{ name }}, {{ visits }}"}}]}"#;
    let definition = Definition::from_json(&definition.replace("MISSING", missing)).unwrap();
    Arc::new(Template::new(&definition).unwrap())
}

fn freeze_for(template: Arc<Template>) -> Result<Frozen, AudienceError> {
    let rejects = Shared::default();
    let mapping = mapping().variable("visits", "visits", MissingValue::Leave);
    let freeze = Freeze::new(mapping, [7; 32]).rejects_to(rejects.clone()).template(template);
    // The lane still sees the variables by name.
    let lane = |who: &Recipient<'_>| i32::from(who.variable("name").is_some());
    finish(freeze.gather(CsvSource::new(FILE))?, &lane, &Lists::default(), &rejects)
}

#[test]
fn rows_are_stored_as_the_template_reads_them() {
    let template = template("skip");
    let frozen = freeze_for(Arc::clone(&template)).unwrap();
    assert_eq!(frozen.reasons(), [("missing_variable", 1), ("invalid_variable", 1)]);
    assert_eq!(
        frozen.lines(),
        ["4,015123456783,invalid_variable,visits", "5,015123456784,missing_variable,visits"]
    );
    let mut texts: Vec<_> = frozen
        .batches
        .iter()
        .flat_map(|batch| batch.rows.iter().map(|row| (batch.lane, row)))
        .map(|(lane, row)| {
            let values = Values::from_bytes(&row.variables).unwrap();
            (lane, serde_json::to_value(template.render(&values, 0).unwrap()).unwrap().to_string())
        })
        .collect();
    texts.sort();
    assert!(texts[0].0 == 0 && texts[0].1.contains("friend, 4"), "{texts:?}");
    assert!(texts[1].0 == 1 && texts[1].1.contains("Ada, 3"), "{texts:?}");
}

#[test]
fn a_variable_that_must_be_there_stops_it() {
    let stopped = freeze_for(template("fail")).map(|_| ()).unwrap_err();
    assert!(matches!(stopped, AudienceError::Variable { line: 4, .. }), "{stopped:?}");
    assert!(!format!("{stopped:?} {stopped}").contains("many"), "{stopped:?}");
}
