//! Reports about campaigns: numbers, files, content and consent. Nothing here needs a network.
use std::{
    io::{Cursor, Write},
    sync::{Arc, Mutex},
};

use serde::Deserialize;
use serde_json::{Value, json};
use whatsapp_campaigns::{
    audience::{ConsentStamp, CsvSource, XlsxSource},
    consent::{Hearing, ReplyRules, TakenAs},
    content::{Definition, Template},
    model::{Frozen, Settings},
    person,
    runner::{Clock, Ears, Incoming},
    service::{CampaignService, ServiceError, Upload},
};
use whatsapp_store::{Store, WorkspaceId, memory::MemoryStore};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The time of all cases.
const NOW: i64 = 1_790_000_000_000;

/// A report. `value` is what is right.
#[derive(Deserialize)]
struct Report {
    report: String,
    kind: String,
    #[serde(default)]
    input: Value,
    value: Value,
}

/// Runs all cases, and says which of them are wrong.
pub(crate) fn run() {
    let reports: Vec<Report> = serde_json::from_str(include_str!("campaigns.json")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut wrong = Vec::new();
    for Report { report, kind, input, value } in &reports {
        let found = match kind.as_str() {
            "phone" => phone(input),
            "same person" => json!(person::is_same(text(input, "one"), text(input, "other"))),
            "stop" => runtime.block_on(stop(input)),
            "upload" => runtime.block_on(upload(input)),
            "cell" => runtime.block_on(cell(input)),
            "refused file" => runtime.block_on(refused(input)),
            "content" => content(input),
            "consent" => runtime.block_on(consent(input)),
            "reply" => reply(input),
            "rejected cell" => runtime.block_on(rejected(input)),
            other => panic!("there is no kind {other}"),
        };
        if !fits(value, &found) {
            wrong.push(format!("{kind}: {report}\n  input {input}\n  right {value}\n  found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong\n{}", wrong.len(), reports.len(), wrong.join("\n"));
}

/// Objects may have more than is asked for, and an error is right when it says what is asked for.
fn fits(right: &Value, found: &Value) -> bool {
    match (right, found) {
        (Value::Object(right), Value::Object(found)) => right.iter().all(|(key, right)| {
            let found = found.get(key).unwrap_or(&Value::Null);
            match (key.as_str(), right, found) {
                ("error", Value::String(right), Value::String(found)) => found.contains(right.as_str()),
                _ => fits(right, found),
            }
        }),
        _ => right == found,
    }
}

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
}

/// `text` in `region`: the person and the addresses.
fn phone(input: &Value) -> Value {
    let region = input["region"].as_str().map(|region| region.parse().unwrap());
    match person::parse(text(input, "text"), region) {
        Ok(phone) => json!({ "person": phone.to_string(), "forms": phone.forms() }),
        Err(why) => json!({ "code": why.code(), "error": why.to_string() }),
    }
}

/// Time that stands still.
struct Now;

impl Clock for Now {
    fn now(&self) -> i64 {
        NOW
    }
}

/// What is written to it can be read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Bench {
    store: Arc<dyn Store>,
    service: CampaignService,
    rejects: Shared,
}

impl Bench {
    async fn new(category: &str) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let service = CampaignService::with_clock(store.clone(), WorkspaceId::default(), Arc::new(Now));
        let settings = json!({
            "senders": ["shop"],
            "content": {
                "category": category,
                "variables": {"name": {"type": "text", "missing": {"policy": "default", "value": "friend"}}},
                "variants": [{"name": "a", "content": {"type": "text", "text": "Hello {{ name }}. Reply STOP to end."}}],
            },
            "timing": {"schedule": {"type": "once", "at": NOW}, "quietHours": null},
        });
        service.create("c", "C", Settings::from_json(&settings.to_string()).unwrap(), "ana").await.unwrap();
        Self { store, service, rejects: Shared::default() }
    }

    /// Uploads what the input says.
    async fn upload(&self, input: &Value) -> Result<Frozen, ServiceError> {
        let at = input["at"].as_i64().unwrap_or(NOW - 1_000);
        let scope = input["scope"].as_str().unwrap_or("marketing");
        let stamp = ConsentStamp::new(scope, "form", at, "https://example.org/form").unwrap();
        let mut upload = Upload::new(stamp);
        upload.region = input["region"].as_str().map(|region| region.parse().unwrap());
        for one in input["exclude"].as_array().into_iter().flatten() {
            upload.exclude.insert(one.as_str().unwrap().to_owned());
        }
        let source = CsvSource::new(Cursor::new(bytes(input)));
        let source = match input["encoding"].as_str() {
            Some(name) => source.encoding(name.parse().unwrap()),
            None => source,
        };
        self.service.upload("c", source, upload, self.rejects.clone(), "ana").await
    }

    /// Names of the recipients, as they would be greeted.
    async fn greeted(&self) -> Vec<String> {
        let rows = self.service.preview("c", 100).await.unwrap();
        let mut names: Vec<String> = rows
            .iter()
            .map(|row| row.contents[0].as_text().unwrap().to_owned())
            .map(|text| text.trim_start_matches("Hello ").trim_end_matches(". Reply STOP to end.").to_owned())
            .collect();
        names.sort();
        names
    }
}

/// `hex`, or else `file`.
fn bytes(input: &Value) -> Vec<u8> {
    match input["hex"].as_str() {
        Some(hex) => {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        }
        None => text(input, "file").as_bytes().to_vec(),
    }
}

async fn outcome(bench: &Bench, uploaded: Result<Frozen, ServiceError>) -> Value {
    match uploaded {
        Ok(frozen) => {
            let mut told = serde_json::to_value(&frozen).unwrap();
            told["names"] = json!(bench.greeted().await);
            told
        }
        Err(why) => json!({ "error": why.to_string() }),
    }
}

/// Somebody writes `text` (STOP unless said otherwise) from the address `from`, and then a file is uploaded.
async fn stop(input: &Value) -> Value {
    let bench = Bench::new("marketing").await;
    let incoming = Incoming {
        id: "IN1".into(),
        account: "shop".into(),
        from: text(input, "from").to_owned(),
        text: Some(input["text"].as_str().unwrap_or("STOP").to_owned()),
        answers: Vec::new(),
        at: NOW - 5_000,
        edited_at: None,
        taken: TakenAs::Nothing,
    };
    Ears::new(bench.store.clone()).incoming(&WorkspaceId::default(), &incoming).await.unwrap();
    let uploaded = bench.upload(input).await;
    outcome(&bench, uploaded).await
}

async fn upload(input: &Value) -> Value {
    let bench = Bench::new("marketing").await;
    let uploaded = bench.upload(input).await;
    outcome(&bench, uploaded).await
}

/// A file that is refused after one that was taken: what is said, and how many recipients there are still.
async fn refused(input: &Value) -> Value {
    let bench = Bench::new("marketing").await;
    bench.upload(&json!({ "file": "phone\n+4915123456789\n+4915123456780\n" })).await.unwrap();
    let error = bench.upload(input).await.err().map(|why| why.to_string());
    let recipients = bench.service.progress("c").await.unwrap().recipients;
    json!({ "error": error, "recipients": recipients })
}

/// The value `number` with the number format `format` in a sheet: what the customer is called.
async fn cell(input: &Value) -> Value {
    let bench = Bench::new("marketing").await;
    let book = workbook(text(input, "format"), text(input, "number"));
    let stamp = ConsentStamp::new("marketing", "form", NOW - 1_000, "link").unwrap();
    let source = XlsxSource::new(Cursor::new(book));
    let uploaded = bench.service.upload("c", source, Upload::new(stamp), bench.rejects.clone(), "ana").await;
    outcome(&bench, uploaded).await["names"][0].clone()
}

/// A content of a category: what is wrong with it, or what looks like a placeholder in it.
fn content(input: &Value) -> Value {
    let category = input["category"].as_str().unwrap_or("utility");
    let definition = json!({
        "category": category,
        "variants": [{ "name": "a", "content": input["content"] }],
    });
    let definition = Definition::from_json(&definition.to_string()).unwrap();
    match Template::new(&definition) {
        Ok(template) => {
            let found: Vec<&str> = template.placeholders().iter().map(|found| found.text.as_str()).collect();
            json!({ "placeholders": found })
        }
        Err(why) => json!({ "error": why.to_string() }),
    }
}

/// A file under a consent of `scope` at `at`, for a campaign of `category`.
async fn consent(input: &Value) -> Value {
    let bench = Bench::new(input["category"].as_str().unwrap_or("marketing")).await;
    let mut input = input.clone();
    input["file"] = json!("phone\n+4915123456789\n");
    match bench.upload(&input).await {
        Ok(frozen) => json!({ "recipients": frozen.recipients }),
        Err(why) => json!({ "error": why.to_string() }),
    }
}

/// What a message asks for, with the `rules` of a workspace.
fn reply(input: &Value) -> Value {
    let rules: ReplyRules = match &input["rules"] {
        Value::Null => ReplyRules::default(),
        rules => serde_json::from_value(rules.clone()).unwrap(),
    };
    json!(match rules.hear(text(input, "text")) {
        Hearing::Nothing => "nothing",
        Hearing::Stop => "stop",
        Hearing::Start => "start",
        Hearing::AskPerson => "person",
    })
}

/// A value that is no number, and how it stands in the list of refused rows.
async fn rejected(input: &Value) -> Value {
    let bench = Bench::new("marketing").await;
    let quoted = text(input, "cell").replace('"', "\"\"");
    let file = format!("phone\n\"{quoted}\"\n+4915123456789\n");
    bench.upload(&json!({ "file": file })).await.unwrap();
    let list = String::from_utf8(bench.rejects.0.lock().unwrap().clone()).unwrap();
    let line = list.split("\r\n").nth(1).unwrap().trim_start_matches("2,").to_owned();
    let end = line.rfind(",invalid_number").unwrap_or(line.len());
    json!(line[..end])
}

/// A workbook with one customer, whose name is a number with a format.
fn workbook(format: &str, number: &str) -> Vec<u8> {
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"";
    let format = format.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let named =
        |column: &str, text: &str| format!("<c r=\"{column}1\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    archive(&[
        (
            "_rels/.rels",
            format!(
                "<Relationships {package}><Relationship Id=\"a\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook {main} xmlns:r=\"{office}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"a\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships {package}><Relationship Id=\"a\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"b\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet {main}><numFmts><numFmt numFmtId=\"164\" formatCode=\"{format}\"/></numFmts><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(
                "<worksheet {main}><sheetData><row r=\"1\">{}{}</row><row r=\"2\"><c r=\"A2\"><v>4915123456789</v></c><c r=\"B2\" s=\"1\"><v>{number}</v></c></row></sheetData></worksheet>",
                named("A", "phone"),
                named("B", "name"),
            ),
        ),
    ])
}

/// An archive of files, not packed.
fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, stored).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
