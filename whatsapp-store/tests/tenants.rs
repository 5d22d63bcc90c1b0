//! Checks every SQL text in the source: no statement reads a tenant's rows without naming the tenant.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Tables that belong to no tenant.
const COMMON: [(&str, &str); 2] = [
    ("vault_key", "the ids of keys, which are the whole database's"),
    ("consumer", "the host's own consumers of events, which pass them on per workspace"),
];

/// Tables without a workspace column, and the columns that every statement must use instead: numbers of rows that were
/// found by their workspace before.
const BY_NUMBER: &[(&str, &[&str])] = &[
    ("campaign_lane", &["campaign", "key"]),
    ("campaign_audience", &["id"]),
    ("campaign_recipient", &["id"]),
    ("campaign_lease", &["campaign", "lane"]),
    ("campaign_retry", &["campaign", "lane"]),
    ("campaign_counter", &["campaign"]),
    ("campaign_minute", &["campaign"]),
    ("campaign_flag", &["campaign"]),
];

/// Statements, or parts of them, that need no workspace, with the reason. A semicolon marks the end of the text.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("<> $2 LIMIT $3", "resealing: the keys are the whole database's, and values do not leave it"),
    ("FROM event WHERE (tx, number) > ($1, $2)", "the host's consumers of events pass them on per workspace"),
    ("FROM event WHERE tx = $1 AND number > $2", "as above, in SQLite"),
    (
        "SELECT 1 FROM event WHERE (tx, number) >= ($1, $2)",
        "whether a position was reached; tells nothing of any event",
    ),
    ("SELECT 1 FROM event WHERE tx = $1 AND number >= $2", "as above, in SQLite"),
    ("SELECT tx, number FROM event", "where those consumers start; tells nothing of any event"),
    ("DELETE FROM event WHERE at < $1", "what all of those consumers have passed"),
    ("FROM session ORDER BY created_at, workspace, account", "the sessions that a host starts with"),
    ("SELECT workspace, id FROM campaign WHERE state", "the campaigns that a host goes on with"),
    ("SELECT MIN(workspace) FROM contacted", "which workspaces have notes to be trimmed"),
    ("message_words w CROSS JOIN message m ON m.number = w.rowid;", "`page!` puts the workspace behind it"),
    ("WHERE campaign;", "`of_campaign!` puts the campaign behind it, found by its workspace"),
    ("WHERE lane.campaign;", "as above"),
    ("FROM campaign_audience WHERE;", "a range of numbers is put behind it, found by the workspace"),
    ("UPDATE campaign_recipient SET prior =;", "goes by a list of numbers at its end"),
    (
        "FROM webhook_endpoint e WHERE e.enabled = 1",
        "a worker serves the endpoints of all workspaces in turn",
    ),
    (
        "UPDATE webhook_delivery SET claimed = 1, token",
        "rows that the same claim has chosen by their workspace",
    ),
    ("UPDATE lease SET until = $3 FROM unnest($4", "one node's leases, each by its workspace and name"),
    ("SELECT workspace FROM conversation WHERE due_at <= $1", "which workspaces have something to do"),
    (
        "SELECT workspace FROM api_key WHERE hash = $3",
        "no two workspaces have one key; tells whether, not whose",
    ),
    ("SELECT workspace FROM reset_token WHERE hash = $3", "as above"),
    ("FROM member WHERE;", "given the workspace, or the e-mail address that the workspace is looked up by"),
    ("FROM api_key WHERE;", "given the workspace, or the hash of a key that the workspace is looked up by"),
    ("FROM workspace WHERE (created_at, workspace) > ($1, $2)", "the list of workspaces itself"),
    ("DELETE FROM reset_token WHERE hash = $1", "whoever has the token is who it is for"),
    ("UPDATE webhook_endpoint SET turn = 1 +", "endpoints that the same claim has chosen"),
];

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// The tables that migrations make, and whether they have a workspace.
fn tables() -> BTreeMap<String, bool> {
    let mut tables = BTreeMap::new();
    for path in files(&folder("migrations"), "sql") {
        let text = fs::read_to_string(path).unwrap();
        for table in text.split("CREATE TABLE ").skip(1) {
            let (name, rest) = table.split_once('(').unwrap();
            let columns = rest.split("\n)").next().unwrap();
            let has_workspace = columns.lines().any(|line| line.trim_start().starts_with("workspace "));
            let before = tables.insert(name.trim().to_owned(), has_workspace);
            assert!(
                before.is_none_or(|before| before == has_workspace),
                "{name} differs between the databases"
            );
        }
    }
    tables
}

/// One text of the source, its spaces and line breaks as single spaces.
#[derive(Debug)]
struct Literal {
    place: String,
    text: String,
}

/// All string literals of a file, without its tests.
fn literals(path: &Path) -> Vec<Literal> {
    let source = fs::read_to_string(path).unwrap();
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let name = path.strip_prefix(folder("src")).unwrap().display().to_string();
    let (mut all, mut rest, mut line) = (Vec::new(), source, 1);
    while let Some((skipped, text, after)) = next_literal(rest) {
        line += skipped.matches('\n').count();
        let words: Vec<_> = text.split_whitespace().collect();
        all.push(Literal { place: format!("{name}:{line}"), text: words.join(" ") });
        line += rest[skipped.len()..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    all
}

/// What comes before the next string literal, what is in it, and what comes after it.
fn next_literal(source: &str) -> Option<(&str, String, &str)> {
    let mut at = 0;
    loop {
        let rest = &source[at..];
        let char = rest.chars().next()?;
        if rest.starts_with("//") {
            at += rest.find('\n')?;
        } else if let Some(length) = char_literal(rest) {
            at += length;
        } else if char == '"' {
            let (text, after) = unquoted(&rest[1..]);
            return Some((&source[..at], text, after));
        } else {
            assert!(!rest.starts_with("r\"") && !rest.starts_with("r#\""), "raw strings are not looked into");
            at += char.len_utf8();
        }
    }
}

/// `'x'` or `'\n'`, and not a lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let end = match inner.strip_prefix('\\') {
        Some(escaped) => 2 + escaped.char_indices().skip(1).find(|(_, char)| *char == '\'')?.0,
        None => 1 + inner.chars().next()?.len_utf8(),
    };
    (rest.as_bytes().get(end) == Some(&b'\'')).then_some(end + 1)
}

/// What is quoted, and what follows the quote.
fn unquoted(rest: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (text, &rest[at + 1..]),
            // The only escapes in SQL are those of a quote and of a line's end.
            '\\' => text.push(chars.next().map_or(' ', |(_, char)| if char == '\n' { ' ' } else { char })),
            char => text.push(char),
        }
    }
    panic!("a string without an end");
}

/// The tables that a statement names.
fn named<'t>(text: &str, tables: &'t BTreeMap<String, bool>) -> Vec<&'t str> {
    let words: Vec<_> = text
        .split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .filter(|w| !w.is_empty())
        .collect();
    let verbs = ["FROM", "JOIN", "INTO", "UPDATE"];
    let after = words.windows(2).filter(|pair| verbs.contains(&pair[0]));
    after.filter_map(|pair| tables.get_key_value(pair[1])).map(|(name, _)| name.as_str()).collect()
}

/// Does it say which rows of the table by that column? An insertion says it by writing it.
fn goes_by(text: &str, table: &str, column: &str) -> bool {
    let insertion = format!("INSERT INTO {table} (");
    if let Some((_, rest)) = text.split_once(&insertion) {
        return rest.split(')').next().unwrap().split(", ").any(|found| found == column);
    }
    let forms = ["= $", ">= $", "= ANY($", "IN (SELECT value FROM json_each($"];
    forms.iter().any(|form| text.contains(&format!("{column} {form}")))
}

#[test]
fn every_table_has_a_tenant_or_a_reason() {
    for (table, has_workspace) in tables() {
        let common = COMMON.iter().any(|(name, _)| *name == table);
        let by_number = BY_NUMBER.iter().any(|(name, _)| *name == table);
        let ways = [has_workspace, common, by_number].into_iter().filter(|way| *way).count();
        assert_eq!(ways, 1, "{table}: has it a workspace ({has_workspace}), or a place in one list here?");
    }
}

#[test]
fn every_statement_names_a_workspace() {
    let tables = tables();
    let (mut statements, mut used, mut wrong) = (0, vec![false; EXCEPTIONS.len()], Vec::new());
    for path in files(&folder("src/sql"), "rs") {
        if path.components().any(|part| part.as_os_str() == "cut") {
            continue; // A file of tests only.
        }
        for Literal { place, text } in literals(&path) {
            for table in named(&text, &tables) {
                statements += 1;
                let by_number = BY_NUMBER.iter().find(|(name, _)| *name == table);
                let columns = by_number.map_or(&["workspace"][..], |(_, columns)| columns);
                // A row may be found by its workspace in the same statement.
                let found = text.contains("workspace = $") && by_number.is_some()
                    || columns.iter().any(|column| goes_by(&text, table, column));
                if found || COMMON.iter().any(|(name, _)| *name == table) {
                    continue;
                }
                match EXCEPTIONS.iter().position(|(part, _)| format!("{text};").contains(part)) {
                    Some(exception) => used[exception] = true,
                    None => wrong.push(format!("{place}: {table} without {columns:?}: {text}")),
                }
            }
        }
    }
    assert!(statements > 80, "the search found only {statements} statements");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused = EXCEPTIONS.iter().zip(used).filter(|(_, used)| !used);
    let unused: Vec<_> = unused.map(|((part, _), _)| part).collect();
    assert!(unused.is_empty(), "exceptions that nothing needs any more: {unused:?}");
}

#[test]
fn the_search_finds_string_literals() {
    let (before, text, after) =
        next_literal("fn f<'a>() { ('\"', '\\'', // \"no\"\n\"a \\\n  \\\"b\\\"\", \"c\")").unwrap();
    assert!(before.ends_with("\n"));
    assert_eq!((text.as_str(), after), ("a    \"b\"", ", \"c\")"));
    let tables = tables();
    let found =
        named("UPDATE chat SET x = (SELECT 1 FROM message m JOIN session ON TRUE) FOR UPDATE SKIP", &tables);
    assert_eq!(found, ["chat", "message", "session"]);
    let goes_by = |text: &str| goes_by(text, "chat", "workspace");
    assert!(goes_by("SELECT id FROM chat WHERE chat.workspace = $1"));
    assert!(!goes_by("SELECT workspace FROM chat"));
    assert!(!goes_by("SELECT id FROM chat JOIN message ON chat.workspace = message.workspace"));
    assert!(goes_by("INSERT INTO chat (workspace, account) VALUES ($1, $2)"));
    assert!(!goes_by("INSERT INTO chat (account) VALUES ($1) ON CONFLICT (workspace, a) DO NOTHING"));
    assert!(!goes_by("INSERT INTO message (workspace) SELECT workspace FROM chat"));
}
