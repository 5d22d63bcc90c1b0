//! What is shown: texts, and media, which are sent as links.
use serde_json::Value as Json;

use super::{Block, Import};
use crate::{
    definition::Text,
    import::Code,
    nodes::{End, Goto, Kind},
};

impl<'j> Import<'j, '_> {
    pub(super) fn bubble(&mut self, block: &Block<'j>) {
        let text = self.rich(block.json, block);
        self.say_or_skip(block, text);
    }

    pub(super) fn link(&mut self, block: &Block<'j>) {
        let content = block.content("url").as_str().unwrap_or_default();
        // The reference does not say whose the video is in all versions; the address does.
        let url = match (content, block.content("id").as_str(), block.content("type").as_str()) {
            ("", Some(id), Some("youtube")) => format!("https://www.youtube.com/watch?v={id}"),
            ("", Some(id), Some("vimeo")) => format!("https://vimeo.com/{id}"),
            (url, ..) => url.to_owned(),
        };
        if url.is_empty() {
            return self.unknown(block, Code::I101, "it has no address");
        }
        let why = format!("`{}` is sent as a link; choose a file for it instead", block.kind);
        self.draft.note(Code::I201, &block.path, block.id, why);
        let text = self.template(&url, block);
        self.say_or_skip(block, text);
    }

    pub(super) fn redirect(&mut self, block: &Block<'j>) {
        let Some(url) = block.option("url").as_str().filter(|url| !url.is_empty()) else {
            return self.unknown(block, Code::I101, "it has no address");
        };
        let why = "nobody can be sent elsewhere from a chat; the address is sent as a link";
        self.draft.note(Code::I201, &block.path, block.id, why);
        let text = self.template(url, block);
        self.draft.say(block.id, Text::One(text), block.next.clone());
    }

    fn say_or_skip(&mut self, block: &Block<'j>, text: String) {
        if text.trim().is_empty() {
            let why = "an empty text is not sent";
            self.draft.note(Code::I201, &block.path, block.id, why);
            let kind = match &block.next {
                Some(next) => Kind::Goto(Goto { flow: None, node: Some(next.clone()) }),
                None => Kind::End(End::default()),
            };
            return self.draft.push(block.id, kind, Vec::new());
        }
        self.draft.say(block.id, Text::One(text), block.next.clone());
    }

    /// Says once for a block that it is not as it was.
    pub(super) fn differs(&mut self, block: &Block<'j>, why: &str) {
        self.draft.note(Code::I201, &block.path, block.id, why);
    }

    /// The name of the variable whose id stands in the options.
    pub(super) fn saved(&self, block: &Block<'j>) -> Option<String> {
        self.variables.of(block.option("variableId"))
    }

    /// An option that is a text with placeholders.
    pub(super) fn optional_text(&mut self, json: &Json, block: &Block<'j>) -> Option<String> {
        let source = json.as_str().filter(|source| !source.trim().is_empty())?;
        Some(self.template(source, block))
    }
}
