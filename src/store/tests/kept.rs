//! Facts, views and answers: what is kept, and what is evicted for what.

use super::*;

#[test]
fn facts_and_views_and_answers_outlive_the_process() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let shop_name: RepoName = "acme/shop".parse().unwrap();
        store.put_fact(shop(), "compare a...b", json!({"files": 3})).await.unwrap();
        store.put_view(&shop_name, json!({"decision": "HOLD"})).await.unwrap();
        store.put_view(&shop_name, json!({"decision": "ALLOW"})).await.unwrap();
        store.cache().put("GET /a", b"etag".to_vec());
        store.close().await.unwrap();
        assert_eq!(store.fact(shop(), "compare a...b").await, Err(StoreError::Closed));

        let store = Store::in_memory_on(&disk).unwrap();
        assert_eq!(store.cache().get("GET /a").await, Some(b"etag".to_vec()));
        let fact = store.fact(shop(), "compare a...b").await.unwrap();
        assert_eq!(fact, Some(json!({"files": 3})));
        assert_eq!(store.fact(RepoId::from(8), "compare a...b").await.unwrap(), None);
        assert_eq!(store.views().await, [(shop_name, json!({"decision": "ALLOW"}))]);
    });
}

#[test]
fn an_unchanged_view_is_not_written() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let name: RepoName = "acme/shop".parse().unwrap();
        store.put_view(&name, json!({"decision": "HOLD"})).await.unwrap();
        disk.stop_after(0);
        for _ in 0..200 {
            store.put_view(&name, json!({"decision": "HOLD"})).await.unwrap();
        }
    });
}

#[test]
fn of_too_many_facts_the_ones_in_use_are_kept() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        for number in 0..MOST + 200 {
            store.put_fact(shop(), &format!("fact {number}"), json!(number)).await.unwrap();
            store.fact(shop(), "fact 0").await.unwrap();
            if number == MOST - 100 {
                store.close().await.unwrap();
                return check_facts(&Store::in_memory_on(&disk).unwrap()).await;
            }
        }
    });
}

async fn check_facts(store: &Store) {
    for number in MOST - 99..MOST + 200 {
        store.fact(shop(), "fact 0").await.unwrap();
        store.put_fact(shop(), &format!("fact {number}"), json!(number)).await.unwrap();
    }
    assert_eq!(store.fact(shop(), "fact 0").await.unwrap(), Some(json!(0)));
    assert_eq!(store.fact(shop(), "fact 1").await.unwrap(), None);
    let newest = MOST + 199;
    let fact = store.fact(shop(), &format!("fact {newest}")).await.unwrap();
    assert_eq!(fact, Some(json!(newest)));
    let mut kept = 0;
    for number in 0..=newest {
        kept += usize::from(store.fact(shop(), &format!("fact {number}")).await.unwrap().is_some());
    }
    assert_eq!(kept, MOST);
}

#[test]
fn a_very_large_answer_drives_no_other_out() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let cache = store.cache();
        cache.put("small", vec![1; 10]);
        cache.put("large", vec![1; 10]);
        cache.put("large", vec![1; 70 << 20]);
        assert!(cache.get("small").await.is_some());
        assert_eq!(cache.get("large").await, None);
        store.put_fact(shop(), "large", json!("x".repeat(17 << 20))).await.unwrap();
        store.close().await.unwrap();
        let store = Store::in_memory_on(&disk).unwrap();
        assert_eq!(store.fact(shop(), "large").await.unwrap(), None);
        assert_eq!(store.cache().get("large").await, None);
        assert!(store.cache().get("small").await.is_some());
    });
}
