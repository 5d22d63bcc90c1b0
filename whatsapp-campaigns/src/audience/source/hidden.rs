//! Which rows of a sheet nobody sees: hidden by hand, or by a filter. The library that reads workbooks does not say.
use std::{
    collections::BTreeSet,
    io::{BufReader, Read, Seek},
};

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use zip::ZipArchive;

/// Numbers of hidden rows, from 0. A workbook that cannot be read has none: reading it says what is wrong.
pub(super) fn rows<R: Read + Seek>(workbook: R, sheet: &str) -> BTreeSet<u32> {
    let Ok(mut archive) = ZipArchive::new(workbook) else { return BTreeSet::new() };
    let Some(path) = path(&mut archive, sheet) else { return BTreeSet::new() };
    let (mut hidden, mut next) = (BTreeSet::new(), 0);
    elements(&mut archive, &path, "row", |row| {
        let number = attribute(row, "r").and_then(|number| number.parse::<u32>().ok());
        let place = number.map_or(next, |number| number.saturating_sub(1));
        next = place.saturating_add(1);
        let is_hidden = attribute(row, "hidden").is_some_and(|value| value == "1" || value == "true");
        if is_hidden || attribute(row, "ht").is_some_and(|height| height.parse() == Ok(0.0)) {
            hidden.insert(place);
        }
    });
    hidden
}

/// The file of a sheet.
fn path<R: Read + Seek>(archive: &mut ZipArchive<R>, sheet: &str) -> Option<String> {
    let mut id = None;
    elements(archive, "xl/workbook.xml", "sheet", |element| {
        if attribute(element, "name").as_deref() == Some(sheet) {
            id = attribute(element, "id");
        }
    });
    let (id, mut target) = (id?, None);
    elements(archive, "xl/_rels/workbook.xml.rels", "Relationship", |element| {
        if attribute(element, "Id").as_deref() == Some(&id) {
            target = attribute(element, "Target");
        }
    });
    let target = target?;
    Some(target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned))
}

/// Looks at all elements of a name in a file.
fn elements<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    path: &str,
    name: &str,
    mut look: impl FnMut(&BytesStart<'_>),
) {
    let Ok(file) = archive.by_name(path) else { return };
    let mut reader = Reader::from_reader(BufReader::new(file));
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(element) | Event::Empty(element)) if element.local_name().as_ref() == name => {
                look(&element);
            }
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes().flatten();
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.into_owned())
}
