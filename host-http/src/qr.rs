//! QR codes as pictures and as blocks for a terminal.
use fast_qr::{QRBuilder, QRCode};

use crate::error::ApiError;

/// Pixels per module of a picture.
const SCALE: usize = 6;
/// Light modules around the code.
const QUIET: usize = 4;

fn encode(text: &str) -> Result<QRCode, ApiError> {
    QRBuilder::new(text).build().map_err(|_| ApiError::internal("the code does not fit a QR code"))
}

/// For a terminal with light text on a dark ground: two modules per character.
///
/// # Errors
/// When the text is too long.
pub fn terminal(text: &str) -> Result<String, ApiError> {
    let code = encode(text)?;
    let side = code.size + 2 * QUIET;
    let mut out = String::new();
    for row in (0..side).step_by(2) {
        for column in 0..side {
            let (upper, lower) = (is_dark(&code, column, row), is_dark(&code, column, row + 1));
            out.push(match (upper, lower) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        out.push('\n');
    }
    Ok(out)
}

/// A black and white PNG.
///
/// # Errors
/// When the text is too long.
pub fn png(text: &str) -> Result<Vec<u8>, ApiError> {
    let code = encode(text)?;
    let side = (code.size + 2 * QUIET) * SCALE;
    let light = |index: usize| !is_dark(&code, index % side / SCALE, index / side / SCALE);
    let pixels: Vec<u8> = (0..side * side).map(|index| if light(index) { 0xff } else { 0 }).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|_| ApiError::internal("the QR code could not be drawn"))?;
    Ok(out)
}

fn is_dark(code: &QRCode, column: usize, row: usize) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.size);
    match (inside(column), inside(row)) {
        (Some(column), Some(row)) => code[row][column].value(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_show_the_same_code() {
        let text = "https://wa.me/settings/linked_devices#2@abc,def,ghi,jkl,1";
        let picture = png(text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let side = info.width as usize;
        let lines: Vec<Vec<char>> =
            terminal(text).unwrap().lines().map(|line| line.chars().collect()).collect();
        for (y, line) in lines.iter().enumerate() {
            for (x, block) in line.iter().enumerate() {
                let pixel = |row: usize| pixels.get((row * side + x) * SCALE).copied();
                let light = |row: usize| pixel(row).is_none_or(|value| value == 0xff);
                let expected = match (light(2 * y), light(2 * y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                };
                assert_eq!(*block, expected, "{x} {y}");
            }
        }
        assert!(png(&"x".repeat(8000)).is_err());
    }
}
