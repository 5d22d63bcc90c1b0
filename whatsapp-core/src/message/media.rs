//! Files that people send: described, and where their bytes are.
use std::fmt;

use bytes::Bytes;
use whatsapp_store::{Content, MediaKind, MediaRef};

use crate::proto::{message as proto, record};

/// A file of a message.
pub struct Media {
    /// The part that people see.
    pub content: Content,
    /// The location of its bytes, and their keys. Its secret is a [`record::MediaKeys`].
    pub file: MediaRef,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Fields that all kinds of files have, under different numbers.
struct Fields<'a> {
    kind: MediaKind,
    mime: &'a Option<String>,
    size: Option<u64>,
    name: Option<&'a String>,
    caption: Option<&'a String>,
    seconds: Option<u32>,
    path: &'a Option<String>,
    key: &'a Option<Bytes>,
    hash: &'a Option<Bytes>,
    encrypted_hash: &'a Option<Bytes>,
}

/// The file of a message without envelopes, if it is one.
pub fn from_proto(message: &proto::Message) -> Option<Media> {
    fields(message).map(Fields::described)
}

fn fields(message: &proto::Message) -> Option<Fields<'_>> {
    if let Some(image) = &message.image_message {
        return Some(of_image(image));
    }
    if let Some(video) = message.video_message.as_ref().or(message.ptv_message.as_ref()) {
        return Some(of_video(video));
    }
    if let Some(audio) = &message.audio_message {
        return Some(of_audio(audio));
    }
    if let Some(document) = &message.document_message {
        return Some(of_document(document));
    }
    message.sticker_message.as_ref().map(of_sticker)
}

fn of_image(image: &proto::ImageMessage) -> Fields<'_> {
    Fields {
        kind: MediaKind::Image,
        mime: &image.mimetype,
        size: image.file_length,
        name: None,
        caption: image.caption.as_ref(),
        seconds: None,
        path: &image.direct_path,
        key: &image.media_key,
        hash: &image.file_sha256,
        encrypted_hash: &image.file_enc_sha256,
    }
}

fn of_video(video: &proto::VideoMessage) -> Fields<'_> {
    Fields {
        kind: MediaKind::Video,
        mime: &video.mimetype,
        size: video.file_length,
        name: None,
        caption: video.caption.as_ref(),
        seconds: video.seconds,
        path: &video.direct_path,
        key: &video.media_key,
        hash: &video.file_sha256,
        encrypted_hash: &video.file_enc_sha256,
    }
}

fn of_audio(audio: &proto::AudioMessage) -> Fields<'_> {
    Fields {
        kind: if audio.ptt == Some(true) { MediaKind::Voice } else { MediaKind::Audio },
        mime: &audio.mimetype,
        size: audio.file_length,
        name: None,
        caption: None,
        seconds: audio.seconds,
        path: &audio.direct_path,
        key: &audio.media_key,
        hash: &audio.file_sha256,
        encrypted_hash: &audio.file_enc_sha256,
    }
}

fn of_document(document: &proto::DocumentMessage) -> Fields<'_> {
    Fields {
        kind: MediaKind::Document,
        mime: &document.mimetype,
        size: document.file_length,
        name: document.file_name.as_ref().or(document.title.as_ref()),
        caption: document.caption.as_ref(),
        seconds: None,
        path: &document.direct_path,
        key: &document.media_key,
        hash: &document.file_sha256,
        encrypted_hash: &document.file_enc_sha256,
    }
}

fn of_sticker(sticker: &proto::StickerMessage) -> Fields<'_> {
    Fields {
        kind: MediaKind::Sticker,
        mime: &sticker.mimetype,
        size: sticker.file_length,
        name: None,
        caption: None,
        seconds: None,
        path: &sticker.direct_path,
        key: &sticker.media_key,
        hash: &sticker.file_sha256,
        encrypted_hash: &sticker.file_enc_sha256,
    }
}

impl Fields<'_> {
    fn described(self) -> Media {
        let told = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        let (mime, size) = (self.mime.clone().unwrap_or_default(), self.size.unwrap_or_default());
        let (name, caption) = (told(self.name), told(self.caption));
        let bytes = |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| bytes.to_vec()).unwrap_or_default();
        let keys = record::MediaKeys {
            key: bytes(self.key),
            file_hash: bytes(self.hash),
            encrypted_hash: bytes(self.encrypted_hash),
        };
        let file = MediaRef {
            mime: mime.clone(),
            size,
            name: name.clone(),
            place: self.path.clone().unwrap_or_default(),
            secret: crate::crypto::encode_secret(&keys),
        };
        let content = Content::Media { kind: self.kind, mime, size, name, caption, seconds: self.seconds };
        Media { content, file }
    }
}
