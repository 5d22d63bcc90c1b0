//! Which of many triggers a message fits: W5 of the study.
use std::{hint::black_box, time::Instant};

use serde_json::{Value as Json, json};
use whatsapp_bots::{Compiled, Definition, Message, State};

use super::twins::{ada, ctx};
use crate::storage::{
    Result,
    machine::{self, Cpu},
    table::{Table, count, median, or_none, quantile},
};

/// Texts, of which every second has something that fits.
const TEXTS: u32 = 2_000;
/// Characters of each.
const LENGTH: usize = 50;
const ROUNDS: usize = 20;
const PLAIN: [&str; 16] = [
    "please", "hello", "when", "does", "the", "order", "come", "to", "my", "street", "today", "with", "blue",
    "paper", "and", "thanks",
];
/// As people write in Brazil.
const ACCENTS: [&str; 16] = [
    "olá",
    "você",
    "não",
    "amanhã",
    "endereço",
    "quando",
    "chega",
    "pedido",
    "já",
    "é",
    "promoção",
    "com",
    "papel",
    "azul",
    "também",
    "obrigada",
];

/// How many triggers of each kind.
#[derive(Clone, Copy, Debug)]
struct Mix {
    name: &'static str,
    exact: u32,
    contains: u32,
    prefixes: u32,
    patterns: u32,
    /// What the texts are made of besides.
    words: &'static [&'static str; 16],
}

const MIXES: [Mix; 5] = [
    Mix { name: "exact words alone", exact: 10_000, contains: 0, prefixes: 0, patterns: 0, words: &PLAIN },
    Mix {
        name: "words and prefixes",
        exact: 4_000,
        contains: 3_500,
        prefixes: 2_500,
        patterns: 0,
        words: &PLAIN,
    },
    Mix {
        name: "the same and 100 patterns",
        exact: 4_000,
        contains: 3_400,
        prefixes: 2_500,
        patterns: 100,
        words: &PLAIN,
    },
    Mix {
        name: "W5: and 500 patterns",
        exact: 4_000,
        contains: 3_000,
        prefixes: 2_500,
        patterns: 500,
        words: &PLAIN,
    },
    Mix {
        name: "W5, texts with accents",
        exact: 4_000,
        contains: 3_000,
        prefixes: 2_500,
        patterns: 500,
        words: &ACCENTS,
    },
];

/// The n-th pattern, and a text that it matches and no other does.
fn pattern(n: u32) -> (String, String) {
    match n % 5 {
        0 => (format!(r"(?i)\bticket[ -]?{n}\b"), format!("Ticket-{n}")),
        1 => (format!(r"(?:order|pedido) #?\d+-{n}$"), format!("pedido #77-{n}")),
        2 => (format!(r"(?i)\b(?:where|when|what).{{0,20}}parcel {n}\b"), format!("Where is the parcel {n}")),
        3 => (format!(r"\b{n}\s?(?:kg|lb|units)\b"), format!("{n} kg")),
        _ => (format!(r"(?i)c[oó]digo\s*[:=]?\s*[a-z]{{2}}{n}$"), format!("código: ab{n}")),
    }
}

impl Mix {
    fn bot(self) -> Result<(Compiled, f64)> {
        let words =
            |matching: &str, word: String| json!({"keyword": {"words": [word], "matching": matching}});
        let mut on: Vec<Json> = Vec::new();
        on.extend((0..self.exact).map(|n| words("exact", format!("offer {n}"))));
        on.extend((0..self.contains).map(|n| words("contains", format!("item {n}"))));
        on.extend((0..self.prefixes).map(|n| words("startsWith", format!("start {n}"))));
        on.extend((0..self.patterns).map(|n| json!({"regex": pattern(n).0})));
        let triggers = on.into_iter().enumerate();
        let triggers: Vec<Json> = triggers
            .map(|(place, on)| json!({"id": format!("t{place}"), "on": on, "flow": "main"}))
            .collect();
        let definition = json!({
            "format": 1, "bot": {"id": "triggers", "language": "en"},
            "flows": [{"id": "main", "entry": "hi", "nodes": [
                {"id": "hi", "kind": "say", "config": {"text": "Hi."}, "exits": [{"id": "next"}]}]}],
            "triggers": triggers,
        });
        let definition = Definition::from_json(&definition.to_string())?;
        let begun = Instant::now();
        let bot = Compiled::new(&definition, 1)?;
        Ok((bot, begun.elapsed().as_secs_f64()))
    }

    /// The n-th text, and whether something fits it.
    fn text(self, number: u32) -> (String, bool) {
        let of = |most: u32| (most > 0).then(|| number / 8 * 7 % most.max(1));
        let fitting = match number % 8 {
            0 => of(self.contains).map(|n| format!("item {n}")),
            2 => of(self.prefixes).map(|n| format!("start {n}")),
            4 => of(self.patterns).map(|n| pattern(n).1),
            // Only punctuation may stand beside words that have to be all of a text.
            6 => of(self.exact).map(|n| format!("offer {n:!<LENGTH$}").chars().take(LENGTH).collect()),
            _ => None,
        };
        let (fits, leads) = (fitting.is_some(), number % 8 == 2);
        let mut text = fitting.unwrap_or_default();
        let mut place = number as usize;
        while text.chars().count() < LENGTH {
            let word = self.words[place % self.words.len()];
            text = if leads { format!("{text} {word}") } else { format!("{word} {text}") };
            place = place / 3 + 1 + place % 7;
        }
        let more = text.chars().count() - LENGTH;
        let text: String =
            if leads { text.chars().take(LENGTH).collect() } else { text.chars().skip(more).collect() };
        (text, fits)
    }
}

pub(super) fn all() -> Result<Table> {
    let mut table = Table::new(&[
        "triggers: 10,000",
        "fitting",
        "p50 µs",
        "p99 µs",
        "most µs",
        "texts/s",
        "CPU s",
        "built ms",
        "load",
    ]);
    for mix in MIXES {
        table.lines.push(line(mix)?);
    }
    table.notes.push(format!(
        "{} texts of {LENGTH} characters, each asked {ROUNDS} times, one by one, the clock's own time included; half of them fit where \
         there is something of their kind.\nNo text has more than one trigger, and none has a condition.",
        count(f64::from(TEXTS))
    ));
    Ok(table)
}

fn line(mix: Mix) -> Result<Vec<String>> {
    let (bot, built) = mix.bot()?;
    let texts: Vec<(Message, bool)> = (0..TEXTS)
        .map(|number| {
            let (text, fits) = mix.text(number);
            (Message::text(text), fits)
        })
        .collect();
    let (contact, state) = (ada(), State::default());
    // This warms up, too.
    for (message, fits) in &texts {
        if bot.fit(&state, message, &ctx(&contact)).is_some() != *fits {
            return Err(format!("{}: {:?} fits otherwise than expected", mix.name, message.text).into());
        }
    }
    let (cpu, begun, mut times) = (Cpu::now(), Instant::now(), Vec::new());
    for _ in 0..ROUNDS {
        for (message, _) in &texts {
            let one = Instant::now();
            black_box(bot.fit(&state, black_box(message), &ctx(&contact)));
            times.push(one.elapsed().as_nanos() as f64 / 1e3);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let fitting = texts.iter().filter(|(_, fits)| *fits).count();
    Ok(vec![
        mix.name.to_owned(),
        format!("{}%", fitting * 100 / texts.len()),
        format!("{:.2}", median(&times)),
        format!("{:.2}", quantile(&times, 0.99)),
        format!("{:.0}", quantile(&times, 1.0)),
        count(times.len() as f64 / seconds),
        format!("{:.2}", cpu.since().here),
        format!("{:.0}", built * 1e3),
        or_none(machine::load()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_they_say_and_fit_one_trigger_at_most() {
        for mix in MIXES {
            let few = Mix {
                exact: mix.exact / 100,
                contains: mix.contains / 100,
                prefixes: mix.prefixes / 100,
                patterns: mix.patterns / 10,
                ..mix
            };
            let (bot, _) = few.bot().unwrap();
            for number in 0..200 {
                let (text, fits) = few.text(number);
                assert_eq!(text.chars().count(), LENGTH);
                let found = bot.fit(&State::default(), &Message::text(&text), &ctx(&ada()));
                assert_eq!(found.is_some(), fits, "{}: {text}", mix.name);
            }
        }
    }
}
