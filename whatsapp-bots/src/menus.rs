//! Menus as what is sent: by the phone's own means where they work, else as numbered text.
use whatsapp_store::{Button, Content, ListRow, ListSection};

use crate::effect::{Choice, Menu, Style};

/// How an account shows menus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Menus {
    /// As numbered text, which every phone shows.
    #[default]
    Text,
    /// As buttons and lists, where the options fit.
    Native,
}

/// What stands on the button that opens a list: no word, since a bot may speak any language.
const OPENS: &str = "☰";

impl Menus {
    /// What is sent for a content, and the menu that may stand in its place.
    pub fn content(self, content: &Content, menu: Option<&Menu>) -> Content {
        match (self, menu) {
            (Self::Native, Some(menu)) => native(menu).unwrap_or_else(|| content.clone()),
            (Self::Native, None) => content.clone(),
            (Self::Text, _) => spelled(content).unwrap_or_else(|| content.clone()),
        }
    }
}

/// `None` where there are no such menus.
fn native(menu: &Menu) -> Option<Content> {
    let text = menu.text.clone();
    let content = match menu.style {
        Style::Buttons => {
            let button = |choice: &Choice| Button { id: choice.id.clone(), title: choice.title.clone() };
            Content::Buttons { text, footer: None, buttons: menu.options.iter().map(button).collect() }
        }
        Style::List => {
            let row = |choice: &Choice| ListRow {
                id: choice.id.clone(),
                title: choice.title.clone(),
                description: Some(choice.description.clone()).filter(|text| !text.is_empty()),
            };
            let rows = menu.options.iter().map(row).collect();
            let sections = vec![ListSection { title: None, rows }];
            Content::List { text, footer: None, button: OPENS.to_owned(), sections }
        }
        Style::Auto | Style::Numbers => return None,
    };
    // A placeholder may have left a title empty.
    content.sendable().is_ok().then_some(content)
}

/// Buttons or a list as a text, with numbers; `None` of anything else.
pub(crate) fn spelled(content: &Content) -> Option<Content> {
    let (text, footer, lines) = match content {
        Content::Buttons { text, footer, buttons } => {
            let lines = buttons.iter().map(|button| (button.title.as_str(), ""));
            (text, footer, lines.collect::<Vec<_>>())
        }
        Content::List { text, footer, sections, .. } => {
            let rows = sections.iter().flat_map(|section| &section.rows);
            let lines = rows.map(|row| (row.title.as_str(), row.description.as_deref().unwrap_or_default()));
            (text, footer, lines.collect())
        }
        _ => return None,
    };
    let mut text = numbered(text, lines);
    if let Some(footer) = footer {
        text.push_str("\n\n");
        text.push_str(footer);
    }
    Some(Content::Text { text })
}

/// A question with numbered lines below it, each of a title and what is said of it.
pub(crate) fn numbered<'a>(question: &str, lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = question.to_owned();
    for (place, (title, description)) in lines.into_iter().enumerate() {
        text.push_str(if place == 0 { "\n\n" } else { "\n" });
        text.push_str(&format!("{}. {title}", place + 1));
        if !description.is_empty() {
            text.push_str(&format!(" – {description}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(style: Style, titles: &[&str]) -> Menu {
        let choice = |(place, title): (usize, &&str)| Choice {
            id: format!("{place}"),
            title: (*title).to_owned(),
            description: if place == 0 { "first".to_owned() } else { String::new() },
        };
        Menu { text: "Which?".into(), style, options: titles.iter().enumerate().map(choice).collect() }
    }

    #[test]
    fn text_stays_text_unless_native_menus_are_asked_for() {
        let text = Content::text("Which?\n\n1. A");
        let menu = menu(Style::Buttons, &["A"]);
        assert_eq!(Menus::Text.content(&text, Some(&menu)), text);
        assert_eq!(Menus::Native.content(&text, None), text);
        assert!(matches!(Menus::Native.content(&text, Some(&menu)), Content::Buttons { .. }));
    }

    #[test]
    fn a_list_has_what_is_said_of_its_rows() {
        let text = Content::text("Which?");
        let Content::List { text, sections, button, .. } =
            Menus::Native.content(&text, Some(&menu(Style::List, &["A", "B"])))
        else {
            panic!("a list");
        };
        assert_eq!((&*text, &*button, sections.len()), ("Which?", "☰", 1));
        let told = |row: &ListRow| (row.id.clone(), row.title.clone(), row.description.clone());
        let rows: Vec<_> = sections[0].rows.iter().map(told).collect();
        let first = Some("first".to_owned());
        assert_eq!(rows, [("0".into(), "A".into(), first), ("1".into(), "B".into(), None)]);
    }

    #[test]
    fn what_could_not_be_sent_so_is_text() {
        let text = Content::text("Which?\n\n1. ");
        for style in [Style::Buttons, Style::List] {
            assert_eq!(Menus::Native.content(&text, Some(&menu(style, &["A", " "]))), text);
        }
    }

    #[test]
    fn buttons_and_lists_that_are_said_are_spelled_out() {
        let native = |style| native(&menu(style, &["A", "B"])).unwrap();
        let mut list = native(Style::List);
        if let Content::List { footer, .. } = &mut list {
            *footer = Some("small".into());
        }
        let spelled = |content: &Content| Menus::Text.content(content, None).as_text().unwrap().to_owned();
        assert_eq!(spelled(&native(Style::Buttons)), "Which?\n\n1. A\n2. B");
        assert_eq!(spelled(&list), "Which?\n\n1. A – first\n2. B\n\nsmall");
    }
}
