use proptest::prelude::*;
use whatsapp_campaigns::audience::Reason;

use super::*;

/// Ways to write one of a few numbers, and what is none.
fn phone() -> impl Strategy<Value = (String, Option<String>)> {
    let shape = |(number, shape): (u32, u32)| {
        let known = Some(format!("491512345{number:04}"));
        let national = format!("1512345{number:04}");
        match shape {
            0 => (format!("+49 {national}"), known),
            1 => (format!("0049{national}"), known),
            2 => (format!("0{}/{}", &national[..3], &national[3..]), known),
            3 => (format!("49-{national}"), known),
            4 => (format!("'0{national}"), known),
            5 => (format!("0{national}x"), None),
            _ => (String::new(), None),
        }
    };
    (0..40_u32, 0..7_u32).prop_map(shape)
}

/// Bytes that have to do with CSV.
fn csv_bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"phone",
        b"name",
        b",",
        b";",
        b"\t",
        b"\"",
        b"\"\"",
        b"\n",
        b"\r\n",
        b"\r",
        b"sep=;",
        b"+49 151 23456789",
        b"015123456780",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\0",
        b"\xfc",
        b"\xc3\xbc",
        b"\xc3",
        b"Ada",
        b" ",
        b"\x81",
    ];
    let csv = prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat());
    prop_oneof![csv, prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn of_any_bytes_every_row_has_one_fate(bytes in csv_bytes(), begins in any::<bool>()) {
        let start: &[u8] = if begins { b"phone,name\n" } else { b"" };
        match freeze_csv(&[start, &bytes].concat()) {
            // `freeze_csv` has compared the numbers of rows.
            Ok(frozen) => {
                // Values may have ends of lines in them.
                let listed = frozen.report.refused.total() as usize;
                prop_assert!(frozen.lines().len() >= listed);
                let addresses = frozen.addresses();
                prop_assert_eq!(addresses.iter().collect::<HashSet<_>>().len(), addresses.len());
            }
            Err(AudienceError::File(why)) => prop_assert!(!why.to_string().is_empty()),
            Err(AudienceError::NoColumn { .. }) => prop_assert!(!begins),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn duplicates_are_as_a_set_has_them(
        rows in prop::collection::vec(phone(), 0..80),
        suppressed in prop::collection::hash_set(0..40_u32, 0..10),
    ) {
        let suppressed: HashSet<_> = suppressed.into_iter().map(|number| format!("491512345{number:04}")).collect();
        let (mut seen, mut wanted) = (HashSet::new(), BTreeMap::new());
        let (mut duplicates, mut kept_out, mut invalid) = (0, 0, 0);
        for (line, (_, known)) in (2..).zip(&rows) {
            match known {
                None => invalid += 1,
                Some(address) if !seen.insert(address.clone()) => duplicates += 1,
                Some(address) if suppressed.contains(address) => kept_out += 1,
                Some(address) => {
                    wanted.insert(address.clone(), line.to_string());
                }
            }
        }
        let lines: String = (2..).zip(&rows).map(|(line, (raw, _))| format!("{raw},{line}\n")).collect();
        let text = format!("phone,name\n{lines}");
        let lists = Lists { suppressed, ..Lists::default() };
        let frozen = freeze_with(CsvSource::new(text.as_bytes()), mapping(), &|_| 0, &lists).unwrap();
        let names = frozen.rows().into_iter().map(|(address, row)| (address, row["name"].clone()));
        prop_assert_eq!(names.collect::<BTreeMap<_, _>>(), wanted, "the first row of each");
        let refused = &frozen.report.refused;
        prop_assert_eq!(frozen.report.rows, rows.len() as u64);
        prop_assert_eq!(refused.of(Reason::Duplicate), duplicates);
        prop_assert_eq!(refused.of(Reason::Suppressed), kept_out);
        prop_assert_eq!(refused.count(|reason| matches!(reason, Reason::InvalidNumber(_))), invalid);
        prop_assert_eq!(frozen.lines().len() as u64, duplicates + kept_out + invalid);
    }
}
