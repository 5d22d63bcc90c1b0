use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::*;
use crate::{contact::Contact, effect::Trouble, input::Message, state::Vars};

struct World {
    rich_values: RichValues,
    names: Vec<String>,
    vars: Vars,
    contact: Contact,
    input: Option<Message>,
    zone: TimeZone,
}

impl World {
    fn new(vars: &[(&str, Json)]) -> Self {
        let names = vars.iter().map(|(name, _)| (*name).to_owned()).collect();
        let vars = vars.iter().enumerate().map(|(slot, (_, value))| (slot as u16, value.clone()));
        let contact = Contact {
            name: "Ana".into(),
            fields: [("city".to_owned(), json!("São Paulo"))].into(),
            tags: ["vip".to_owned()].into(),
            ..Contact::default()
        };
        let input = Some(Message::text("{{ secret }} {% for x in y %}"));
        Self {
            rich_values: RichValues::new(),
            names,
            vars: Vars(vars.collect()),
            contact,
            input,
            zone: TimeZone::UTC,
        }
    }

    fn text(&mut self, source: &str) -> Result<(String, Option<Trouble>), Why> {
        let names = &mut self.names;
        let template = Template::compile(source, &mut self.rich_values, |name| root(names, name))?;
        Ok(template.render(&self.view()))
    }

    fn value(&mut self, source: &str) -> Result<(Json, Option<Trouble>), Why> {
        let names = &mut self.names;
        let rich = self.rich_values.expression(source, |name| root(names, name))?;
        Ok(rich.evaluate(&self.view()))
    }

    fn view(&self) -> View<'_> {
        View {
            vars: &self.vars,
            contact: &self.contact,
            input: self.input.as_ref(),
            now: 1_800_000_000_000,
            zone: &self.zone,
            rich_values: &self.rich_values,
            language: 0,
            mark: Default::default(),
        }
    }
}

fn root(names: &mut Vec<String>, name: &str) -> Root {
    Root::of(name).unwrap_or_else(|| {
        let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        Root::Var(place as u16)
    })
}

#[test]
fn paths() {
    let mut world =
        World::new(&[("order", json!({"items": [{"price": 2.50}], "n": 3})), ("list", json!([1, "b"]))]);
    for (source, expected) in [
        ("plain { text", "plain { text"),
        ("{{ contact.name }} of {{contact.fields.city}}", "Ana of São Paulo"),
        ("{{ order.items[0].price }}|{{ order.items.0.price }}|{{ order.n }}", "2.5|2.5|3"),
        ("{{ list }}", "1, b"),
        ("{{ contact.tags }} {{ today }}", "vip 2027-01-15"),
    ] {
        assert_eq!(world.text(source), Ok((expected.to_owned(), None)), "{source}");
    }
    assert_eq!(world.text("a{{ nothing.at.all }}b"), Ok(("ab".into(), Some(Trouble::Missing))));
}

#[test]
fn what_people_write_is_never_a_template() {
    let mut world = World::new(&[("said", json!("{{ contact.name }}{% if true %}x{% endif %}"))]);
    let said = "{{ contact.name }}{% if true %}x{% endif %}";
    assert_eq!(world.text("{{ said }}"), Ok((said.to_owned(), None)));
    assert_eq!(world.text("{{ said | trim }}"), Ok((said.to_owned(), None)));
    assert_eq!(world.text("{{ input.text }}").unwrap().0, "{{ secret }} {% for x in y %}");
    assert_eq!(world.value("said").unwrap().0, json!(said));
}

#[test]
fn expressions() {
    let mut world = World::new(&[("n", json!(4)), ("s", json!("Ab")), ("list", json!([3, 1]))]);
    for (source, expected) in [
        ("n + 1", json!(5)),
        ("n / 8", json!(0.5)),
        ("n | times(3)", json!(12)),
        ("s | lower ~ '!'", json!("ab!")),
        ("n > 3 and 'A' in s", json!(true)),
        ("[n, s]", json!([4, "Ab"])),
        ("list | join('-')", json!("3-1")),
        ("nothing | default('x')", json!("x")),
        ("contact.fields.city | upper", json!("SÃO PAULO")),
        ("'ü/' | urlencode", json!("%C3%BC%2F")),
        ("('10' | number) + ('5' | number)", json!(15)),
        ("('1.5' | number) + (2 | number)", json!(3.5)),
        ("'many' | number", json!("many")),
        ("'I am 25' | find_number", json!(25)),
        ("'nobody' | find_number", json!(null)),
        ("\"Ana María, d'Or\" | word(1)", json!("María")),
        ("\"Ana María, d'Or\" | word(-1)", json!("d'Or")),
        ("'Ana' | word(1)", json!("")),
        ("list + [n]", json!([3, 1, 4])),
        ("'}}'", json!("}}")),
    ] {
        assert_eq!(world.value(source), Ok((expected, None)), "{source}");
    }
    assert_eq!(world.value("n / 0"), Ok((Json::Null, Some(Trouble::Expression))));
    assert_eq!(world.value("s | times(1000000000)"), Ok((Json::Null, Some(Trouble::Expression))));
    assert_eq!(world.text("{% for i in list %}{{ i }};{% endfor %}").unwrap().0, "3;1;");
    assert_eq!(world.text("{% if n > 3 %}many{% else %}few{% endif %}\n").unwrap().0, "many\n");
}

#[test]
fn what_would_run_or_grow_without_end_is_refused_or_stopped() {
    let mut world = World::new(&[("a", json!("x".repeat(4096))), ("list", json!(vec![0; 1000]))]);
    for (source, why) in [
        ("{{ a * 9 }}", Why::Repetition(1)),
        ("\n{% set b = a ~ a %}", Why::Statement(2)),
        ("{% macro m() %}{% endmacro %}", Why::Statement(1)),
        ("{% include 'x' %}", Why::Statement(1)),
        ("{% for i in list recursive %}{% endfor %}", Why::Statement(1)),
        ("{% for i in list %}{% for j in list %}{% endfor %}{% endfor %}", Why::Nested),
        ("{{ a | pprint }}", Why::Filter(1)),
        ("{{ a is defined }}", Why::Test(1)),
        ("{{ a", Why::Unclosed(1)),
        ("{{ 'a }}", Why::Unclosed(1)),
        ("{{ a b }}", Why::Syntax(1)),
    ] {
        assert_eq!(world.text(source), Err(why), "{source}");
    }
    assert_eq!(world.text(&"{{ a ~ a ~ a }}".repeat(33)), Err(Why::Joins(1)));
    assert_eq!(world.text(&"x".repeat(SOURCE + 1)), Err(Why::TooLong));
    assert_eq!(world.value("1) %}{{ a }}{% if (1"), Err(Why::Braces(1)));
    assert!(world.value(&format!("{}1{}", "(".repeat(3000), ")".repeat(3000))).is_err());

    let (text, trouble) = world.text("{% for i in list %}{{ a }}{% endfor %}").unwrap();
    assert!(text.len() <= RENDERED && trouble == Some(Trouble::TooLong));
    let (_, trouble) = world
        .text(&format!("{{% for i in list %}}{}{{% endfor %}}", "{% if i > 1 %}.{% endif %}".repeat(50)))
        .unwrap();
    assert_eq!(trouble, Some(Trouble::TooMuchWork));
    let growing = format!("{{{{ a{} }}}}", " | replace('x', 'xxxxxxxx')".repeat(100));
    assert_eq!(world.text(&growing).unwrap().1, Some(Trouble::TooLong));
    let (text, trouble) = world.text(&"{{ a }}".repeat(10)).unwrap();
    assert!(text.len() <= RENDERED && trouble == Some(Trouble::TooLong));
}
