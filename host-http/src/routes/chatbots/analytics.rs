//! What became of a bot's conversations, in numbers.
use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde_json::{Value, json};
use whatsapp_bots::runner::{ENDED, STARTED};
use whatsapp_store::NodeCount;

use super::{Bot, Listed, service};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Params, Segments},
};

/// `GET /api/chatbots/{id}/analytics?version=`: how many conversations began by which trigger and ended how; and by node, how many
/// came in, went on, and were lost, and the time spent.
pub async fn show(
    State(app): State<App>,
    Segments(id): Bot,
    Params(query): Listed,
) -> ApiResult<Json<Value>> {
    let counted = service(&app).counts(&id, query.version).await?;
    let counted = counted.ok_or_else(|| ApiError::conflict("the chatbot was never published"))?;
    Ok(Json(report(counted.version, counted.counts)))
}

fn report(version: i64, counts: Vec<NodeCount>) -> Value {
    let (mut nodes, mut started, mut ended) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for count in counts {
        if let Some(trigger) = count.node.strip_prefix(STARTED) {
            started.insert(trigger.to_owned(), count.entered);
        } else if let Some(outcome) = count.node.strip_prefix(ENDED) {
            ended.insert(outcome.to_owned(), count.entered);
        } else {
            nodes.push(count);
        }
    }
    let all = |of: &BTreeMap<String, u64>| of.values().sum::<u64>();
    // Of those that no trigger started, the name is empty.
    let otherwise = started.remove("").unwrap_or_default();
    json!({
        "version": version,
        "triggered": { "total": all(&started) + otherwise, "byTrigger": started, "otherwise": otherwise },
        "ended": { "total": all(&ended), "byOutcome": ended },
        "nodes": nodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(node: &str, entered: u64) -> NodeCount {
        NodeCount { node: node.to_owned(), entered, left: 0, dropped: 0, millis: 0 }
    }

    #[test]
    fn totals_stand_apart_from_nodes() {
        let counts = ["/ended/completed", "/ended/expired", "/started/", "/started/a", "/started/b", "f/n"];
        let report =
            report(3, counts.into_iter().zip(1..).map(|(node, entered)| count(node, entered)).collect());
        assert_eq!(
            report["triggered"],
            json!({ "total": 12, "byTrigger": { "a": 4, "b": 5 }, "otherwise": 3 })
        );
        assert_eq!(report["ended"], json!({ "total": 3, "byOutcome": { "completed": 1, "expired": 2 } }));
        assert_eq!(report["nodes"].as_array().unwrap().len(), 1);
    }
}
