//! What starts flows: of all triggers that fit, in the order that is written at [`Trigger`](crate::definition::Trigger).
mod index;
pub mod kinds;
mod patterns;
mod unspaced;

use std::{cmp::Reverse, collections::HashMap};

use serde_json::Value as Json;

use self::{index::Index, patterns::Patterns, unspaced::Unspaced};
use crate::{expr::Check, fold, input::Message, parts::Matching, schedule::Schedule};

pub use self::kinds::On;

/// A trigger, compiled.
#[derive(Debug)]
pub(crate) struct TriggerPlan {
    pub(crate) id: String,
    pub(crate) flow: u32,
    pub(crate) params: Vec<(u16, Json)>,
    pub(crate) when: Option<Check>,
    pub(crate) cooldown: Option<u64>,
    /// What its messages are for, when nobody asked for them.
    pub(crate) scope: Option<String>,
    pub(crate) priority: i32,
    pub(crate) specificity: u8,
    pub(crate) on: Index,
}

/// How well a trigger fits a message, by the order that is written at [`Trigger`](crate::definition::Trigger): the greater, the better. The host that runs
/// several bots for one account gives the message to the bot with the greatest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    priority: i32,
    specificity: u8,
    /// Bytes of the words that were found.
    length: usize,
    has_condition: bool,
    id: Reverse<String>,
}

impl Fit {
    /// The trigger's id.
    pub fn trigger(&self) -> &str {
        &self.id.0
    }
}

/// What triggers are asked about.
pub(crate) enum Asked<'m> {
    Message { message: &'m Message, folded: &'m str, only_specific: bool },
    Event(&'m str),
    Schedule(&'m str),
}

/// All triggers of a bot, found by what they are about.
#[derive(Debug)]
pub(crate) struct Triggers {
    /// In the order of their ids.
    plans: Vec<TriggerPlan>,
    /// By how words have to occur, then by the words.
    words: [HashMap<String, Vec<u32>>; 3],
    /// The most words of one entry, for each.
    longest: [usize; 3],
    /// The same words, for texts in which words do not end at spaces.
    unspaced: Unspaced,
    payloads: HashMap<String, Vec<u32>>,
    events: HashMap<String, Vec<u32>>,
    patterns: Patterns,
    /// By pattern: the trigger.
    of_patterns: Vec<u32>,
    /// Those that each message is tried with.
    others: Vec<u32>,
}

const KINDS: [Matching; 3] = [Matching::Exact, Matching::StartsWith, Matching::Contains];

impl Triggers {
    pub(crate) fn new(mut plans: Vec<TriggerPlan>) -> Self {
        plans.sort_by(|one, other| one.id.cmp(&other.id));
        let mut this = Self {
            plans: Vec::new(),
            words: Default::default(),
            longest: [0; 3],
            unspaced: Unspaced::default(),
            payloads: HashMap::new(),
            events: HashMap::new(),
            patterns: Patterns::default(),
            of_patterns: Vec::new(),
            others: Vec::new(),
        };
        let mut patterns = Vec::new();
        for (place, plan) in plans.iter().enumerate() {
            let place = place as u32;
            match &plan.on {
                Index::Words(matching, words) => this.add_words(*matching, words, place),
                Index::Payloads(ids) => {
                    ids.iter().for_each(|id| this.payloads.entry(id.clone()).or_default().push(place));
                }
                Index::Event(name) => this.events.entry(name.clone()).or_default().push(place),
                Index::Pattern(regex) => {
                    patterns.push(regex.clone());
                    this.of_patterns.push(place);
                }
                Index::Schedule(_) => {}
                Index::Test { .. } => this.others.push(place),
            }
        }
        this.patterns = Patterns::new(patterns);
        this.unspaced = Unspaced::new(&this.words);
        this.plans = plans;
        this
    }

    fn add_words(&mut self, matching: Matching, words: &[String], place: u32) {
        let kind = kind(matching);
        for word in words {
            self.longest[kind] = self.longest[kind].max(word.split(' ').count());
            self.words[kind].entry(word.clone()).or_default().push(place);
        }
    }

    /// Those of times, in the order of their ids.
    pub(crate) fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.plans.iter().filter_map(|plan| match &plan.on {
            Index::Schedule(schedule) => Some(schedule),
            _ => None,
        })
    }

    /// What the messages of a trigger are for that nobody in the chat causes.
    pub(crate) fn scope(&self, id: &str) -> Option<&str> {
        let place = self.plans.binary_search_by(|plan| plan.id.as_str().cmp(id)).ok()?;
        self.plans[place].scope.as_deref()
    }

    pub(crate) fn plan(&self, place: u32) -> Option<&TriggerPlan> {
        self.plans.get(place as usize)
    }

    /// Those that fit, the first to take first, with the length of the words that were found.
    pub(crate) fn candidates(&self, asked: &Asked<'_>) -> Vec<(u32, usize)> {
        let mut found = Vec::new();
        match asked {
            Asked::Event(name) => {
                found.extend(self.events.get(*name).into_iter().flatten().map(|place| (*place, 0)));
            }
            Asked::Schedule(id) => {
                let place = self.plans.iter().position(|plan| plan.id == *id);
                let place = place.filter(|place| matches!(self.plans[*place].on, Index::Schedule(_)));
                found.extend(place.map(|place| (place as u32, 0)));
            }
            Asked::Message { message, folded, only_specific } => {
                self.of_message(message, folded, *only_specific, &mut found);
            }
        }
        if found.len() > 1 {
            // As `Fit`, without its allocation; the places are in the order of the ids.
            found.sort_by_key(|(place, length)| {
                let plan = &self.plans[*place as usize];
                (Reverse((plan.priority, plan.specificity, *length, plan.when.is_some())), *place)
            });
        }
        found
    }

    pub(crate) fn fit(&self, place: u32, length: usize) -> Option<Fit> {
        let plan = self.plan(place)?;
        Some(Fit {
            priority: plan.priority,
            specificity: plan.specificity,
            length,
            has_condition: plan.when.is_some(),
            id: Reverse(plan.id.clone()),
        })
    }

    fn of_message(
        &self,
        message: &Message,
        folded: &str,
        only_specific: bool,
        found: &mut Vec<(u32, usize)>,
    ) {
        if let Some(payload) = message.payload() {
            found.extend(self.payloads.get(payload).into_iter().flatten().map(|place| (*place, 0)));
        } else {
            self.of_words(folded, found);
            self.patterns
                .matches(message.seen(), |number| found.push((self.of_patterns[number as usize], 0)));
        }
        for place in &self.others {
            let fits = match &self.plans[*place as usize].on {
                Index::Test { fits, is_specific } => (*is_specific || !only_specific) && fits.fits(message),
                _ => false,
            };
            if fits {
                found.push((*place, 0));
            }
        }
    }

    fn of_words(&self, folded: &str, found: &mut Vec<(u32, usize)>) {
        let mut look = |kind: usize, words: &str| {
            let places = self.words[kind].get(words).into_iter().flatten();
            found.extend(places.map(|place| (*place, words.len())));
        };
        let [exact, starts, contains] = KINDS.map(kind);
        if folded.is_empty() {
            return;
        }
        look(exact, folded);
        if folded.chars().any(fold::needs_no_spaces) {
            return self.unspaced.find(folded, |kind, words| look(kind, words));
        }
        if self.longest[starts] > 0 {
            runs(folded, self.longest[starts]).for_each(|words| look(starts, words));
        }
        if self.longest[contains] > 0 {
            for place in word_starts(folded) {
                runs(&folded[place..], self.longest[contains]).for_each(|words| look(contains, words));
            }
        }
    }
}

fn kind(matching: Matching) -> usize {
    match matching {
        Matching::Exact => 0,
        Matching::StartsWith => 1,
        Matching::Contains => 2,
    }
}

fn word_starts(folded: &str) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(folded.match_indices(' ').map(|(place, _)| place + 1))
}

/// The first word, the first two, and so on.
fn runs(folded: &str, most: usize) -> impl Iterator<Item = &str> {
    let ends = folded.match_indices(' ').map(|(place, _)| place).chain([folded.len()]);
    ends.take(most).map(|end| &folded[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_words() {
        assert_eq!(runs("a bc d", 2).collect::<Vec<_>>(), ["a", "a bc"]);
        assert_eq!(runs("a", 9).collect::<Vec<_>>(), ["a"]);
        assert_eq!(word_starts("a bc d").collect::<Vec<_>>(), [0, 2, 5]);
    }
}
