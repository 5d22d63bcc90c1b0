//! People in memory, found by either address.
use std::collections::{BTreeSet, HashMap};

use whatsapp_store::{Change, PersonAddress, PersonRecord};

use super::Person;
use crate::{error::Error, jid::Jid};

/// A borrowed [`PersonAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressRef<'a> {
    Pn(&'a str),
    Lid(&'a str),
}

impl<'a> AddressRef<'a> {
    /// The person that an address names, if any.
    pub(super) fn of_jid(jid: &'a Jid) -> Option<Self> {
        match jid.user.as_str() {
            "" => None,
            user if jid.is_pn() => Some(Self::Pn(user)),
            user if jid.is_lid() => Some(Self::Lid(user)),
            _ => None,
        }
    }

    pub(super) fn to_owned(self) -> PersonAddress {
        match self {
            Self::Pn(pn) => PersonAddress::Pn(pn.to_owned()),
            Self::Lid(lid) => PersonAddress::Lid(lid.to_owned()),
        }
    }
}

impl<'a> From<&'a PersonAddress> for AddressRef<'a> {
    fn from(address: &'a PersonAddress) -> Self {
        match address {
            PersonAddress::Pn(pn) => Self::Pn(pn),
            PersonAddress::Lid(lid) => Self::Lid(lid),
        }
    }
}

type Number = u64;

/// A person unknown to the store has one address.
#[derive(Debug)]
pub(super) struct People {
    by_pn: HashMap<String, Number>,
    by_lid: HashMap<String, Number>,
    people: HashMap<Number, Entry>,
    /// People with changes that the store does not have yet.
    changed: BTreeSet<Number>,
    next: Number,
    capacity: usize,
    /// Counts the times that the young half was full.
    generation: u32,
    /// People used in this generation.
    young: usize,
}

#[derive(Debug)]
struct Entry {
    person: Person,
    used: u32,
}

impl People {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            by_pn: HashMap::new(),
            by_lid: HashMap::new(),
            people: HashMap::new(),
            changed: BTreeSet::new(),
            next: 0,
            capacity,
            generation: 0,
            young: 0,
        }
    }

    fn number(&self, address: AddressRef<'_>) -> Option<Number> {
        match address {
            AddressRef::Pn(pn) => self.by_pn.get(pn),
            AddressRef::Lid(lid) => self.by_lid.get(lid),
        }
        .copied()
    }

    /// Is that person known? Then it counts as used.
    pub(super) fn touch(&mut self, address: AddressRef<'_>) -> bool {
        let Some(number) = self.number(address) else { return false };
        if let Some(entry) = self.people.get_mut(&number)
            && entry.used != self.generation
        {
            entry.used = self.generation;
            self.young += 1;
        }
        true
    }

    pub(super) fn get(&self, address: AddressRef<'_>) -> Option<&Person> {
        self.people.get(&self.number(address)?).map(|entry| &entry.person)
    }

    pub(super) fn edit(&mut self, address: AddressRef<'_>, edit: impl FnOnce(&mut Person)) {
        let Some(number) = self.number(address) else { return };
        let Some(entry) = self.people.get_mut(&number) else { return };
        let before = entry.person.clone();
        edit(&mut entry.person);
        // Only joining people changes addresses.
        (entry.person.pn, entry.person.lid) = (before.pn.clone(), before.lid.clone());
        if entry.person != before {
            self.changed.insert(number);
        }
    }

    /// Takes in an answer. A known address keeps its person. So does the other address that a record names: the
    /// record is then older than memory, and the address that was asked for is alone.
    pub(super) fn answer(
        &mut self,
        address: PersonAddress,
        record: Option<PersonRecord>,
    ) -> Result<(), Error> {
        if self.number((&address).into()).is_some() {
            return Ok(());
        }
        let stored = record.map(Person::from_record).transpose()?;
        let is_older = |person: &Person| {
            person.pn.as_deref().is_some_and(|pn| self.by_pn.contains_key(pn))
                || person.lid.as_deref().is_some_and(|lid| self.by_lid.contains_key(lid))
        };
        let person = match stored {
            Some(person) if !is_older(&person) => person,
            _ => alone(address),
        };
        self.insert(person);
        Ok(())
    }

    fn insert(&mut self, person: Person) -> Number {
        let number = self.next;
        self.next += 1;
        if let Some(pn) = &person.pn {
            self.by_pn.insert(pn.clone(), number);
        }
        if let Some(lid) = &person.lid {
            self.by_lid.insert(lid.clone(), number);
        }
        self.young += 1;
        self.people.insert(number, Entry { person, used: self.generation });
        number
    }

    /// Joins two addresses, both known, into one person. The LID keeps its data. From the number it gets what it lacks,
    /// unless that number belonged to another LID.
    pub(super) fn join(&mut self, pn: &str, lid: &str) {
        let (Some(by_pn), Some(by_lid)) = (self.by_pn.get(pn).copied(), self.by_lid.get(lid).copied()) else {
            return;
        };
        if by_pn == by_lid {
            return;
        }
        let (Some(former), Some(kept)) = (self.people.remove(&by_pn), self.people.remove(&by_lid)) else {
            return;
        };
        self.changed.remove(&by_pn);
        self.changed.remove(&by_lid);
        let (mut former, mut person) = (former.person, kept.person);
        if let Some(number) = person.pn.take() {
            // The person has a new number. The old one stays known, and with it the key that is expected behind it.
            let left = Person { pn: Some(number), identity: person.identity, ..Person::default() };
            let left = self.insert(left);
            self.changed.insert(left);
        }
        if former.lid.is_some() {
            // The key that was pinned to the number is expected of its new person, until another one is seen.
            person.identity = person.identity.or(former.identity);
            former.pn = None;
            self.by_pn.remove(pn);
            let number = self.insert(former);
            self.changed.insert(number);
        } else {
            person.absorb(former);
        }
        person.pn = Some(pn.to_owned());
        let number = self.insert(person);
        self.changed.insert(number);
    }

    /// Returns the changed people, and drops those that were not used lately.
    pub(super) fn commit(&mut self, mut change: impl FnMut(Change)) {
        for number in std::mem::take(&mut self.changed) {
            if let Some(entry) = self.people.get(&number) {
                change(Change::PutPerson(entry.person.to_record()));
            }
        }
        self.age();
    }

    fn age(&mut self) {
        if self.young < self.capacity {
            return;
        }
        let current = self.generation;
        for (_, entry) in self.people.extract_if(|_, entry| entry.used != current) {
            if let Some(pn) = &entry.person.pn {
                self.by_pn.remove(pn);
            }
            if let Some(lid) = &entry.person.lid {
                self.by_lid.remove(lid);
            }
        }
        self.generation = current.wrapping_add(1);
        self.young = 0;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }
}

fn alone(address: PersonAddress) -> Person {
    match address {
        PersonAddress::Pn(pn) => Person { pn: Some(pn), ..Person::default() },
        PersonAddress::Lid(lid) => Person { lid: Some(lid), ..Person::default() },
    }
}
