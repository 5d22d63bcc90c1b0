use std::time::Duration;

use proptest::prelude::*;
use tokio::time::timeout;
use whatsapp_store::{EventStore, memory::MemoryStore};

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

async fn put(store: &MemoryStore, workspace: &str, numbers: std::ops::Range<u32>) {
    let mut changes = Changes::new(workspace.parse::<WorkspaceId>().unwrap());
    for number in numbers {
        changes.push(event("n", &number));
    }
    store.commit(changes).await.unwrap();
}

async fn next(listener: &mut Listener) -> u64 {
    let told = timeout(PATIENCE, listener.next()).await.expect("nothing comes").expect("the store failed");
    told.data.as_u64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_tail_is_started_by_the_first_who_listens_and_ends_with_the_last() {
    let store = Arc::new(MemoryStore::new());
    let events = Events::new(store.clone());
    put(&store, "w", 0..3).await;
    for _ in 0..2 {
        let mut listener = events.listen("w".parse().unwrap(), Some("0")).await.unwrap();
        for wanted in 0..3 {
            assert_eq!(next(&mut listener).await, wanted);
        }
        assert!(timeout(Duration::from_secs(10), listener.next()).await.is_err());
        assert_eq!(events.hub.listeners(), 1);
        drop(listener);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(Arc::strong_count(&events.hub), 1, "the tail still runs");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_too_slow_for_the_tail_reads_from_the_store() {
    let store = Arc::new(MemoryStore::new());
    let events = Events::new(store.clone());
    let mut listener = events.listen("w".parse().unwrap(), None).await.unwrap();
    put(&store, "w", 0..1).await;
    assert_eq!(next(&mut listener).await, 0);
    for from in 0..30 {
        put(&store, "w", 1 + from * 100..101 + from * 100).await;
        put(&store, "others", 0..100).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for wanted in 1..3_001 {
        assert_eq!(next(&mut listener).await, wanted);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Put(bool, u32),
    Read(u32),
    Resume,
    Pause,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (any::<bool>(), 1..150_u32).prop_map(|(ours, count)| Act::Put(ours, count)),
        (1..200_u32).prop_map(Act::Read),
        Just(Act::Resume),
        Just(Act::Pause),
    ];
    prop::collection::vec(act, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every event of the workspace once and in order, whenever it is written, read, resumed and waited.
    #[test]
    fn a_listener_misses_nothing_and_hears_nothing_twice(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let store = Arc::new(MemoryStore::new());
            let events = Events::new(store.clone());
            let workspace: WorkspaceId = "w".parse().unwrap();
            let mut listener = events.listen(workspace.clone(), Some("0")).await.unwrap();
            let (mut written, mut read, mut last) = (0, 0, "0".to_owned());
            for act in acts {
                match act {
                    Act::Put(true, count) => {
                        put(&store, "w", written..written + count).await;
                        written += count;
                    }
                    Act::Put(false, count) => put(&store, "others", 0..count).await,
                    Act::Read(count) => {
                        for _ in 0..count.min(written - read) {
                            let told = timeout(PATIENCE, listener.next()).await.unwrap().unwrap();
                            assert_eq!(told.data, serde_json::json!(read));
                            last = told.event_id;
                            read += 1;
                        }
                    }
                    Act::Resume => listener = events.listen(workspace.clone(), Some(&last)).await.unwrap(),
                    Act::Pause => tokio::time::sleep(Duration::from_secs(3)).await,
                }
            }
            while read < written {
                assert_eq!(next(&mut listener).await, u64::from(read));
                read += 1;
            }
            let more = timeout(Duration::from_secs(5), listener.next()).await;
            assert!(more.is_err(), "one too many: {more:?}, {written} written");
            assert_eq!(store.events(&workspace, None, u32::MAX).await.unwrap().len(), written as usize);
        });
    }
}
