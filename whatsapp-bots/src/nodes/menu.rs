//! What nodes that ask have in common: options, and what happens after an answer that is none.
use serde::{Deserialize, Serialize};

use whatsapp_store::Content;

use super::selection::{self, Called};
use crate::{
    compile::{Compiler, ExitId},
    effect::{Choice, Event, Menu, Style, Trouble},
    expr::{RENDERED, Texts},
    finding::Code,
    fold,
    input::Message,
    menus,
    parts::{Text, Words},
    state::Waits,
    turn::{Next, Turn},
};

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MenuOption {
    /// A stable id: what a button or a row answers, and what is saved.
    pub id: String,
    /// What people see.
    pub label: Text,
    /// A second line, in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// Other words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
}

/// What happens after an answer that is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retries {
    /// How often the question is put again; then the exit `invalid` is taken.
    pub max: u8,
    /// What is said instead of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { max: 2, say: None }
    }
}

/// A question that is put again after answers that are none.
#[derive(Debug)]
pub(super) struct Question {
    text: Texts,
    again: Option<Texts>,
    max: u8,
    timeout: Option<u64>,
}

impl Question {
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        text: &Text,
        retries: &Retries,
        timeout: Option<u64>,
    ) -> Self {
        if timeout == Some(0) {
            compiler.find(Code::E001, "timeoutSeconds", "nobody answers at once; give at least 1");
        }
        if timeout.is_some_and(|seconds| seconds > 86_400) {
            compiler.find(
                Code::W110,
                "timeoutSeconds",
                "after more than a day some accounts may only send templates",
            );
        }
        Self {
            text: compiler.texts("text", text),
            again: retries.say.as_ref().map(|say| compiler.texts("retries/say", say)),
            max: retries.max,
            timeout,
        }
    }

    /// Puts it, the first time or again.
    pub(super) fn put(&self, turn: &mut Turn<'_>, menu: Option<&dyn Offers>, attempt: u8) {
        let texts = self.again.as_ref().filter(|_| attempt > 0).unwrap_or(&self.text);
        let text = turn.text(texts);
        match menu {
            Some(menu) => menu.send(turn, text),
            None => turn.say(text),
        }
    }

    pub(super) fn wait(&self, turn: &Turn<'_>, attempt: u8) -> Next {
        turn.wait(Waits::Reply, self.timeout.map(|seconds| turn.after(seconds)), attempt)
    }

    /// After an answer that was none: puts it again, or gives up.
    pub(super) fn reject(&self, turn: &mut Turn<'_>, menu: Option<&dyn Offers>, invalid: ExitId) -> Next {
        let attempt = turn.attempt().saturating_add(1);
        if let Some(at) = turn.at() {
            turn.emit(Event::Rejected { at, attempt });
        }
        if attempt > self.max {
            return Next::Exit(invalid);
        }
        self.put(turn, menu, attempt);
        self.wait(turn, attempt)
    }

    pub(super) fn time_out(&self, turn: &mut Turn<'_>, timeout: ExitId) -> Next {
        if let Some(at) = turn.at() {
            turn.emit(Event::TimedOut { at });
        }
        Next::Exit(timeout)
    }
}

/// What a question offers to choose from.
pub(super) trait Offers {
    /// Sends it, with the question.
    fn send(&self, turn: &mut Turn<'_>, text: String);
}

/// Options, compiled.
#[derive(Debug)]
pub(super) struct MenuPlan {
    options: Vec<OptionPlan>,
    style: Style,
}

#[derive(Debug)]
struct OptionPlan {
    id: String,
    label: Texts,
    description: Option<Texts>,
    words: Vec<String>,
    /// The labels without placeholders, in all languages, folded.
    labels: Vec<String>,
}

impl MenuPlan {
    pub(super) fn compile(compiler: &mut Compiler<'_>, options: &[MenuOption], style: Style) -> Self {
        if options.is_empty() {
            compiler.find(Code::E001, "options", "at least one option is needed");
        }
        let most = match style {
            Style::Buttons => 3,
            Style::List => 10,
            Style::Auto | Style::Numbers => MOST,
        };
        if options.len() > most {
            compiler.find(
                Code::E013,
                "options",
                format!("at most {most} can be shown so; use another style"),
            );
        }
        let mut plans: Vec<OptionPlan> = Vec::new();
        for (place, option) in options.iter().enumerate().take(MOST) {
            let field = format!("options/{}", option.id);
            if option.id.is_empty() || plans.iter().any(|plan| plan.id == option.id) {
                compiler.find(
                    Code::E002,
                    &format!("options/{place}/id"),
                    "each option needs an id of its own",
                );
            }
            let plan = OptionPlan::compile(compiler, &field, option);
            plan.look_at_length(compiler, &field, style);
            for other in &plans {
                if plan.said().any(|word| other.said().any(|theirs| theirs == word)) {
                    let why = format!("it is said the same way as `{}`, which comes first", other.id);
                    compiler.find(Code::E012, &field, why);
                }
            }
            plans.push(plan);
        }
        Self { options: plans, style }
    }

    /// The option that a message chooses: by its id, label, words or number.
    pub(super) fn chosen(&self, turn: &Turn<'_>, message: &Message) -> Option<&str> {
        if let Some(payload) = message.payload() {
            let option = self.options.iter().find(|option| option.id == payload)?;
            return Some(&option.id);
        }
        self.named(turn, message.seen())
    }

    /// The options that a message names, in the order of the menu; `None` when there is anything else in it.
    pub(super) fn all_chosen(&self, turn: &Turn<'_>, message: &Message) -> Option<Vec<&str>> {
        if let Some(one) = self.chosen(turn, message) {
            return Some(vec![one]);
        }
        if message.payload().is_some() {
            return None;
        }
        let picked = selection::several(message.seen(), &self.called(turn))?;
        Some(picked.into_iter().map(|place| &*self.options[place].id).collect())
    }

    fn named(&self, turn: &Turn<'_>, said: &str) -> Option<&str> {
        let said = said.trim();
        let by_id = self.options.iter().position(|option| option.id == said);
        let place = by_id.or_else(|| selection::one(said, &self.called(turn)))?;
        Some(&self.options[place].id)
    }

    /// What the options are called now.
    fn called(&self, turn: &Turn<'_>) -> Vec<Called> {
        let shown = |texts: &Texts| texts.render(&turn.view()).0;
        let called = |option: &OptionPlan| {
            let title = shown(&option.label);
            let description = option.description.as_ref().map(shown).unwrap_or_default();
            let names = option.said().cloned().chain([fold::words(&title)]).collect();
            let line = fold::words(&format!("{title} {description}"));
            Called { names, line, plain: fold::plain(&title) }
        };
        self.options.iter().map(called).collect()
    }
}

impl Offers for MenuPlan {
    fn send(&self, turn: &mut Turn<'_>, text: String) {
        let mut choices = Vec::with_capacity(self.options.len());
        for option in &self.options {
            let title = turn.text(&option.label);
            let description = option.description.as_ref().map(|text| turn.text(text)).unwrap_or_default();
            choices.push(Choice { id: option.id.clone(), title, description });
        }
        show(turn, text, choices, self.style);
    }
}

/// Sends a question with what can be chosen: as numbered text, and as buttons or a list where it fits.
pub(super) fn show(turn: &mut Turn<'_>, text: String, choices: Vec<Choice>, wanted: Style) {
    let lines = choices.iter().map(|choice| (choice.title.as_str(), choice.description.as_str()));
    let mut numbered = menus::numbered(&text, lines);
    if numbered.len() > RENDERED {
        numbered.truncate(numbered.floor_char_boundary(RENDERED));
        turn.note(Some(Trouble::TooLong));
    }
    let menu = style(wanted, &choices).map(|style| Menu { text, style, options: choices });
    turn.send(Content::Text { text: numbered }, menu);
}

impl OptionPlan {
    fn compile(compiler: &mut Compiler<'_>, field: &str, option: &MenuOption) -> Self {
        let label = compiler.texts(&format!("{field}/label"), &option.label);
        let description =
            option.description.as_ref().map(|text| compiler.texts(&format!("{field}/description"), text));
        let words = option.words.as_ref().map(|words| compiler.words(&format!("{field}/words"), words));
        let labels = label.0.iter().filter_map(|label| label.as_literal()).map(fold::words);
        let labels = labels.filter(|label| !label.is_empty()).collect();
        Self { id: option.id.clone(), label, description, words: words.unwrap_or_default(), labels }
    }

    /// All that says it, folded.
    fn said(&self) -> impl Iterator<Item = &String> {
        self.labels.iter().chain(&self.words)
    }

    fn look_at_length(&self, compiler: &mut Compiler<'_>, field: &str, style: Style) {
        let most = match style {
            Style::Buttons => BUTTON,
            Style::List => ROW,
            Style::Auto | Style::Numbers => return,
        };
        let is_long = |text: &Texts, most: usize| {
            text.0.iter().filter_map(|text| text.as_literal()).any(|text| text.chars().count() > most)
        };
        if is_long(&self.label, most) {
            compiler.find(
                Code::E013,
                &format!("{field}/label"),
                format!("at most {most} characters are shown so"),
            );
        }
        if self.description.as_ref().is_some_and(|text| is_long(text, DESCRIPTION)) {
            let why = format!("at most {DESCRIPTION} characters are shown");
            compiler.find(Code::E013, &format!("{field}/description"), why);
        }
    }
}

/// What can be shown at once, with numbers.
pub(super) const MOST: usize = 99;
/// Characters of a button.
const BUTTON: usize = 20;
/// Characters of a row.
const ROW: usize = 24;
/// Characters of the second line of a row.
const DESCRIPTION: usize = 72;

/// As what the options can be shown; `None` for numbers alone.
fn style(style: Style, choices: &[Choice]) -> Option<Style> {
    let fit = |count: usize, title: usize| {
        choices.len() <= count && choices.iter().all(|choice| choice.title.chars().count() <= title)
    };
    match style {
        Style::Buttons | Style::Auto if fit(3, BUTTON) => Some(Style::Buttons),
        Style::List | Style::Auto if fit(10, ROW) => Some(Style::List),
        _ => None,
    }
}
