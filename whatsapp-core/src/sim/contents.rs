//! What simulated people write besides text: any content, files whose bytes nobody has, and taps on menus.
use bytes::Bytes;
use rand::{RngExt, rngs::StdRng};
use whatsapp_store::{Content, MediaKind, MenuKind};

use super::network::{Network, SimError};
use crate::{
    jid::Jid,
    message::content,
    proto::message::{self as proto, Message},
    time::Timestamp,
};

impl Network {
    /// Writes as somebody, from their phone, to a number, a LID or a group; gives the message's id. A file is described
    /// alone: it has a place and keys, and its bytes are nowhere.
    ///
    /// # Errors
    /// When one of the two has no account, or the person is not in that group, or the content is none that somebody writes.
    pub fn send_content_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        to: &Jid,
        content: &Content,
    ) -> Result<String, SimError> {
        let person = self.person(phone)?;
        let message = match content {
            Content::Media { .. } => file(content, &mut self.rng),
            other => content::to_proto(other, &mut self.rng)?,
        };
        self.write_message(now, person, to, message)
    }

    /// Taps on a button or a row of a menu that a phone shows, by the ids of the message and the choice; gives the id of the
    /// answer.
    ///
    /// # Errors
    /// When nobody has that number, or the phone shows no such menu, or the menu has no such choice.
    pub fn tap(&mut self, now: Timestamp, phone: &str, menu: &str, choice: &str) -> Result<String, SimError> {
        let person = self.person(phone)?;
        let shown = self.accounts.people[person].phone.inbox.messages.iter();
        let shown = shown.rev().find(|shown| shown.id == menu && !shown.from_me);
        let shown = shown.ok_or_else(|| SimError::UnknownMenu(menu.to_owned()))?;
        let context =
            proto::ContextInfo { stanza_id: Some(menu.to_owned()), participant: Some(shown.sender.clone()) };
        let to = shown.chat.parse().map_err(|_| SimError::UnknownMenu(menu.to_owned()))?;
        let (of, title, description) = titles(&shown.content, choice)?;
        let message = answer(of, choice, title, description, context);
        self.write_message(now, person, &to, message)
    }
}

/// What stands on a choice of a menu, and below it.
fn titles<'a>(menu: &'a Content, choice: &str) -> Result<(MenuKind, &'a str, Option<&'a String>), SimError> {
    let found = match menu {
        Content::Buttons { buttons, .. } => {
            let button = buttons.iter().find(|button| button.id == choice);
            button.map(|button| (MenuKind::Buttons, button.title.as_str(), None))
        }
        Content::List { sections, .. } => {
            let row = sections.iter().flat_map(|section| &section.rows).find(|row| row.id == choice);
            row.map(|row| (MenuKind::List, row.title.as_str(), row.description.as_ref()))
        }
        other => return Err(SimError::UnknownMenu(format!("a {}", other.type_name()))),
    };
    found.ok_or_else(|| SimError::UnknownChoice(choice.to_owned()))
}

fn answer(
    of: MenuKind,
    id: &str,
    title: &str,
    description: Option<&String>,
    context: proto::ContextInfo,
) -> Message {
    let mut message = Message::default();
    if of == MenuKind::List {
        message.list_response_message = Some(proto::ListResponseMessage {
            title: Some(title.to_owned()),
            list_type: Some(1),
            single_select_reply: Some(proto::SingleSelectReply { selected_row_id: Some(id.to_owned()) }),
            context_info: Some(context),
            description: description.cloned(),
        });
    } else {
        message.buttons_response_message = Some(proto::ButtonsResponseMessage {
            selected_button_id: Some(id.to_owned()),
            selected_display_text: Some(title.to_owned()),
            context_info: Some(context),
            r#type: Some(1),
        });
    }
    message
}

/// A file that is nowhere: place and keys are made up.
fn file(content: &Content, rng: &mut StdRng) -> Message {
    let mut message = Message::default();
    let Content::Media { kind, mime, size, name, caption, seconds } = content else { return message };
    let mut bytes = || Some(Bytes::copy_from_slice(&rng.random::<[u8; 32]>()));
    let (media_key, file_sha256, file_enc_sha256) = (bytes(), bytes(), bytes());
    let direct_path = Some(format!("/v/t62.7118-24/simulated_{:08x}.enc", rng.random::<u32>()));
    let (mimetype, file_length, caption, seconds) =
        (Some(mime.clone()), Some(*size), caption.clone(), *seconds);
    let context_info = None;
    match kind {
        MediaKind::Image => {
            message.image_message = Some(proto::ImageMessage {
                mimetype,
                caption,
                file_sha256,
                file_length,
                media_key,
                file_enc_sha256,
                direct_path,
                context_info,
            });
        }
        MediaKind::Video => {
            message.video_message = Some(proto::VideoMessage {
                mimetype,
                file_sha256,
                file_length,
                seconds,
                media_key,
                caption,
                file_enc_sha256,
                direct_path,
                context_info,
            });
        }
        MediaKind::Audio | MediaKind::Voice => {
            message.audio_message = Some(proto::AudioMessage {
                mimetype,
                file_sha256,
                file_length,
                seconds,
                ptt: Some(*kind == MediaKind::Voice),
                media_key,
                file_enc_sha256,
                direct_path,
                context_info,
            });
        }
        MediaKind::Sticker => {
            message.sticker_message = Some(proto::StickerMessage {
                file_sha256,
                file_enc_sha256,
                media_key,
                mimetype,
                direct_path,
                file_length,
                context_info,
            });
        }
        // Phones send a document with a caption in an envelope of its own.
        _ => {
            let document = proto::DocumentMessage {
                mimetype,
                title: name.clone(),
                file_sha256,
                file_length,
                media_key,
                file_name: name.clone(),
                file_enc_sha256,
                direct_path,
                context_info,
                caption,
            };
            let inner = Message { document_message: Some(document), ..Message::default() };
            let wrapped = proto::Wrapped { message: Some(Box::new(inner)) };
            message.document_with_caption_message = Some(Box::new(wrapped));
        }
    }
    message
}
