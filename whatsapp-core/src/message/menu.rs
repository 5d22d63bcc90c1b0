//! Conversion of buttons, lists and people's choices to protobuf and back.
use serde::Deserialize;
use whatsapp_store::{Button, Content, ListRow, ListSection, MenuKind};

use crate::{binary::Node, proto::message as proto};

/// Header of a text with buttons: none.
const NO_HEADER: i32 = 1;
/// A button that answers.
const ANSWERS: i32 = 1;
/// A list of which one row may be chosen.
const SINGLE_SELECT: i32 = 1;

/// A text with buttons.
pub(super) fn buttons(text: &str, footer: Option<&String>, buttons: &[Button]) -> proto::ButtonsMessage {
    let button = |button: &Button| proto::ButtonsButton {
        button_id: Some(button.id.clone()),
        button_text: Some(proto::ButtonText { display_text: Some(button.title.clone()) }),
        r#type: Some(ANSWERS),
    };
    proto::ButtonsMessage {
        content_text: Some(text.to_owned()),
        footer_text: footer.cloned(),
        buttons: buttons.iter().map(button).collect(),
        header_type: Some(NO_HEADER),
    }
}

/// A text with a list.
pub(super) fn list(
    text: &str,
    footer: Option<&String>,
    button: &str,
    sections: &[ListSection],
) -> proto::ListMessage {
    let row = |row: &ListRow| proto::ListRow {
        title: Some(row.title.clone()),
        description: row.description.clone(),
        row_id: Some(row.id.clone()),
    };
    let section = |section: &ListSection| proto::ListSection {
        title: section.title.clone(),
        rows: section.rows.iter().map(row).collect(),
    };
    proto::ListMessage {
        title: None,
        description: Some(text.to_owned()),
        button_text: Some(button.to_owned()),
        list_type: Some(SINGLE_SELECT),
        sections: sections.iter().map(section).collect(),
        footer_text: footer.cloned(),
    }
}

/// The menu of a message without envelopes, or a person's choice from one.
pub(super) fn from_proto(message: &proto::Message) -> Option<Content> {
    if let Some(buttons) = &message.buttons_message {
        return Some(of_buttons(buttons));
    }
    if let Some(list) = message.list_message.as_ref().filter(|list| list.list_type == Some(SINGLE_SELECT)) {
        return Some(of_list(list));
    }
    choice(message)
}

fn of_buttons(buttons: &proto::ButtonsMessage) -> Content {
    let title = |button: &proto::ButtonsButton| button.button_text.as_ref()?.display_text.clone();
    let button = |button: &proto::ButtonsButton| Button {
        id: button.button_id.clone().unwrap_or_default(),
        title: title(button).unwrap_or_default(),
    };
    Content::Buttons {
        text: buttons.content_text.clone().unwrap_or_default(),
        footer: told(&buttons.footer_text),
        buttons: buttons.buttons.iter().map(button).collect(),
    }
}

fn of_list(list: &proto::ListMessage) -> Content {
    let row = |row: &proto::ListRow| ListRow {
        id: row.row_id.clone().unwrap_or_default(),
        title: row.title.clone().unwrap_or_default(),
        description: told(&row.description),
    };
    let section = |section: &proto::ListSection| ListSection {
        title: told(&section.title),
        rows: section.rows.iter().map(row).collect(),
    };
    // Some senders use only the title, others both.
    let lines: Vec<&str> =
        [&list.title, &list.description].into_iter().flatten().map(String::as_str).collect();
    Content::List {
        text: lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"),
        footer: told(&list.footer_text),
        button: list.button_text.clone().unwrap_or_default(),
        sections: list.sections.iter().map(section).collect(),
    }
}

fn choice(message: &proto::Message) -> Option<Content> {
    if let Some(answer) = &message.buttons_response_message {
        return chosen(MenuKind::Buttons, &answer.selected_button_id, &answer.selected_display_text);
    }
    if let Some(answer) = &message.list_response_message {
        let row = answer.single_select_reply.as_ref()?;
        return chosen(MenuKind::List, &row.selected_row_id, &answer.title);
    }
    if let Some(answer) = &message.template_button_reply_message {
        return chosen(MenuKind::Buttons, &answer.selected_id, &answer.selected_display_text);
    }
    of_flow(message.interactive_response_message.as_ref()?)
}

fn chosen(of: MenuKind, id: &Option<String>, title: &Option<String>) -> Option<Content> {
    Some(Content::Choice { of, id: id.clone()?, title: title.clone().unwrap_or_default() })
}

/// Answers of native flows are JSON; those of buttons and rows have an `id`. Others, such as forms, have none.
fn of_flow(answer: &proto::InteractiveResponseMessage) -> Option<Content> {
    #[derive(Deserialize)]
    struct Params {
        id: String,
        #[serde(default)]
        title: Option<String>,
    }
    let flow = answer.native_flow_response_message.as_ref()?;
    let params: Params = serde_json::from_str(flow.params_json.as_deref()?).ok()?;
    let shown = answer.body.as_ref().and_then(|body| body.text.clone()).or(params.title);
    let of = match flow.name.as_deref() {
        Some("single_select" | "menu_options") => MenuKind::List,
        _ => MenuKind::Buttons,
    };
    Some(Content::Choice { of, id: params.id, title: shown.unwrap_or_default() })
}

fn told(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

/// The `biz` child of a stanza with a menu. It names the kind of menu, since the server cannot see it.
pub fn biz(message: &proto::Message) -> Option<Node> {
    let inside = if message.buttons_message.is_some() {
        Node::new("buttons")
    } else {
        message.list_message.as_ref()?;
        Node::new("list").attr("v", "2").attr("type", "single_select")
    };
    Some(Node::new("biz").child(inside))
}
